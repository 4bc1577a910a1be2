"""What a worker does for its sick: trial, parking, release; and who fails in the same way again and again is found."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from pools.agent import Agent
from pools.errors import BadReply, Failure, Interrupted, MailboxFull, StateUnreadable, TaskFailed, UnknownKind
from pools.gauges import RESTARTED
from pools.isolation import Case, Isolation
from pools.ward import PARKED, RELAPSE_S, RELAPSES, REMEMBERED, TRIAL, TRIAL_TASKS, Ward
from tests.support.clocks import Clock
from tests.support.rigs import Office, Rig


class Patient(Agent):
    total: int = 0

    def add(self, x: int) -> int:
        self.total += x
        return self.total

    def fail(self, text: str = "as told") -> None:
        self.total += 1_000
        raise ValueError(text)

    def other(self) -> None:
        raise KeyError("another")

    def stop(self) -> None:
        raise StopIteration

    async def wait_and_fail(self) -> None:
        self.total += 1_000
        await asyncio.sleep(0)
        raise ValueError("later")

    def unsendable(self) -> object:
        return object()

    def ask_for(self, x: int) -> int:
        return x


class Tough(Patient):
    restart_kind: ClassVar[str] = "permanent"


class Once(Patient):
    restart_kind: ClassVar[str] = "temporary"


class Inside(Isolation):
    """Runs tasks alone, but in this process: what came to it is kept."""

    def __init__(self, found: Any) -> None:
        super().__init__(Office(), found)
        self.cases: list[Case] = []

    async def run(self, case: Case) -> tuple[Any, list[Any]]:
        self.cases.append(case)
        await asyncio.sleep(0)
        return case.method.function(case.agent, *case.method.bind(case.argument)), []


class Setup:
    """A rig whose ward's findings are kept."""

    def __init__(self, **facts: Any) -> None:
        self.rig = Rig(Patient, Tough, Once, **facts)
        self.clock = Clock()
        self.found: list[tuple[str, ...]] = []
        self.isolation = Inside(self._found)
        self.ward = Ward(self.rig.kinds, self.isolation, self.clock.s, self._found, self.rig.office.logbook, self.rig.cells)
        self.rig.executor._ward = self.rig.executor.turns._ward = self.ward

    def _found(self, *facts: str) -> None:
        self.found.append(facts)

    @property
    def whats(self) -> list[tuple[str, str]]:
        return [(what, agent) for what, agent, *_ in self.found]

    def apart(self, findings: int = 1, kind: str = "patient", key: Any = 1) -> str:
        return self.ward.apart({"kind": kind, "key": key, "findings": findings, "reason": "it hung"})

    def run(self, *tasks: tuple[Any, ...], kind: str = "patient") -> list[Any]:
        return [answer.type if isinstance(answer, Failure) else answer for answer in self.rig.run(kind, *tasks)]

    async def wait(self, *tasks: tuple[Any, ...], kind: str = "patient") -> list[Any]:
        answers = await self.rig.wait(kind, *tasks)
        return [answer.type if isinstance(answer, Failure) else answer for answer in answers]


# -- trial, parking, release -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "kinds"),
    [
        ("patient", [TRIAL, TRIAL, PARKED, PARKED]),
        ("once", [PARKED, PARKED, PARKED, PARKED]),
        ("tough", [TRIAL, TRIAL, TRIAL, TRIAL]),
    ],
)
def test_who_is_parked_is_decided_by_the_findings_and_the_restart_kind(kind: str, kinds: list[str]) -> None:
    setup = Setup()
    assert [setup.apart(findings, kind) for findings in (1, 2, 3, 99)] == kinds
    parked = kinds.count(PARKED)
    assert setup.found == [(PARKED, f"{kind}/1", "", "", "it hung", "")] * parked


async def test_the_tasks_of_an_agent_on_trial_run_alone_and_all_others_do_not() -> None:
    setup = Setup()
    assert setup.run((1, "add", 1), (2, "add", 1)) == [1, 1]
    setup.apart()
    assert await setup.wait((1, "add", 1), (2, "add", 1), (1, "add", 1)) == [2, 2, 3]
    assert [(case.agent.id, case.method.name) for case in setup.isolation.cases] == [("patient/1", "add")] * 2


async def test_tasks_that_ended_well_release_an_agent() -> None:
    setup = Setup()
    setup.apart()
    for number in range(TRIAL_TASKS):
        assert setup.whats == []
        assert await setup.wait((1, "add", 1)) == [number + 1]
    assert setup.found == [("recovered", "patient/1", "", "", f"{TRIAL_TASKS} tasks ended well", "")]
    assert await setup.wait((1, "add", 1)) == [TRIAL_TASKS + 1]
    assert len(setup.isolation.cases) == TRIAL_TASKS


async def test_a_failed_task_on_trial_does_not_count_and_the_count_goes_on() -> None:
    setup = Setup()
    setup.apart()
    assert await setup.wait((1, "add", 1), (1, "fail"), (1, "add", 1)) == [1, "ValueError", 2]
    assert ("recovered", "patient/1") not in setup.whats
    await setup.wait((1, "add", 1))
    assert ("recovered", "patient/1") in setup.whats


async def test_another_finding_begins_the_trial_anew() -> None:
    setup = Setup()
    setup.apart(1)
    await setup.wait(*[(1, "add", 1)] * (TRIAL_TASKS - 1))
    setup.apart(2)
    await setup.wait(*[(1, "add", 1)] * (TRIAL_TASKS - 1))
    assert setup.found == []


def test_a_parked_agent_takes_no_task_and_keeps_its_state() -> None:
    setup = Setup()
    setup.run((1, "add", 5), (2, "add", 1))
    setup.apart(3)
    [refusal] = setup.rig.run("patient", (1, "add", 1))
    assert refusal.type == "AgentQuarantined"
    assert "it hung" in refusal.message
    assert "engine agents quarantine show patient/1" in refusal.message
    assert setup.run((2, "add", 1), (1, "add", 1), (2, "add", 1)) == [2, "AgentQuarantined", 3]
    assert setup.rig.kinds["patient"].status(1) == "quarantined"
    assert setup.ward.release({"kind": "patient", "key": 1}) == 1
    assert setup.run((1, "add", 1)) == [6]
    assert setup.rig.kinds["patient"].status(1) == "idle"


async def test_the_mailbox_of_an_agent_that_is_parked_meanwhile_is_answered() -> None:
    setup = Setup()
    number = setup.rig.accept("patient", (1, "wait_and_fail"), (1, "add", 1), (2, "add", 1))
    setup.rig.turns.turn()
    setup.apart(3)
    await setup.rig.settle()
    answers = setup.rig.answers.of(number, 3)
    assert [getattr(answer, "type", answer) for answer in answers] == ["ValueError", "AgentQuarantined", 1]


async def test_objects_are_made_ahead_for_the_others_only() -> None:
    setup = Setup()
    setup.apart(1, key=1)
    setup.apart(3, key=2)
    residents = setup.rig.kinds["patient"]
    assert residents.warm(range(10)) == 8
    assert {1, 2}.isdisjoint(residents.live)
    assert await setup.wait((1, "add", 1), (2, "add", 1)) == [1, "AgentQuarantined"]
    assert len(setup.isolation.cases) == 1


def test_an_order_for_a_kind_that_is_not_here_is_refused() -> None:
    setup = Setup()
    for order in (setup.ward.apart, setup.ward.release):
        with pytest.raises(UnknownKind, match="no kind 'x' here"):
            order({"kind": "x", "key": 1, "findings": 1, "reason": ""})


def test_the_verbs_are_what_the_engine_may_order() -> None:
    setup = Setup()
    assert setup.ward.verbs["ping"]({}) is True
    assert setup.ward.verbs["weigh"]({"on": True}) is True
    assert setup.ward.scales.is_on
    assert setup.ward.verbs["heaviest"]({}) == []


# -- failing again and again -------------------------------------------------------------------------------------------


def test_a_first_failure_is_named_with_its_task() -> None:
    setup = Setup()
    setup.run((2, "add", 1), (1, "fail"))
    assert setup.found == [("raised", "patient/1", "fail", "1.1", "ValueError: as told", "")]


def test_a_sort_of_failure_is_told_once_a_minute() -> None:
    setup = Setup()
    for key in range(5):
        setup.run((key, "fail"), (key, "other"))
    assert setup.whats == [("raised", "patient/0")] * 2
    setup.clock.pass_s(RELAPSE_S)
    setup.run((7, "fail"))
    assert setup.whats[2:] == [("raised", "patient/7")]


def test_three_failures_of_a_sort_give_an_agent_a_new_object_with_its_state() -> None:
    setup = Setup()
    residents = setup.rig.kinds["patient"]
    setup.run((1, "add", 5))
    before = residents.live[1]
    assert setup.run(*[(1, "fail")] * (RELAPSES - 1), (1, "add", 1)) == ["ValueError"] * (RELAPSES - 1) + [6]
    assert residents.live[1] is before
    setup.run((1, "fail"))
    assert setup.found[1:] == [("relapsed", "patient/1", "fail", "3.0", f"failed {RELAPSES} times with ValueError in 0 s", "")]
    assert setup.run((1, "add", 1)) == [7]
    assert residents.live[1] is not before


def test_how_an_agent_stood_is_on_record_before_it_gets_a_new_object() -> None:
    setup = Setup()
    setup.run((1, "add", 5), *[(1, "fail")] * (RELAPSES - 1))
    logbook = setup.rig.office.logbook
    assert not logbook.waypoints.of("patient", 1)
    setup.run((1, "fail"))
    setup.apart(key=2)
    setup.run((3, "add", 7))
    setup.apart(key=3)
    (first,), (third,) = ([one.facts for one in logbook.waypoints.of("patient", key)] for key in (1, 3))
    assert not logbook.waypoints.of("patient", 2), "of one that has no object nothing is known that is not kept"
    assert (first["w"], first["a"]["total"]) == ("pre_failover", 5)
    assert first["m"]["reason"].startswith(f"failed {RELAPSES} times with ValueError")
    assert (third["a"]["total"], third["m"]) == (7, {"reason": "it hung"})


def test_an_agent_that_is_as_before_its_failed_task_is_counted_once() -> None:
    setup = Setup()
    setup.run(*[(1, "fail")] * (RELAPSES + 3), (2, "fail"), (2, "nothing"), (2, "ask_for", "text"))
    assert setup.rig.cells[RESTARTED] == RELAPSES + 3, "the one that got a new object is counted by who hears of it"


async def test_the_same_for_an_agent_that_waits() -> None:
    setup = Setup()
    residents = setup.rig.kinds["patient"]
    setup.run((1, "add", 5))
    before = residents.live[1]
    answers = await setup.wait(*[(1, "wait_and_fail")] * RELAPSES, (1, "add", 1))
    assert answers == ["ValueError"] * RELAPSES + [6]
    assert ("relapsed", "patient/1") in setup.whats
    assert setup.run((1, "add", 1)) == [7]
    assert residents.live[1] is not before


def test_failures_of_other_sorts_or_other_methods_begin_the_count_anew() -> None:
    setup = Setup()
    for _ in range(RELAPSES):
        setup.run(*[(1, "fail")] * (RELAPSES - 1), (1, "other"))
    assert "relapsed" not in {what for what, _ in setup.whats}


def test_failures_that_are_long_apart_do_not_add_up() -> None:
    setup = Setup()
    for _ in range(RELAPSES * 3):
        setup.run((1, "fail"))
        setup.clock.pass_s(RELAPSE_S / (RELAPSES - 1) + 0.1)
    assert "relapsed" not in {what for what, _ in setup.whats}


def test_who_goes_on_failing_is_found_once_in_that_time() -> None:
    setup = Setup()
    setup.run(*[(1, "fail")] * 50)
    assert [what for what, _ in setup.whats] == ["raised", "relapsed"]


def test_a_value_that_cannot_be_sent_is_the_doing_of_its_agent() -> None:
    setup = Setup()
    setup.run(*[(1, "unsendable")] * RELAPSES)
    assert setup.whats == [("raised", "patient/1"), ("relapsed", "patient/1")]
    assert setup.found[0][4].startswith("BadReply: ")


def test_what_the_engine_refuses_is_no_doing_of_the_agent_that_was_asked() -> None:
    setup = Setup()
    wrong = [(1, "nothing"), (1, "ask_for", "text"), (99, "add", 1), (1, "add", [1, 2, 3])]
    assert setup.run(*wrong * RELAPSES) == ["UnknownMethod", "BadArgument", "UnknownAgent", "BadArgument"] * RELAPSES
    residents = setup.rig.kinds["patient"]
    for _ in range(RELAPSES):
        setup.ward.failed(residents, 1, "add", "", MailboxFull("full"))
    assert setup.found == []


def test_that_a_task_was_interrupted_is_found_by_who_did_it() -> None:
    setup = Setup()
    for _ in range(RELAPSES):
        setup.ward.failed(setup.rig.kinds["patient"], 1, "add", "1.0", Interrupted("too long"))
    assert setup.found == []


def test_errors_that_came_from_another_agent_count_by_their_own_type() -> None:
    setup = Setup()
    residents = setup.rig.kinds["patient"]
    for name in ("ValueError", "KeyError", "ValueError", "ValueError", "ValueError"):
        setup.ward.failed(residents, 1, "add", "1.0", TaskFailed(Failure(name, "theirs")))
    assert [one[0] for one in setup.found] == ["raised", "raised", "relapsed"]


def test_a_state_that_cannot_be_read_is_found_once() -> None:
    setup = Setup()
    residents = setup.rig.kinds["patient"]
    for _ in range(5):
        setup.ward.failed(residents, 1, "add", "1.0", StateUnreadable("patient/1: no such field"))
    assert setup.found == [("unreadable", "patient/1", "add", "1.0", "patient/1: no such field", "")]


def test_an_error_whose_text_cannot_be_had_is_told_all_the_same() -> None:
    class Nasty(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

        __repr__ = __str__

    setup = Setup()
    for _ in range(RELAPSES):
        setup.ward.failed(setup.rig.kinds["patient"], 1, "add", "1.0", Nasty())
    assert [one[0] for one in setup.found] == ["raised", "relapsed"]
    assert setup.found[0][4] == "Nasty: (its text cannot be shown: RuntimeError)"


def test_no_more_failures_are_remembered_than_may_be() -> None:
    setup = Setup()
    residents = setup.rig.kinds["patient"]
    for key in range(REMEMBERED * 2):
        setup.ward.failed(residents, key, f"method{key}", "1.0", BadReply("no"))
    assert len(setup.ward._failures) <= REMEMBERED
    assert len(setup.ward._told) <= REMEMBERED
