"""A slice is counted by how its tasks ended: done, failed, or taken back, which is neither."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pools.gauges import CELLS, DONE, FAILED
from pools.score import Score


def counted(ended: Any, errors: list[Any], first: int = 0) -> tuple[int, int, list[Any]]:
    cells = memoryview(bytearray(CELLS * 8)).cast("Q")
    done: list[Any] = []
    score = Score(cells, SimpleNamespace(due_ns=0, done=lambda _kind, keys: done.extend(keys)))  # type: ignore[arg-type]
    residents = SimpleNamespace(kind=SimpleNamespace(name="a"))
    job: Any = SimpleNamespace(keys=[10, 11, 12, 13, 14], residents=residents)
    score.count(job, first, ended, errors)
    return cells[DONE], cells[FAILED], done


def test_all_done() -> None:
    assert counted(range(5), []) == (5, 0, [10, 11, 12, 13, 14])
    assert counted(range(2), [], first=3) == (2, 0, [13, 14])


def test_some_failed_and_one_was_taken_back() -> None:
    errors = [[1, "TaskFailed", "x", None], [3, "TaskCancelled", "x", None]]
    assert counted(range(5), errors) == (3, 1, [10, 12, 14])


def test_some_go_on() -> None:
    assert counted([0, 2], [], first=1) == (2, 0, [11, 13])
    assert counted([0, 2], [[2, "TaskFailed", "x", None]], first=1) == (1, 1, [11])
