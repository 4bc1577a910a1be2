"""A fork reads the steps that were there when it began, and has its own recorded in the worker."""

from __future__ import annotations

from typing import Any

from checkpoints.journal import Journal, step_part
from pools.far import FarLedger


def test_what_was_there_is_read_and_what_is_new_is_said() -> None:
    said: list[dict[str, Any]] = []
    journal = Journal()
    journal.fold(step_part("00-1", 0, "x", None, [5]))
    far = FarLedger(journal, said.append)
    assert far.recall.journal.of("00-1")[0].value == 5
    assert far.recall.stepped("00-1", 1, "y", None, [1, 2]) > 5
    assert said == [{"step": 1, "name": "y", "value": [[1, 2]]}]


def test_who_waits_for_the_disk_is_called_when_the_worker_says_so() -> None:
    said: list[dict[str, Any]] = []
    called: list[int] = []
    far = FarLedger(Journal(), said.append)
    assert far.hold(lambda: called.append(1))
    assert far.hold(lambda: called.append(2))
    assert (said, called) == ([{"hold": 1}, {"hold": 2}], [])
    far.synced(2)
    far.synced(1)
    assert called == [2, 1]
