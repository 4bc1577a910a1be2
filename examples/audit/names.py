"""Names for agents: dotted module paths made into legal, unique keys.

Owns the spelling only. It reads no files; `tree` asks it for every module and package that it finds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

__all__ = ["Names", "dotted"]

#: Characters of a key before it is shortened: the engine takes 128, a suffix that makes it unique needs a few.
LONGEST = 112
#: Characters of the digest that replaces the middle of a name that is too long.
DIGEST = 12

_FOREIGN = re.compile(r"[^A-Za-z0-9_.@-]")
_FIRST = re.compile(r"[A-Za-z0-9_]")


def dotted(parts: Iterable[str]) -> str:
    """The legal name nearest to a path's parts: `("json", "decoder")` is `json.decoder`.

    What an agent's key cannot hold becomes `_`; a plain number gets a leading `_`, since numbers name a spawned
    range.
    """
    name = _FOREIGN.sub("_", ".".join(parts)) or "_"
    if name.isdecimal() or not _FIRST.match(name):
        name = "_" + name
    if len(name) > LONGEST:
        digest = hashlib.sha256(name.encode()).hexdigest()[:DIGEST]
        keep = LONGEST - DIGEST - 1
        name = f"{name[:keep]}+{digest}"
    return name


class Names:
    """Hands out each name once: the second `json.tool` is `json.tool+2`."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def unique(self, name: str) -> str:
        """The name itself, or with the lowest free number after a `+`."""
        candidate, number = name, 1
        while candidate in self._taken:
            number += 1
            candidate = f"{name}+{number}"
        self._taken.add(candidate)
        return candidate
