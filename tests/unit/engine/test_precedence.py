"""What is hastened for a task that waits, in which group it is, and what is learned of its end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from engine.foreseen import Foreseen
from engine.options import Options, Reference
from engine.precedence import Precedence
from engine.task import Task
from pools.errors import Failure
from pools.ranked import CRITICAL
from pools.spec import ForesightSpec
from tests.support.grounds import Plain


class Rig:
    """Tasks by number."""

    def __init__(self, **spec: Any) -> None:
        self.tasks: dict[Reference, Task] = {}
        self.hastened: list[tuple[list[int], int]] = []
        self.foreseen = Foreseen(ForesightSpec(**{"control": 0.0} | spec), Plain(), lambda: 0.0, seed=5)
        self.precedence = Precedence(self.foreseen, self.tasks.get, self._hasten)

    def _hasten(self, tasks: Iterable[Task], priority: int) -> None:
        each = list(tasks)
        self.hastened.append(([task.number for task in each], priority))
        for task in each:
            task.urgency = priority

    def add(self, number: int, priority: str, *after: Reference, **facts: Any) -> Task:
        task = Task(number, None, "scout/1", "fetch", None, 0.0, after=after, options=Options(priority=priority), **facts)
        self.tasks[number] = task
        if after:
            task.state = "waiting"
        self.precedence.accepted([task])
        return task

    @property
    def counted(self) -> tuple[int, int]:
        trial = self.foreseen.trial
        return trial.risks.get("dependency_conflict", 0), trial.actions.get("resolve_deps_first", 0)


def test_what_a_task_waits_for_goes_with_its_priority_however_far() -> None:
    rig = Rig()
    rig.add(1, "low")
    rig.add(2, "low", 1)
    rig.add(3, "critical")
    rig.add(4, "normal")
    rig.add(5, "critical", 2, 3, 4, "nobody")
    assert rig.hastened == [([1, 2, 4], CRITICAL)]
    assert rig.counted == (2, 2)
    assert len(rig.precedence) == 1


def test_what_has_ended_or_goes_as_soon_is_left() -> None:
    rig = Rig()
    rig.add(1, "low").is_ending = True
    rig.add(2, "normal")
    rig.add(3, "normal", 1, 2)
    assert rig.hastened == []
    assert rig.counted == (1, 1)
    assert len(rig.precedence) == 0


def test_the_control_group_waits_as_well_but_nothing_is_hastened() -> None:
    rig = Rig(control=1.0)
    rig.add(1, "low")
    waiting = rig.add(2, "critical", 1)
    assert rig.hastened == []
    assert rig.counted == (1, 0)
    rig.precedence.ended([waiting.end("expired", 1.0, error=Failure("TaskExpired", ""))])
    told = rig.foreseen.report()["dependencies"]
    assert told["control"] == {"tasks": 1, "failed": 1, "rate": 1.0}
    assert told["verdict"] == "no lift"


def test_both_groups_show_the_lift() -> None:
    rig = Rig(control=0.2)
    for number in range(0, 1_000, 2):
        rig.add(number, "low")
        before = len(rig.hastened)
        waiting = rig.add(number + 1, "critical", number)
        late = Failure("TaskExpired", "") if len(rig.hastened) == before else None
        rig.precedence.ended([waiting.end("expired" if late else "done", 1.0, error=late)])
    told = rig.foreseen.report()["dependencies"]
    assert told["treated"]["tasks"] + told["control"]["tasks"] == 500
    assert told["control"]["tasks"] == pytest.approx(100, rel=0.3)
    assert told["verdict"] == "100% fewer failures among tasks that wait for others"
    assert rig.foreseen.report()["verdict"] == "no lift"
    assert len(rig.precedence) == 0


def test_who_was_taken_back_says_nothing() -> None:
    rig = Rig()
    rig.add(1, "low")
    waiting = rig.add(2, "critical", 1)
    rig.precedence.ended([waiting.end("cancelled", 1.0, error=Failure("TaskCancelled", ""))])
    assert rig.foreseen.report()["dependencies"]["treated"]["tasks"] == 0


@pytest.mark.parametrize(("threshold", "count"), [(0.8, 1), (0.81, 0)])
def test_from_the_threshold_on_a_conflict_counts(threshold: float, count: int) -> None:
    rig = Rig(threshold=threshold)
    rig.add(1, "low")
    rig.add(2, "critical", 1)
    assert rig.counted == (count, count)
    assert len(rig.hastened) == count


def test_without_foresight_all_goes_as_it_was_sent() -> None:
    hastened: list[Any] = []
    precedence = Precedence(None, {}.get, lambda *facts: hastened.append(facts))
    waiting = Task(2, None, "scout/1", "fetch", None, 0.0, after=(1,), options=Options(priority="critical"))
    waiting.state = "waiting"
    precedence.accepted([waiting])
    precedence.ended([waiting.end("done", 1.0)])
    assert hastened == []
