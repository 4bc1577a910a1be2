"""Who did most is counted exactly while that is cheap, and told as a lower bound beyond; the table is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from pools import performers as module
from pools.gauges import BUSY_NS, CELLS, DONE
from pools.performers import PART, SLICE_NS, START_NS, TASK_NS, TELL_S, Performers


class Worker:
    """A row of gauges, and a loop by hand."""

    def __init__(self) -> None:
        self.cells = memoryview(bytearray(CELLS * 8)).cast("Q")
        self.calls: list[Callable[[], None]] = []
        self.said: list[dict[str, Any]] = []
        self.cells[DONE] = 1_000_000  # of a process before
        self.performers = Performers(self.cells)
        self.performers.report(self.later, self.said.append)

    def later(self, after_s: float, call: Callable[[], None]) -> None:
        assert after_s == TELL_S
        self.calls.append(call)

    def run(self, kind: str, keys: list[Any], task_ns: int = 500) -> None:
        """A slice of tasks that are done."""
        self.cells[DONE] += len(keys)
        self.cells[BUSY_NS] += len(keys) * task_ns
        self.performers.done(kind, keys)


def test_a_few_tasks_are_all_counted() -> None:
    worker = Worker()
    worker.run("a", [1, 1, 2])
    worker.run("b", ["x"])
    worker.run("a", [1])
    assert worker.performers.facts() == {"rows": [["a", 1, 3], ["a", 2, 1], ["b", "x", 1]], "counted": 5, "done": 5}


def test_slow_tasks_are_all_counted_and_fast_ones_cost_no_more_than_their_part(chance: Random) -> None:
    slow, fast = Worker(), Worker()
    for _ in range(2_000):
        keys = [chance.randrange(50) for _ in range(100)]
        slow.run("a", keys, task_ns=20_000)
        fast.run("a", keys, task_ns=500)
    assert slow.performers.facts()["counted"] == 200_000
    facts = fast.performers.facts()
    spent_ns = fast.performers._spent_ns
    assert spent_ns <= START_NS + fast.cells[BUSY_NS] / PART + SLICE_NS + 100 * TASK_NS
    assert 1_000 < facts["counted"] < 40_000
    assert facts["done"] == 200_000


def test_it_tells_once_a_second_and_only_what_is_new() -> None:
    worker = Worker()
    assert not worker.calls
    worker.run("a", [1])
    worker.run("a", [2])
    assert len(worker.calls) == 1
    worker.calls.pop()()
    assert [said["verb"] for said in worker.said] == ["top"]
    assert not worker.calls, "an idle worker tells nothing"
    worker.run("a", [2])
    worker.calls.pop()()
    assert worker.said[-1]["rows"] == [["a", 2, 2], ["a", 1, 1]]


def test_the_table_is_bounded_and_who_did_most_stays(monkeypatch: Any, chance: Random) -> None:
    monkeypatch.setattr(module, "AGENTS", 100)
    worker = Worker()
    exact: Counter[int] = Counter()
    for _ in range(300):
        keys = [7, 7, 7, 8, 8, chance.randrange(100, 10_000)]
        exact.update(keys)
        worker.run("a", keys, task_ns=100_000)
    facts = worker.performers.facts()
    assert facts["rows"][:2] == [["a", 7, exact[7]], ["a", 8, exact[8]]]
    assert sum(map(len, worker.performers._counts.values())) <= 101
    assert facts["counted"] < facts["done"] == 1_800
    assert len(facts["rows"]) <= module.TOLD
