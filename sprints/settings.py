"""How the sprints of a backlog are run, as somebody asked for it.

Owns what can be asked for, and refuses what cannot be, before anything is made. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sprints.clock import Clock
from sprints.errors import BadBacklog

__all__ = ["Settings"]

#: Sprints of one campaign at most: a year of them. Seeds that there are: what a ledger's number can tell apart.
SPRINTS, SEEDS = 35_040, 2**63


@dataclass(frozen=True, slots=True)
class Settings:
    """How a campaign is run.

    folder: of the backlog's file, from which its own folders are named.  sprints: how many at most, None for what it takes.
    speed: as a Clock takes it.  seed: a whole number of 63 bits.  Raises BadBacklog.
    path: where checks by `call` are looked for.  price: what cpu and machine cost.  is_optimized: whether each sprint does what
    the one before advises.  workers: processes that agents share.  queued: the id under which it waited for its backlog, empty
    where it did not.
    """

    folder: str
    sprints: int | None = 1
    speed: float = 1.0
    seed: int = 0
    path: tuple[str, ...] = ()
    price: Mapping[str, Any] | None = None
    is_optimized: bool = True
    workers: int = 1
    queued: str = ""

    def __post_init__(self) -> None:
        Clock(self.speed)
        if self.sprints is not None and (type(self.sprints) is not int or not 0 < self.sprints <= SPRINTS):
            raise BadBacklog(f"1 to {SPRINTS:,}, or None for what it takes, not {self.sprints!r:.40}", key="sprints")
        if type(self.seed) is not int or not 0 <= self.seed < SEEDS:
            raise BadBacklog(f"a whole number from 0, of at most 63 bits, not {self.seed!r:.40}", key="seed")

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Those of a row. Raises BadBacklog, and TypeError where it has others."""
        return cls(**{**row, "path": tuple(row.get("path", ()))})

    def row(self) -> dict[str, Any]:
        """The same as it stands in a ledger."""
        return {name: getattr(self, name) for name in self.__slots__}
