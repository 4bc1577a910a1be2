"""What the sprints in one folder were worth: features, bugs, tests and lines of code, from their receipts.

Owns the sum over sprints. Those that were are read from their ledgers, once and in a thread; one that runs is followed as its
receipts are stamped. A feature, or a bug, counts once for each backlog, whatever sprints worked on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

from sprints.archive import Archive
from sprints.chronicle import Chronicle
from sprints.errors import SprintError

__all__ = ["Harvest"]


class Harvest:
    """The worth of sprints. archive: where they are kept."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._sheaves: dict[str, _Sheaf] = {}
        #: Whether those that were before have been read.
        self.is_whole = False

    def read(self) -> None:
        """Take in every sprint that is kept; one that cannot be read counts as far as it can. In a thread."""
        for sprint in self._archive.ids():
            with suppress(SprintError, OSError, ValueError, KeyError, TypeError):
                told = self._archive.chronicle(sprint)
                if sprint not in self._sheaves and told.header:
                    sheaf = _Sheaf()
                    sheaf.take(told)
                    self._sheaves.setdefault(sprint, sheaf)
        self.is_whole = True

    def follow(self, told: Chronicle) -> None:
        """Take in what a sprint has told since it was followed last."""
        if told.header:
            sheaf = self._sheaves.get(told.id)
            if sheaf is None or sheaf.told is not told:
                sheaf = self._sheaves[told.id] = _Sheaf()
            sheaf.take(told)

    def worth(self) -> dict[str, int] | None:
        """features, tests, bugs_fixed, code_lines; None where there was no sprint, or not all of them have been read."""
        if not self.is_whole or not self._sheaves:
            return None
        sheaves = list(self._sheaves.values())
        return {
            "features": len(_whole(sheaf.features for sheaf in sheaves)),
            "tests": sum(sheaf.tests for sheaf in sheaves),
            "bugs_fixed": len(_whole(sheaf.bugs for sheaf in sheaves)),
            "code_lines": sum(sheaf.lines for sheaf in sheaves),
        }


def _whole(found: Iterable[set[tuple[str, str]]]) -> set[tuple[str, str]]:
    return set().union(*found)


class _Sheaf:
    """What one sprint was worth so far. features, bugs: with their backlog, those of which all planned items are done."""

    def __init__(self) -> None:
        self.told: Chronicle | None = None
        self.features: set[tuple[str, str]] = set()
        self.bugs: set[tuple[str, str]] = set()
        self.tests = self.lines = 0
        self._at = 0
        self._done: Counter[tuple[str, str]] = Counter()

    def take(self, told: Chronicle) -> None:
        """Take in the receipts that have come since."""
        self.told = told
        backlog = str(told.header.get("backlog", ""))
        receipts = told.receipts[self._at :]
        self._at += len(receipts)
        for receipt in receipts:
            if receipt.verdict != "done":
                continue
            self.tests += receipt.effects.get("tests", 0)
            self.lines += receipt.effects.get("lines", 0)
            for what, name, whole in (("features", receipt.feature, self.features), ("bugs", receipt.bug, self.bugs)):
                if name is None:
                    continue
                self._done[what, name] += 1
                if self._done[what, name] >= (told.header.get(what) or {}).get(name, 1):
                    whole.add((backlog, name))
        if told.is_over:
            self._done.clear()
