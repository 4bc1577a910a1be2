"""What is written into a filter: words, and `kind: pool: state:` and the like before what they are to be.

Owns the reading of it. Pure; what the words mean is decided by who asked for them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

__all__ = ["Choice", "choice_of"]


class Choice(NamedTuple):
    """What is meant. text: all of it, as it was written.  words: what is named nothing.  named: the rest, by its names."""

    text: str = ""
    words: str = ""
    named: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str | None:
        """What was written behind a name; None for nothing."""
        return dict(self.named).get(name) or None

    def several(self, name: str) -> tuple[str, ...]:
        """The same, parted at its commas."""
        return tuple(part for part in (self.get(name) or "").split(",") if part)


def choice_of(text: str, names: Collection[str]) -> Choice:
    """What is meant: `scout pool:p1 status:run,wait`. names: that may stand before a colon; of two the last counts."""
    words: list[str] = []
    named: dict[str, str] = {}
    for word in text.split():
        name, colon, value = word.partition(":")
        if colon and name in names:
            named[name] = value
        else:
            words.append(word)
    return Choice(" ".join(text.split()), " ".join(words), tuple(named.items()))
