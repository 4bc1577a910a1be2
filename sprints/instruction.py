"""What a sprint tells its runner to do, in the order in which it is to be done.

Values only. A runner that is given several does them one after the other, and has every `Record` on the disk before it acts on
what comes after it. What comes of one of them it hands in when it has done them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sprints.outcome import Outcome

__all__ = ["Check", "Dispatch", "End", "HurryShip", "Instruction", "Recall", "Record", "Ship"]


@dataclass(frozen=True, slots=True)
class Record:
    """Write an event into the ledger, with `n` and `at` added. event: `e`, its fields, and `s`."""

    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Send these items, by id. is_again: they may have been sent before a restore, under the same ids."""

    items: Sequence[str]
    wave: int
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """Judge these outcomes, and hand the receipts in with `Sprint.judged`."""

    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class Recall:
    """Take back these items, by id, which are out or being judged: the sprint hears no more of them."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Ship:
    """Make a release of these items, by id, all of them done; answer with `Sprint.shipped` or `Sprint.not_shipped`."""

    items: Sequence[str]
    wave: int


@dataclass(frozen=True, slots=True)
class HurryShip:
    """The time to ship is up: give up what has not been switched to, and answer."""


@dataclass(frozen=True, slots=True)
class End:
    """The sprint has ended; nothing comes after it."""


Instruction: TypeAlias = Record | Dispatch | Check | Recall | Ship | HurryShip | End
