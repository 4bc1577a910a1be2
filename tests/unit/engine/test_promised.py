"""An accepted task has its agent chosen for each attempt, and every attempt is learned from once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine.foreseen import FRESH_S, Foreseen
from engine.options import ANYBODY, Options
from engine.promised import Promised
from engine.task import Task, Try
from pools.address import Key
from pools.errors import Failure, UnknownKind
from pools.spec import ForesightSpec
from tests.support.grounds import Plain


def task(number: int, **facts: Any) -> Task:
    return Task(
        **{"number": number, "name": None, "agent": "scout", "method": "fetch", "argument": b"1", "accepted_s": 0.0} | facts
    )


class Routes:
    """Has one kind that can read, sends what names a kind to agent 9, and many together to those from 100 on."""

    is_shut = False

    def resolve_key(self, _kind: str, _key: Key) -> tuple[None, Key]:
        return None, 9

    def choose_some(self, kind: str, count: int) -> list[Key] | None:
        """While `shut`, each has to be asked for."""
        if kind == "nobody":
            raise UnknownKind("nobody")
        return None if self.is_shut else [*range(100, 100 + count)]

    def resolve_skilled(self, wanted: Sequence[frozenset[str]], kind: str | None) -> list[Any]:
        return [(None, kind or "able", 3) if skills == {"read"} else UnknownKind("nobody") for skills in wanted]


class Rig:
    """Four agents, of which the first fails."""

    def __init__(self, **spec: Any) -> None:
        self.now_s = 0.0
        self.ground = Plain(can_split=True)
        self.foreseen = Foreseen(ForesightSpec(**{"control": 0.0} | spec), self.ground, lambda: self.now_s)
        self.routes = Routes()
        self.promised = Promised(self.routes, self.foreseen)  # type: ignore[arg-type]

    def run(self, count: int) -> list[object]:
        keys = []
        for number in range(count):
            made = task(number)
            key = int(str(self.promised.choose(made)).removeprefix("scout/"))
            error = Failure("ValueError", "") if key == 0 else None
            self.promised.ended([made.end("failed" if error else "done", 0.0, error=error)])
            self.now_s += FRESH_S
            keys.append(key)
        return keys

    @property
    def learned(self) -> int:
        record = self.foreseen.history.record(("scout", "fetch"))
        return 0 if record is None else record.learned


def test_accepted_tasks_are_foreseen_as_others_are() -> None:
    rig = Rig()
    assert 0 in rig.run(100)
    assert 0 not in rig.run(100)
    assert len(rig.promised) == 0
    assert rig.learned == 200


def test_an_end_is_learned_from_once_and_only_if_an_agent_was_chosen() -> None:
    rig = Rig()
    one, other = task(7), task(8)
    rig.promised.choose(one)
    assert len(rig.promised) == 1
    for each in (other, one, one):
        rig.promised.ended([each.end("done", 0.0, value=b"1")])
    assert rig.learned == 1


def test_an_attempt_that_failed_is_learned_from_when_the_next_one_begins() -> None:
    rig = Rig()
    made = task(7)
    rig.promised.choose(made)
    made.tries, made.retried = (Try(0.0, 1.0, "scout/0", "ValueError", "no"),), 1
    rig.promised.choose(made)
    record = rig.foreseen.history.record(("scout", "fetch"))
    assert record is not None
    assert record.whole(0.0) == pytest.approx((1, 1), rel=0.01)
    rig.promised.ended([made.end("done", 0.0, value=b"1")])
    assert rig.learned == 2


def test_an_attempt_that_never_began_is_not_learned_from() -> None:
    rig = Rig()
    made = task(7)
    made.tries, made.retried = (Try(0.0, 1.0, "scout/0", "ValueError", "no"),), 1
    rig.promised.choose(made)
    rig.promised.choose(made)
    assert rig.learned == 0
    assert len(rig.promised) == 1


def test_a_task_that_wants_skills_goes_to_who_has_them_whatever_is_foreseen() -> None:
    rig = Rig()
    assert rig.promised.choose(task(1, agent=ANYBODY, options=Options(skills=("read",)))) == "able/3"
    assert rig.promised.choose(task(3, options=Options(skills=("read",)))) == "scout/3"
    with pytest.raises(UnknownKind):
        rig.promised.choose(task(2, agent=ANYBODY, options=Options(skills=("fly",))))
    assert len(rig.promised) == rig.foreseen.trial.judged == 0


def test_without_foresight_the_routes_choose() -> None:
    promised = Promised(Routes(), None)  # type: ignore[arg-type]
    made = task(1)
    assert promised.choose(made) == "scout/9"
    promised.ended([made.end("done", 0.0, value=b"1")])


def test_the_number_of_a_task_says_whether_it_is_one_of_the_control_group() -> None:
    rig = Rig(control=0.5)
    rig.run(200)
    first = [rig.promised.choose(task(number)) == "scout/0" for number in range(0, 400, 4)]
    again = [rig.promised.choose(task(number)) == "scout/0" for number in range(0, 400, 4)]
    assert True in first
    assert False in first
    assert first == again


def test_what_it_needs_is_held_against_what_there_is_and_it_is_split_once() -> None:
    rig = Rig()
    rig.ground.room = {"mem_bytes": 10}
    assert rig.promised.choose(task(1, options=Options(memory_bytes=10))) is not None
    assert rig.foreseen.trial.risks == {}
    large = task(2, options=Options(memory_bytes=11))
    assert rig.promised.choose(large) is None
    assert rig.foreseen.trial.risks == {"resource_exhaustion": 1}
    assert rig.foreseen.trial.actions == {"split_task": 1}
    part = task(3, options=large.options, whole=large)
    assert rig.promised.choose(part) is not None
    large.parts = [part]
    assert rig.promised.choose(large) is not None
    assert rig.foreseen.trial.actions == {"split_task": 1}


def clear_rig() -> Rig:
    """One in which nothing is to be feared of any task."""
    rig = Rig()
    rig.foreseen.learn(rig.foreseen.clear_case(("scout", "fetch"), 0), 10_000, ())
    rig.now_s += FRESH_S
    assert rig.foreseen.is_clear(("scout", "fetch"))
    return rig


def test_many_that_are_alike_get_their_agents_together_and_are_learned_from_one_by_one() -> None:
    rig = clear_rig()
    before, judged = rig.learned, rig.foreseen.trial.judged
    tasks = [task(number) for number in range(20)]
    assert rig.promised.choose_all(tasks) == [f"scout/{key}" for key in range(100, 120)]
    assert len(rig.promised) == 20
    rig.promised.ended([each.end("done", 0.0, value=b"1") for each in tasks])
    assert (rig.learned - before, rig.foreseen.trial.judged - judged, len(rig.promised)) == (20, 20, 0)


def test_those_that_are_not_like_the_others_are_looked_at_by_themselves() -> None:
    rig = clear_rig()
    tasks = [task(number) for number in range(12)]
    tasks[2:2] = [task(50, options=Options(skills=("read",))), task(51, agent=ANYBODY, options=Options(skills=("fly",)))]
    again = task(60, tries=(Try(0.0, 1.0, "scout/0", "ValueError", "no"),), retried=1)
    rig.promised.choose(again)
    found = rig.promised.choose_all([*tasks, again, task(61, whole=tasks[0])])
    assert found[:2] == ["scout/100", "scout/101"]
    assert found[2] == "scout/3"
    assert isinstance(found[3], UnknownKind)
    assert found[4:14] == [f"scout/{key}" for key in range(102, 112)]
    assert {found[14], found[15]} <= {"scout/0", "scout/1", "scout/2", "scout/3"}


def test_where_each_has_to_be_asked_for_or_nobody_is_there_each_is_told() -> None:
    rig = clear_rig()
    rig.routes.is_shut = True
    assert set(rig.promised.choose_all([task(number) for number in range(20)])) <= {f"scout/{key}" for key in range(4)}
    promised = Promised(Routes(), None)  # type: ignore[arg-type]
    assert promised.choose_all([task(number, agent="nobody") for number in range(20)]) == ["nobody/9"] * 20
    assert promised.choose_all([]) == []


def test_what_may_fail_is_looked_at_one_by_one_however_many_come_together() -> None:
    rig = Rig()
    rig.run(200)
    assert "scout/0" not in rig.promised.choose_all([task(number) for number in range(1_000, 1_200)])
