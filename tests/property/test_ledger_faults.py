"""Whichever input or output of a ledger fails: what was promised is there, whole lines only, and it goes on behind them."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from checkpoints.errors import FolderInUse
from checkpoints.simdisk import Fault, Killed, SimDisk
from sprints.errors import LedgerFailed, LedgerFull
from sprints.ledger import Ledger, open_ledger

SPRINT = "sp-20261121-004"
#: More inputs and outputs than anything here does.
MOST = 200


def opened(disk: SimDisk) -> tuple[Ledger, list[str]]:
    """The ledger, and what its lines say."""
    said: list[str] = []
    return open_ledger(disk.process(), "s", SPRINT, lambda: 1.5, lambda line: said.append(line.facts["text"])), said


class Lives:
    """What was offered to a ledger, and up to where that was promised."""

    def __init__(self, disk: SimDisk) -> None:
        self.disk = disk
        self.offered: list[str] = []
        self.promised = 0

    def run(self, times: int = 2) -> None:
        """Open it, write some batches, try a full disk once more, close it; so many times, or up to the first failure."""
        with suppress(LedgerFailed, OSError, Killed, FolderInUse):
            for _ in range(times):
                ledger, said = opened(self.disk)
                assert said[: self.promised] == self.offered[: self.promised]
                assert said == self.offered[: len(said)]
                del self.offered[len(said) :]
                self._write(ledger)
                ledger.close()

    def _write(self, ledger: Ledger) -> None:
        for batch in range(3):
            for _ in range(batch + 1):
                text = f"{len(self.offered)}" + "x" * (300 * batch)
                self.offered.append(text)
                ledger.add("phase", 0.1, text=text)
            with suppress(LedgerFull):
                ledger.sync()
            ledger.sync()
            self.promised = ledger.synced


Ends = Callable[[SimDisk], Any]
KILL: Ends = lambda disk: disk.kill()  # noqa: E731
CUT: Ends = lambda disk: disk.cut_power(Random(len(disk.trace)))  # noqa: E731


@pytest.mark.parametrize("end", [KILL, CUT], ids=["killed", "without power"])
@pytest.mark.parametrize(
    ("error", "is_after", "is_lasting"),
    [
        *((errno.EIO, False, False), (errno.EIO, True, False), (errno.EIO, False, True), (errno.ENOSPC, False, False)),
        *((errno.ENOSPC, False, True), (None, False, False), (None, True, False)),
    ],
)
def test_no_half_line_is_believed_whichever_call_fails(error: int | None, is_after: bool, is_lasting: bool, end: Ends) -> None:
    for nth in range(1, MOST):
        disk = SimDisk()
        disk.put("s/backlog.json", b"{}")
        lives = Lives(disk)
        disk.faults = [fault := Fault(nth, error, is_after=is_after, is_lasting=is_lasting, share=(nth % 7) / 7)]
        lives.run()
        disk.faults = []
        end(disk)
        ledger, said = opened(disk)
        assert lives.offered[: lives.promised] == said[: lives.promised], nth
        assert said == lives.offered[: len(said)], nth
        assert ledger.number == len(said)
        ledger.close()
        lives.run(1)  # and it goes on from there
        assert opened(disk)[1] == lives.offered
        assert lives.promised == len(lives.offered)
        if not fault.has_struck:
            return
    raise AssertionError("it never came through")
