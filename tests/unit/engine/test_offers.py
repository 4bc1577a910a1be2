"""A number is offered until it has ended, to a worker that has room, in order; nothing ends twice."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import orjson
import pytest

from engine import offers as module
from engine import way
from engine.offers import Offers
from engine.options import PLAIN, Options
from engine.task import Ending, Task
from pools.address import Key
from pools.errors import CircuitOpen, LinkClosed, PoolError, PoolUnavailable, UnknownAgent, WorkerDied
from pools.link import Link
from tests.support.clocks import Clock, Turns
from tests.support.wires import Wire, reply

SESSION = "0011223344556677"
FULL = ["MailboxFull", "counter/{} has 5 tasks waiting", 0.1]


class Read(Wire):
    """A wire that keeps what is read at its other end."""

    def send(self, letter: str, data: Any) -> None:
        """Take one message."""
        super().send(letter, orjson.loads(orjson.dumps(data)))


class Rig:
    """Offers before two workers: agents with an even key live on the first."""

    def __init__(self, *, session: str | None = SESSION, window: int = 10_000) -> None:
        self.clock, self.turns = Clock(), Turns()
        self.wires = [Read(), Read()]
        self.links = [
            Link(window=window, clock=self.clock.s, later=self.clock.later, is_kept=session is not None) for _ in self.wires
        ]
        for link, wire in zip(self.links, self.wires, strict=True):
            link.attach(wire)
        self.ended: list[Ending] = []
        self.mark = self.chosen = 0
        self.is_shut = False
        self.moved: list[list[Task]] = []
        self.offers = Offers(
            self._resolve,
            session=session,
            choose=lambda tasks: [*map(self._choose, tasks)],
            mark=lambda: self.mark,
            desk=self,
            ended=self.ended.extend,
            moved=self.moved.append,
            chance=Random(1),
            wall_s=self.clock.s,
        )
        self.number = 0

    def time(self) -> float:
        """Monotonic seconds."""
        return self.clock.s()

    def call_soon(self, function: Callable[[], Any]) -> None:
        """In the next turn."""
        self.turns(function)

    def call_later(self, after_s: float, function: Callable[[], Any]) -> None:
        """When time has passed."""
        self.clock.later(after_s, function)

    def _resolve(self, kind: str, key: Key) -> tuple[Link, Key]:
        if type(key) is not int or key > 99:
            raise UnknownAgent(f"no agent {kind}/{key}")
        return self.links[key % 2], key

    def _choose(self, task: Task) -> str | PoolError:
        """The next agent of its kind; while `shut`, none is let through."""
        if self.is_shut:
            return CircuitOpen("open")
        self.chosen += 1
        return f"{task.agent}/{self.chosen}"

    def put(self, *keys: Any, method: str = "add", argument: bytes | None = b"1", **options: Any) -> list[Task]:
        """Offer a task for each key; None is any agent of the kind."""
        tasks = []
        for key in keys:
            self.number += 1
            agent = "counter" if key is None else f"counter/{key}"
            wanted = Options(**options) if options else PLAIN
            tasks.append(Task(self.number, None, agent, method, argument, 0.0, 5.0, (), wanted, key is None))
        self.offers.put(tasks)
        self.turns.run()
        return tasks

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.pass_s(seconds)
        self.turns.run()

    def answer(self, worker: int = 0, *, at: int = -1, errors: list[Any] | None = None) -> None:
        """Answer a section; errors: those of its tasks, by place."""
        section = self.wires[worker].sections[at]
        answer = reply(section)
        if errors:
            answer["e"] = errors
        self.links[worker].take([answer])
        self.turns.run()

    def states(self) -> list[tuple[int, str]]:
        """What has ended, and how."""
        return [(one.task.number, one.state) for one in self.ended]


def test_tasks_go_to_their_workers_with_their_numbers_and_the_mark() -> None:
    rig = Rig()
    rig.mark = 7
    tasks = rig.put(2, 3, 4)
    (even,), (odd,) = rig.wires[0].sections, rig.wires[1].sections
    assert (even["i"], even["q"], even["c"], even["cw"]) == ([2, 4], [1, 3], SESSION, 7)
    assert (odd["i"], odd["q"], odd["a"]) == ([3], [2], [1])
    assert [(task.state, task.attempts, task.started_s) for task in tasks] == [("running", 1, rig.clock.s())] * 3
    rig.answer(0)
    assert [(one.task, one.state, one.value) for one in rig.ended] == [(tasks[0], "done", b"2"), (tasks[2], "done", b"4")]
    assert tasks[0].state == "running"  # until that is written down


def test_tasks_whose_effects_are_counted_go_by_themselves_and_end_with_them() -> None:
    rig = Rig()
    (plain,) = rig.put(2)
    (counted,) = rig.put(4, count_effects=True)
    first, second = rig.wires[0].sections
    assert ("fx" in first, second["fx"], second["i"]) == (False, 1, [4])
    rig.links[0].take([{"n": first["n"], "v": [[5, {}, 0.0]]}, {"n": second["n"], "v": [[5, {"fields": 1}, 0.25]]}])
    rig.turns.run()
    ended = [(one.task, one.value, one.effects, one.ran_s) for one in rig.ended]
    assert ended == [(plain, b"[5,{},0.0]", None, None), (counted, b"5", {"fields": 1}, 0.25)]


def test_where_workers_keep_nothing_they_are_told_no_numbers() -> None:
    rig = Rig(session=None)
    rig.put(2, argument=None)
    (section,) = rig.wires[0].sections
    assert set(section) == {"n", "k", "i", "m"}


def test_an_agent_that_there_is_not_is_a_failure_and_the_others_go_on() -> None:
    rig = Rig()
    rig.put(2, 500, "x", 4)
    assert [(one.task.number, one.error and one.error.type) for one in rig.ended] == [(2, "UnknownAgent"), (3, "UnknownAgent")]
    assert rig.wires[0].keys == [2, 4]


def test_a_worker_has_a_window_and_one_that_is_slow_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "OFFERED", 3)
    rig = Rig()
    tasks = rig.put(0, 2, 4, 6, 8, 1, 3)
    assert rig.wires[0].keys == [0, 2, 4]
    assert rig.wires[1].keys == [1, 3]
    assert [task.state for task in tasks[:5]] == ["running"] * 3 + ["queued"] * 2
    rig.answer(0)
    assert rig.wires[0].keys == [0, 2, 4, 6, 8]
    rig.answer(0)
    rig.answer(1)
    assert sorted(rig.states()) == [(number, "done") for number in range(1, 8)]


def test_many_tasks_are_looked_up_a_few_in_each_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROUTED", 2)
    rig = Rig()
    rig.offers.put([Task(number, None, "counter/2", "add", None, 0.0) for number in range(1, 6)])
    rig.turns.turn()
    assert len(rig.wires[0].keys) == 2
    rig.turns.run()
    assert [number for section in rig.wires[0].sections for number in section["q"]] == [1, 2, 3, 4, 5]


def test_what_a_full_mailbox_refuses_is_offered_again_later_and_later() -> None:
    rig = Rig()
    (task,) = rig.put(2)
    waits = []
    for times in range(1, 9):
        rig.answer(errors=[[0, FULL[0], FULL[1].format(2), 0.1]])
        assert (task.state, rig.ended) == ("queued", [])
        waits.append(0.0)
        while task.state == "queued":
            rig.wait(0.01)
            waits[-1] += 0.01
        assert task.attempts == times + 1
    assert waits[0] <= 0.11
    assert 2.4 < waits[-1] <= 5.1
    rig.answer()
    assert rig.states() == [(1, "done")]


def test_a_task_whose_own_question_met_a_full_mailbox_has_failed() -> None:
    rig = Rig()
    rig.put(2)
    rig.answer(errors=[[0, FULL[0], FULL[1].format(8), 0.1]])
    assert rig.states() == [(1, "failed")]


def test_what_a_full_disk_refuses_stays_open_and_one_task_finds_out_when_there_is_room() -> None:
    rig = Rig()
    sections = rig.wires[0].sections
    full = ["StoreFull", "the disk is full", 1.0]
    rig.put(0, 2, 4, 6)
    rig.answer(errors=[[at, *full] for at in range(4)])
    rig.put(8, 1)
    assert ([one["q"] for one in rig.wires[0].sections], rig.wires[1].sections[0]["q"]) == ([[1, 2, 3, 4]], [6])
    rig.wait(1.0)
    assert rig.wires[0].sections[1:][0]["q"] == [5]
    rig.answer(errors=[[0, *full]])
    assert (rig.ended, len(rig.wires[0].sections)) == ([], 2)
    rig.wait(1.0)
    while len(sections) < len(rig.wires[0].sections):  # one, then two, then the rest
        sections = rig.wires[0].sections
        rig.answer()
    assert [len(one["q"]) for one in sections] == [4, 1, 1, 2, 2]
    assert sorted(rig.states()) == [(number, "done") for number in range(1, 6)]


def test_a_task_that_takes_long_keeps_nobody_from_trying_a_full_disk() -> None:
    rig = Rig()
    rig.put(0)
    rig.put(2)
    rig.answer(errors=[[0, "StoreFull", "the disk is full", 1.0]])
    rig.wait(1.0)
    assert [one["q"] for one in rig.wires[0].sections] == [[1], [2], [2]]
    rig.answer()
    assert rig.states() == [(2, "done")]


def test_what_a_failed_disk_refuses_stays_open_until_the_engine_starts_again() -> None:
    rig = Rig()
    task, _ = rig.put(0, 2)
    rig.answer(errors=[[0, "StoreStopped", "a sync failed", None]])
    rig.wait(60.0)
    assert (rig.states(), task.state, len(rig.wires[0].sections)) == ([(2, "done")], "queued", 1)


@pytest.mark.parametrize("failure", [["MailboxFull", "counter/0 has 5 tasks waiting", 0.1], ["StoreFull", "no room", 1.0]])
@pytest.mark.parametrize("wish", ["cancelled", "expired"])
def test_a_task_that_is_refused_after_it_was_taken_back_is_not_offered_again(failure: list[Any], wish: str) -> None:
    rig = Rig()
    rig.offers.take_back(rig.put(0), wish)
    rig.answer(errors=[[0, *failure]])
    rig.wait(60.0)
    assert (rig.states(), len(rig.wires[0].sections)) == ([(1, wish)], 1)


def test_a_task_that_failed_has_failed_and_is_not_run_again() -> None:
    rig = Rig()
    rig.put(2, 4, 6)
    rig.answer(errors=[[0, "ValueError", "as told", None], [1, "WorkerDied", "gone", 0.2], [2, "PoolFull", "full", 0.1]])
    rig.wait(10)
    assert rig.states() == [(1, "failed"), (2, "failed"), (3, "failed")]
    assert len(rig.wires[0].sections) == 1


def test_what_a_worker_that_is_down_has_taken_with_it_is_offered_again_under_its_number() -> None:
    rig = Rig()
    tasks = rig.put(2, 4)
    rig.links[0].detach(PoolUnavailable("down"), drop_waiting=True)
    rig.turns.run()
    assert ([task.state for task in tasks], rig.ended) == (["queued", "queued"], [])
    (more,) = rig.put(6)
    rig.wait(5)
    assert more.state == "queued"
    rig.wires[0].sent.clear()
    rig.links[0].attach(rig.wires[0])
    rig.wait(1.1)
    assert sorted(number for section in rig.wires[0].sections for number in section["q"]) == [1, 2, 3]
    for at in range(len(rig.wires[0].sections)):
        rig.answer(at=at)
    assert sorted(rig.states()) == [(1, "done"), (2, "done"), (3, "done")]


def test_where_nothing_is_kept_such_a_task_has_failed() -> None:
    rig = Rig(session=None)
    rig.put(2)
    rig.links[0].detach(PoolUnavailable("down"), drop_waiting=True)
    rig.turns.run()
    assert rig.states() == [(1, "failed")]


def test_a_task_whose_own_question_met_a_pool_that_is_down_has_failed() -> None:
    rig = Rig()
    rig.put(2)
    rig.answer(errors=[[0, "PoolUnavailable", "another pool is down", 1.0]])
    assert rig.states() == [(1, "failed")]


@pytest.mark.parametrize("error", [WorkerDied("stopped"), PoolUnavailable("stopped"), LinkClosed("stopped")])
def test_what_is_out_when_the_engine_stops_has_not_ended(error: Any) -> None:
    rig = Rig()
    tasks = rig.put(2, 4)
    rig.offers.hold()
    rig.links[0].detach(error, drop_waiting=True)
    rig.wait(10)
    assert rig.ended == []
    assert not any(task.is_ending for task in tasks)
    rig.put(3)
    assert rig.wires[1].sections == []


def test_what_ends_while_the_engine_stops_has_ended() -> None:
    rig = Rig()
    rig.put(2, 4)
    rig.offers.hold()
    rig.answer(errors=[[1, "ValueError", "as told", None]])
    assert rig.states() == [(1, "done"), (2, "failed")]


@pytest.mark.parametrize("wish", ["cancelled", "expired"])
def test_a_task_that_no_worker_has_is_taken_back_at_once(wish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "OFFERED", 1)
    rig = Rig()
    _, waiting = rig.put(2, 4)
    rig.offers.take_back([waiting], wish)
    rig.offers.take_back([waiting], wish)
    assert rig.states() == [(2, wish)]
    rig.answer()
    rig.wait(10)
    assert rig.wires[0].keys == [2]
    assert rig.states() == [(2, wish), (1, "done")]


@pytest.mark.parametrize(("wish", "error"), [("cancelled", "TaskCancelled"), ("expired", "TaskExpired")])
def test_a_task_that_its_worker_has_is_taken_back_as_the_worker_answers(wish: str, error: str) -> None:
    rig = Rig()
    first, second, third = rig.put(2, 4, 6)
    rig.offers.take_back([first, third], wish)
    assert [order["position"] for order in rig.wires[0].orders] == [0, 2]
    assert rig.ended == []
    rig.answer(errors=[[0, "TaskCancelled", "cancelled before it began", None]])
    assert [(one.task, one.state) for one in rig.ended] == [(first, wish), (second, "done"), (third, "done")]
    assert rig.ended[0].error is not None
    assert rig.ended[0].error.type == error


def test_a_task_that_waits_for_a_mailbox_or_for_a_worker_can_be_taken_back() -> None:
    rig = Rig()
    refused, _ = rig.put(2, 3)
    rig.answer(errors=[[0, FULL[0], FULL[1].format(2), 0.1]])
    rig.offers.take_back([refused], "cancelled")
    rig.wait(10)
    assert rig.states() == [(1, "cancelled")]
    assert len(rig.wires[0].sections) == 1
    rig.links[1].detach(PoolUnavailable("down"), drop_waiting=True)
    (lost,) = [task for task in rig.put(5) if task.state == "queued"]
    rig.offers.take_back([lost], "cancelled")
    rig.links[1].attach(rig.wires[1])
    rig.wait(2)
    assert (lost.number, "cancelled") in rig.states()
    assert sum(section["i"].count(5) for section in rig.wires[1].sections) == 0


def test_a_task_that_is_taken_back_while_its_worker_goes_down_ends_as_wished() -> None:
    rig = Rig()
    task, other = rig.put(2, 4)
    rig.offers.take_back([task], "expired")
    rig.links[0].detach(PoolUnavailable("down"), drop_waiting=True)
    rig.offers.take_back([other], "cancelled")  # before it was judged
    rig.turns.run()
    assert sorted(rig.states()) == [(1, "expired"), (2, "cancelled")]


def test_a_task_that_runs_says_how_far_it_is_until_it_ends_or_begins_again() -> None:
    rig = Rig()
    (task,) = rig.put(2)
    number = rig.wires[0].sections[0]["n"]
    rig.links[0].progressed([(number, 0, 0.4)])
    assert task.progress == 0.4
    rig.answer(errors=[[0, FULL[0], FULL[1].format(2), 0.1]])
    rig.wait(1)
    assert (task.attempts, task.progress) == (2, None)
    number = rig.wires[0].sections[1]["n"]
    rig.links[0].progressed([(number, 0, 0.6)])
    rig.answer()
    rig.links[0].progressed([(number, 0, 0.8)])
    assert (task.is_ending, task.progress) == (True, 0.6)


def test_a_task_is_ready_when_it_is_first_offered_and_says_until_when_it_waits_for_another_attempt() -> None:
    rig = Rig()
    task = Task(1, None, "counter/2", "add", b"1", 0.0, options=Options(retries=1, backoff_s=10))
    rig.offers.put([task])
    ready_s = rig.clock.s()
    rig.wait(2)
    assert (task.ready_s, task.started_s, task.due_s) == (ready_s, ready_s + 2, None)
    rig.answer(errors=[[0, "ValueError", "as told", None]])
    assert task.state == "waiting"
    assert task.due_s is not None
    assert rig.clock.s() + 5 <= task.due_s <= rig.clock.s() + 10
    rig.wait(10)
    assert (task.state, task.due_s, task.ready_s) == ("running", None, ready_s)


# -- conditions --------------------------------------------------------------------------------------------------------


def test_of_what_waits_for_a_worker_higher_priorities_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "OFFERED", 1)
    monkeypatch.setattr(way, "SPARE", 0)
    rig = Rig()
    rig.put(2)
    rig.put(4, priority="low")
    rig.put(6)
    rig.put(8, priority="critical")
    for _ in range(4):
        rig.answer()
    assert [section["i"] for section in rig.wires[0].sections] == [[2], [8], [6], [4]]
    assert [section.get("pr") for section in rig.wires[0].sections] == [None, 3, None, 0]


def test_a_critical_one_waits_for_none_of_those_that_a_worker_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "OFFERED", 2)
    monkeypatch.setattr(way, "SPARE", 1)
    rig = Rig()
    rig.put(2, 4, 6, priority="low")
    rig.put(8, 10, priority="critical")
    assert [section["i"] for section in rig.wires[0].sections] == [[2, 4], [8]]


def test_a_critical_one_does_not_wait_until_the_way_of_all_others_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROUTED", 4)
    rig = Rig()
    low, critical = (
        Task(number, None, "counter/2", "add", None, 0.0, options=Options(priority=name))
        for number, name in enumerate(("low", "critical"))
    )
    rig.offers.put([*(replace_number(low, number) for number in range(10, 110)), critical])
    rig.turns.run()
    numbers = [number for section in rig.wires[0].sections for number in section["q"]]
    assert numbers.index(critical.number) < 8
    assert len(numbers) == 101


def replace_number(task: Task, number: int) -> Task:
    """The same task once more."""
    return Task(number, None, task.agent, task.method, None, 0.0, options=task.options)


def test_a_failure_is_tried_again_under_its_number_as_often_as_was_asked_for() -> None:
    rig = Rig()
    (task,) = rig.put(2, retries=2, backoff_s=1.0)
    for attempt in range(3):
        assert len(rig.wires[0].sections) == attempt + 1
        rig.answer(errors=[[0, "ValueError", "as told", None]])
        assert task.state == ("waiting" if attempt < 2 else "running")
        rig.wait(5.0)
    assert rig.states() == [(1, "failed")]
    assert [section["q"] for section in rig.wires[0].sections] == [[1]] * 3
    assert (task.attempts, task.retried, [each.type for each in task.tries]) == (3, 2, ["ValueError"] * 3)
    assert rig.moved == [[task], [task]]  # how often it was tried is written down


def test_only_errors_that_were_named_are_tried_again_and_bad_arguments_never() -> None:
    rig = Rig()
    rig.put(2, retries=2, retry_on=("KeyError",))
    rig.answer(errors=[[0, "ValueError", "as told", None]])
    rig.put(2, retries=2)
    rig.answer(errors=[[0, "BadArgument", "as told", None]])
    assert rig.states() == [(1, "failed"), (2, "failed")]


def test_an_attempt_that_takes_too_long_is_taken_back_and_tried_again_or_expires() -> None:
    rig = Rig()
    rig.put(2, timeout_s=1.0, retries=1, backoff_s=0.5)
    for _ in range(2):
        rig.wait(1.1)
        assert rig.wires[0].orders[-1]["verb"] == "cancel"
        rig.answer(errors=[[0, "TaskCancelled", "", None]])
        rig.wait(2.0)
    assert rig.states() == [(1, "expired")]
    assert rig.ended[0].error is not None
    assert rig.ended[0].error.message == "no answer within 1 s (timeout_s)"
    rig.put(4, timeout_s=1.0)
    rig.wait(1.1)
    rig.answer()  # it was done before the worker heard of it
    assert rig.states()[1:] == [(2, "done")]


def test_a_limit_of_an_attempt_that_has_ended_takes_nothing_back() -> None:
    rig = Rig()
    rig.put(2, timeout_s=1.0, retries=1, backoff_s=0.9)
    rig.answer(errors=[[0, "ValueError", "", None]])
    rig.wait(0.95)
    assert len(rig.wires[0].sections) == 2
    rig.wait(0.1)  # the first attempt would have had its time
    assert rig.wires[0].orders == []
    rig.wait(1.0)
    assert len(rig.wires[0].orders) == 1


def test_where_state_is_kept_the_choice_of_an_agent_is_written_down_before_it_is_sent() -> None:
    rig = Rig()
    (task,) = rig.put(None)
    assert (task.agent, rig.moved, rig.wires[1].sections) == ("counter/1", [[task]], [])
    rig.offers.placed([task])
    rig.turns.run()
    assert [section["i"] for section in rig.wires[1].sections] == [[1]]
    rig.offers.placed([task])  # as once more for another reason
    rig.turns.run()
    assert len(rig.wires[1].sections) == 1


def test_where_nothing_is_kept_the_agent_that_was_chosen_has_it_at_once() -> None:
    rig = Rig(session=None)
    (task,) = rig.put(None)
    assert (task.agent, rig.moved, len(rig.wires[1].sections)) == ("counter/1", [], 1)


def test_a_failed_attempt_of_a_task_for_any_agent_may_go_to_another_one() -> None:
    rig = Rig(session=None)
    (task,) = rig.put(None, retries=1, backoff_s=0.1)
    rig.answer(1, errors=[[0, "ValueError", "as told", None]])
    rig.wait(1.0)
    assert task.agent == "counter/2"
    assert len(rig.wires[0].sections) == 1


def test_while_nothing_admits_it_a_task_waits_and_ends_once_something_does() -> None:
    rig = Rig(session=None)
    rig.is_shut = True
    (task,) = rig.put(None)
    rig.wait(0.3)
    assert (task.state, task.agent, rig.ended) == ("queued", "counter", [])
    rig.is_shut = False
    rig.wait(10.0)
    rig.answer(1)
    assert rig.states() == [(1, "done")]


def test_a_task_begins_no_sooner_than_it_should() -> None:
    rig = Rig()
    task = Task(1, None, "counter/2", "add", b"1", 0.0)
    rig.offers.later(5.0, task)
    rig.wait(4.9)
    assert rig.wires[0].sections == []
    rig.wait(0.2)
    assert len(rig.wires[0].sections) == 1


def test_a_task_that_is_hastened_leaves_before_its_like_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "OFFERED", 2)
    monkeypatch.setattr(way, "SPARE", 0)
    rig = Rig()
    tasks = rig.put(0, 2, 4, 6, 8)
    rig.offers.hasten([tasks[0], tasks[4]], 3)
    rig.offers.hasten([tasks[4]], 3)
    rig.turns.run()
    rig.offers.hasten([tasks[4]], 3)
    rig.turns.run()
    assert rig.offers.ahead("counter", 3) == 1
    for at in range(4):
        rig.answer(at=at)
        rig.turns.run()
    sent = [key for section in rig.wires[0].sections for key in section["i"]]
    assert sent == [0, 2, 8, 4, 6]
    assert sorted(ending.task.number for ending in rig.ended) == [1, 2, 3, 4, 5]
    assert [task.urgency for task in tasks] == [3, tasks[1].options.priority, tasks[1].urgency, tasks[1].urgency, 3]


def test_a_task_that_is_hastened_and_tried_again_later_is_offered_once() -> None:
    rig = Rig()
    (task,) = rig.put(0, retries=1, backoff_s=1.0)
    rig.answer(errors=[[0, "ValueError", "no", None]])
    rig.offers.hasten([task], 3)
    rig.turns.run()
    assert len(rig.wires[0].sections) == 1
    rig.wait(2.0)
    assert len(rig.wires[0].sections) == 2
    rig.answer()
    assert [ending.state for ending in rig.ended] == ["done"]
