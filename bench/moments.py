"""Deaths at named moments of the log, so many of each sort: which moments there are, and who is armed when.

A file in a folder, named after a moment, ends the next process that passes it (`checkpoints.failpoint`)."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

__all__ = ["GROUPS", "Armed", "by_group"]

#: The sorts of moments. The two of the hand-over that begin with `roll` are passed by each process that opens a log too.
GROUPS = {
    "before the write": ("commit.write",),
    "write to sync": ("commit.written", "commit.sync"),
    "sync to reply": ("commit.synced",),
    "roll": ("roll.created", "roll.sealed"),
    "compaction": ("compact.snapshot", "compact.written", "compact.named", "compact.removed"),
    "hand-over": ("open.locked", "roll.written", "roll.renamed", "mark.written"),
    "replay": ("open.read",),
}


#: Sorts at which a worker dies before it has done anything, and the seconds between two of them: one that dies so again and
#: again is given up, as it should be.
AT_BIRTH, BETWEEN_S = ("hand-over", "replay"), 0.7


class Armed:
    """What is armed. folder: where the files are; it is made.  clock: monotonic seconds."""

    def __init__(self, folder: Path, chance: Random, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._born_s = clock() - BETWEEN_S
        self._folder = folder
        self._chance = chance
        self._due: Counter[str] = Counter()
        folder.mkdir()

    def put(self, group: str) -> None:
        """Have one process more die at a moment of this sort."""
        self._due[group] += 1
        self.look()

    def look(self) -> int:
        """Arm what is due, one of a sort at a time; returns how many have not died yet."""
        here = {path.name for path in self._folder.iterdir()}
        for group, moments in GROUPS.items():
            if self._due[group] and not here.intersection(moments) and self._may_die(group, here):
                self._due[group] -= 1
                moment = self._chance.choice(moments)
                here.add(moment)
                (self._folder / moment).touch()
        return len(here) + self._due.total()

    def _may_die(self, group: str, here: set[str]) -> bool:
        """Whether it is time for one of this sort."""
        if group not in AT_BIRTH:
            return True
        now_s = self._clock()
        if now_s < self._born_s + BETWEEN_S or any(here.intersection(GROUPS[other]) for other in AT_BIRTH):
            return False
        self._born_s = now_s
        return True

    @property
    def waits_for_death(self) -> bool:
        """Whether somebody must die before those who are armed can: they do it when they take up what the dead left."""
        return any((self._folder / moment).exists() for moment in (*GROUPS["hand-over"], *GROUPS["replay"]))

    def clear(self) -> None:
        """Have nobody die any more."""
        self._due.clear()
        for path in self._folder.iterdir():
            path.unlink(missing_ok=True)


def by_group(moments: Mapping[str, int]) -> dict[str, int]:
    """Deaths by sort. moments: deaths by name."""
    return {group: sum(moments.get(name, 0) for name in names) for group, names in GROUPS.items()}
