"""What the address of an agent has to look like, as a person writes it.

Owns the reading of it: a part of the address, or a regular expression where it has signs of one; a `!` before it turns that
round. Pure. An expression that could take long on a short text is refused, since one match cannot be interrupted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pools.address import Key
from pools.errors import BadArgument

__all__ = ["Filter"]

#: Characters of a filter: more than an address has.
CHARS = 200
#: Repetitions and groups of an expression: with three of each a match of an address takes some milliseconds at the worst.
REPETITIONS, GROUPS = 3, 3
#: Signs that make a text an expression. A dot alone does not: keys have dots.
_SIGNS = frozenset("^$*+?{}[]|()\\")
#: What is taken literally is left out before signs are counted.
_LITERAL = re.compile(r"\\.|\[\^?\]?[^\]]*\]")
_REPEATED_GROUP = re.compile(r"\)[*+?{]")


class Filter:
    """A test of addresses. text: as it is written; an empty one lets all pass.  Raises BadArgument."""

    def __init__(self, text: str) -> None:
        if len(text) > CHARS:
            raise BadArgument(f"a filter has up to {CHARS} characters, not {len(text):,}")
        self.text = text
        self.is_inverse = text.startswith("!")
        meant = text[1:] if self.is_inverse else text
        self._part = meant
        self._search: Callable[[str], object] | None = None
        if _SIGNS.intersection(meant):
            self._search = _expression(meant).search

    def those(self, kind: str, keys: Sequence[Key]) -> list[Key]:
        """The keys of a kind whose address passes, in their order."""
        prefix, part, search, is_inverse = f"{kind}/", self._part, self._search, self.is_inverse
        if search is not None:
            return [key for key in keys if (search(f"{prefix}{key}") is None) is is_inverse]
        if part in prefix:
            return [] if is_inverse else list(keys)
        return [key for key in keys if (part not in f"{prefix}{key}") is is_inverse]


def _expression(text: str) -> re.Pattern[str]:
    """Raises BadArgument."""
    bare = _LITERAL.sub("", text)
    repetitions = sum(bare.count(sign) for sign in "*+?{")
    if repetitions > REPETITIONS or bare.count("(") > GROUPS or _REPEATED_GROUP.search(bare) is not None:
        raise BadArgument(
            f"the filter {text!r} could take long: an expression has up to {REPETITIONS} of * + ? {{, up to {GROUPS} groups, "
            "and repeats no group"
        )
    if "(?" in bare or re.search(r"\\[1-9]", text):
        raise BadArgument(f"the filter {text!r} refers to groups, or has options: neither is taken here")
    try:
        return re.compile(text)
    except re.error as error:
        raise BadArgument(f"the filter {text!r} is no regular expression: {error}") from error
