"""A fork reads the steps that were there when it began, and has its own recorded in the worker."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoints.steps import OpenSteps, step_part
from pools.errors import StoreFull
from pools.far import FarLedger


def test_what_was_there_is_read_and_what_is_new_is_said() -> None:
    said: list[dict[str, Any]] = []
    steps = OpenSteps()
    steps.fold(step_part("00-1", 0, "x", None, [5]))
    far = FarLedger(steps, None, said.append)
    assert far.recall.steps.of("00-1")[0].value == 5
    assert far.recall.stepped("00-1", 1, "y", None, [1, 2]) > 5
    assert said == [{"step": 1, "name": "y", "value": [[1, 2]]}]


def test_who_waits_for_the_disk_is_called_when_the_worker_says_so() -> None:
    said: list[dict[str, Any]] = []
    called: list[int] = []
    far = FarLedger(OpenSteps(), None, said.append)
    assert far.when_synced(lambda: called.append(1))
    assert far.when_synced(lambda: called.append(2))
    assert (said, called) == ([{"hold": 1}, {"hold": 2}], [])
    far.synced(2)
    far.synced(1)
    assert called == [2, 1]


def test_where_the_worker_could_record_nothing_no_step_is_taken() -> None:
    FarLedger(OpenSteps(), None, [].append).check()
    with pytest.raises(StoreFull):
        FarLedger(OpenSteps(), StoreFull("no room"), [].append).check()
