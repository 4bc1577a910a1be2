"""One version of what agents run: where each kind's class is loaded from.

Pure. Which worker runs which is its seat's knowledge; what stands in a module is `registry`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Code"]


@dataclass(frozen=True, slots=True)
class Code:
    """A version. number: from 1.  first: folders at the front of the workers' import path.

    instead: the reference that a kind is loaded by, for the one that it was loaded by in the first version.
    added: references of kinds that came with it.  marks: what tells the source of each kind that was deployed from another.
    """

    number: int = 1
    first: list[str] = field(default_factory=list)
    instead: dict[str, str] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)

    def reference(self, first: str) -> str:
        """The reference by which a kind is loaded that had this one first."""
        return self.instead.get(first, first)

    def references(self, first: Iterable[str]) -> list[str]:
        """The references of all kinds. first: those of the first version."""
        return list(dict.fromkeys([*map(self.reference, first), *self.added]))

    def next(self, path: str | None, instead: Mapping[str, str], added: Iterable[str], marks: Mapping[str, str]) -> Code:
        """The version after this one. path: a folder before all others."""
        front = [] if path is None else [path]
        return Code(
            self.number + 1,
            [*front, *(one for one in self.first if one not in front)],
            self.instead | dict(instead),
            list(dict.fromkeys([*self.added, *added])),
            self.marks | dict(marks),
        )

    def as_row(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "number": self.number,
            "first": self.first,
            "instead": self.instead,
            "added": self.added,
            "marks": self.marks,
        }

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Code:
        """What was kept."""
        return cls(row["number"], row["first"], row["instead"], row["added"], row["marks"])
