"""What a sender holds back leaves when it may, in the order of priorities; every task has one answer, the final one."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from engine import agenda as module
from engine import standing
from engine.agenda import RIDE_S, Agenda
from engine.places import Want
from engine.submission import submission_of
from pools.errors import CircuitOpen, Failure, RateLimited, UnknownKind
from pools.ranked import CRITICAL, LOW, NORMAL
from pools.stream import Stream
from tests.support.clocks import Clock


class Timer(Clock):
    """A clock with the names of a loop."""

    time = Clock.s
    call_later = Clock.later


class Rig:
    """An agenda over a stream whose tasks are answered by hand."""

    def __init__(self, *, is_placed: bool = True) -> None:
        self.timer = Timer()
        self.sent: list[tuple[Any, tuple[Any, ...], int]] = []
        self.cancelled: list[Any] = []
        self.stream = Stream(lambda _address: None, 10_000, lambda: None, lambda _count, _failures: None)  # type: ignore[arg-type, return-value]
        self.stream.send = self._send  # type: ignore[method-assign]
        self.stream.send_in_time = self._send_in_time  # type: ignore[method-assign]
        self.dues: dict[Any, float] = {}
        self.stream.cancel_where = self._cancel  # type: ignore[method-assign]
        #: What is wanted of agents, and what is said then; those who left.
        self.wants: list[tuple[list[Want], Any]] = []
        self.left: list[str] = []
        self.agenda = Agenda(self.stream, self.timer, Random(1), self if is_placed else None)
        self.agenda.is_last = True

    def _send(self, tokens: Any, tasks: Any, priority: int = NORMAL) -> None:
        self.stream.open += len(tokens)
        self.sent += [(token, task, priority) for token, task in zip(tokens, tasks, strict=True)]

    def _send_in_time(self, tokens: Any, tasks: Any, dues: Any, priority: int = NORMAL) -> None:
        self.dues |= {token.name: due_s for token, due_s in zip(tokens, dues, strict=True)}
        self._send(tokens, tasks, priority)

    def place(self, wants: Any, done: Any) -> None:
        self.wants.append((list(wants), done))

    def leave(self, tenant: str) -> None:
        self.left.append(tenant)

    def _cancel(self, is_meant: Any) -> None:
        meant = [token for token, *_ in self.sent if is_meant(token) and token.is_out]
        self.cancelled += [token.name for token in meant]
        for token in meant:
            self.answer(token.name, Failure("TaskCancelled", "taken back"))

    def add(self, name: Any, **fields: Any) -> None:
        """Take a task with conditions."""
        self.agenda.add(submission_of({"id": name, "agent": "counter/1", "method": "get", **fields}), name)
        self.agenda.flush()

    def names(self) -> list[Any]:
        """What was sent, in order."""
        return [getattr(token, "name", token) for token, *_ in self.sent]

    def answer(self, name: Any, failure: Failure | None = None) -> None:
        """Answer the newest attempt of a task."""
        token = next(token for token, *_ in reversed(self.sent) if getattr(token, "name", token) == name)
        self.stream.answered([token], [None if failure else 1], [(0, failure)] if failure else [])
        self.timer.pass_s(0)

    def ended(self) -> dict[Any, str]:
        """The final answers: the type of the failure, or `done`."""
        ended = {}
        while self.stream.ready:
            batch = self.stream.take()
            for at, name in enumerate(batch.ids):
                assert name not in ended
                ended[name] = batch.failures[at].type if at in batch.failures else "done"
        return ended


def test_a_task_leaves_when_those_it_waits_for_are_done_also_plain_ones() -> None:
    rig = Rig()
    rig.agenda.opened(["plain"])
    rig.stream.send(["plain"], [("counter/1", "get")])
    rig.add("b", after=["a", "plain"])
    rig.add("a", delay_s=1)
    assert rig.names() == ["plain"]
    rig.answer("plain")
    rig.timer.pass_s(1.1)
    assert rig.names() == ["plain", "a"]
    rig.answer("a")
    assert rig.names() == ["plain", "a", "b"]
    rig.answer("b")
    assert rig.ended() == {"plain": "done", "a": "done", "b": "done"}
    assert (rig.agenda.held, rig.stream.open) == (0, 0)
    rig.add("c", after="plain")
    assert rig.names()[-1] == "c"


def test_a_delay_and_a_dependency_are_both_waited_for_whichever_ends_first() -> None:
    rig = Rig()
    for name in ("first", "second"):
        rig.agenda.opened([name])
        rig.stream.send([name], [("counter/1", "get")])
        rig.add(f"after {name}", after=[name], delay_s=1)
    rig.answer("first")
    assert rig.names() == ["first", "second"]
    rig.timer.pass_s(1.1)
    assert rig.names() == ["first", "second", "after first"]
    rig.answer("second")
    assert rig.names() == ["first", "second", "after first", "after second"]


def test_what_leaves_together_leaves_by_priority() -> None:
    rig = Rig()
    for name, priority in (("low", "low"), ("normal", "normal"), ("critical", "critical")):
        rig.add(name, priority=priority, after=["x"])
    rig.agenda.opened(["x"])
    rig.stream.send(["x"], [("counter/1", "get")])
    rig.answer("x")
    assert [(getattr(token, "name", token), priority) for token, _, priority in rig.sent][1:] == [
        ("critical", CRITICAL), ("normal", NORMAL), ("low", LOW),
    ]  # fmt: skip


def test_a_failure_is_tried_again_as_often_as_was_asked_for_and_then_told_once() -> None:
    rig = Rig()
    rig.add("a", retries=2, backoff_s=1)
    for tries in range(3):
        assert len(rig.sent) == tries + 1
        assert rig.ended() == {}
        rig.answer("a", Failure("ValueError", "as told"))
        rig.timer.pass_s(5)
    assert rig.ended() == {"a": "ValueError"}
    assert len(rig.sent) == 3
    rig.add("b", retries=2)
    rig.answer("b", Failure("BadArgument", "never"))
    assert rig.ended() == {"b": "BadArgument"}


def test_who_waits_for_one_that_fails_fails_and_so_do_those_behind_it() -> None:
    rig = Rig()
    rig.add("c", after=["b"])
    rig.add("b", after=["a"])
    rig.add("ignores", after=["a"], after_failed="ignore")
    rig.add("a")
    rig.answer("a", Failure("ValueError", "as told"))
    assert rig.names() == ["a", "ignores"]
    assert rig.ended() == {"a": "ValueError", "b": "DependencyFailed", "c": "DependencyFailed"}


def test_an_attempt_has_its_time_and_a_task_its_deadline() -> None:
    rig = Rig()
    rig.add("late", timeout_s=1)
    rig.add("again", timeout_s=1, retries=1, backoff_s=0.1)
    rig.add("over", deadline_s=1.5, retries=5, backoff_s=0.1)
    rig.add("held", deadline_s=1, after=["nobody"])
    rig.timer.pass_s(1.1)
    assert sorted(rig.cancelled) == ["again", "late"]
    assert rig.ended() == {"late": "TaskExpired", "held": "TaskExpired"}
    rig.timer.pass_s(0.2)
    assert rig.names().count("again") == 2
    rig.answer("again")
    rig.timer.pass_s(0.5)
    assert rig.ended() == {"again": "done", "over": "TaskExpired"}


def test_no_attempt_begins_that_the_deadline_would_end() -> None:
    rig = Rig()
    rig.add("a", deadline_s=2, retries=5, backoff_s=10)
    rig.answer("a", Failure("ValueError", "as told"))
    assert rig.ended() == {"a": "ValueError"}


def test_at_the_end_of_the_input_who_waits_for_nobody_is_told_so() -> None:
    rig = Rig()
    rig.add("b", after=["a"])
    rig.add("c", after=["b"])
    assert rig.agenda.is_stuck
    rig.agenda.end()
    assert rig.ended() == {"b": "DependencyFailed", "c": "DependencyFailed"}
    rig.add("d", delay_s=5)
    assert not rig.agenda.is_stuck


def test_a_circle_a_second_one_of_a_name_and_what_only_accepted_tasks_have_is_refused() -> None:
    rig = Rig()
    rig.add("a", after=["b"])
    rig.add("b", after=["a"])
    rig.add("t", tags=["x"])
    assert rig.ended() == {"b": "DependencyCycle", "a": "DependencyFailed", "t": "BadArgument"}
    rig.add("x", delay_s=1)
    rig.add("x", delay_s=2)
    assert rig.ended() == {"x": "BadArgument"}


def test_a_sender_that_leaves_takes_everything_back() -> None:
    rig = Rig()
    rig.add("a", after=["x"])
    rig.add("b", delay_s=5)
    rig.agenda.cancel()
    assert rig.ended() == {"a": "TaskCancelled", "b": "TaskCancelled"}
    rig.timer.pass_s(100)
    assert rig.sent == []


def test_what_is_held_and_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HELD_TASKS", 10)
    monkeypatch.setattr(standing, "ENDED_TASKS", 10)
    rig = Rig()
    for at in range(12):
        rig.add(at, after=["x"])
    assert rig.ended() == {10: "PoolFull", 11: "PoolFull"}
    rig.agenda.cancel()
    for at in range(100, 200):
        rig.add(at, timeout_s=1)
        rig.answer(at)
    assert len(rig.agenda._standing) <= 20


def test_while_more_tasks_come_those_that_are_free_wait_a_little_to_leave_with_them() -> None:
    rig = Rig()
    rig.agenda.is_last = False
    for name in ("a", "b"):
        rig.add(name)
        rig.add(f"behind {name}", after=[name])
    rig.answer("a")
    assert rig.names() == ["a", "b"]
    rig.timer.pass_s(RIDE_S)
    assert rig.names() == ["a", "b", "behind a"]
    rig.answer("b")
    rig.agenda.flush()  # the next tasks came
    assert rig.names() == ["a", "b", "behind a", "behind b"]
    rig.timer.pass_s(RIDE_S)
    assert len(rig.sent) == 4


def test_a_task_leaves_with_the_time_until_which_it_is_of_use() -> None:
    rig = Rig()
    now_s = rig.timer.s()
    rig.add("deadline", deadline_s=5.0)
    rig.add("attempt", timeout_s=2.0)
    rig.add("both", deadline_s=5.0, timeout_s=9.0)
    rig.add("neither", retries=1)
    assert rig.dues == {"deadline": now_s + 5, "attempt": now_s + 2, "both": now_s + 5}
    assert sorted(rig.names()) == ["attempt", "both", "deadline", "neither"]


def kinds(rig: Rig, *names: str, **fields: Any) -> None:
    """Tasks for a kind that want something."""
    for name in names:
        rig.agenda.add(submission_of({"id": name, "kind": "counter", "method": "get", **fields}), name)
    rig.agenda.flush()


def test_tasks_that_want_something_of_an_agent_leave_together_once_it_is_chosen_each_to_its_own() -> None:
    rig = Rig()
    kinds(rig, "a", "b", skills=["draw"], tenant="x", after_unknown="ignore")
    ((wants, done),) = rig.wants
    assert wants == [Want("counter", ("draw",), None, "x")] * 2
    assert (rig.sent, rig.agenda.held, rig.agenda.is_stuck) == ([], 2, False)
    done(["counter/1", "counter/2"])
    assert [task for _, task, _ in rig.sent] == [("counter/1", "get"), ("counter/2", "get")]
    assert rig.left == []
    rig.answer("a")
    rig.answer("b", Failure("ValueError", "no"))
    assert rig.left == ["x", "x"]
    assert rig.ended() == {"a": "done", "b": "ValueError"}


def test_who_may_not_begin_yet_asks_again_and_who_never_can_has_failed() -> None:
    rig = Rig()
    kinds(rig, "a", "b", "c", tenant="x", retries=1, backoff_s=0.5)
    refusals = [RateLimited("wait"), UnknownKind("nobody"), CircuitOpen("open")]
    refusals[0].retry_after_s, refusals[2].retry_after_s = 2.0, 0.1
    rig.wants.pop()[1](refusals)
    rig.timer.pass_s(0)
    assert rig.ended() == {"b": "UnknownKind"}
    rig.timer.pass_s(0.6)
    wants, done = rig.wants.pop()  # the other attempt of c
    assert len(wants) == 1
    done(["counter/1"])
    rig.answer("c")
    rig.timer.pass_s(1.5)
    rig.wants.pop()[1](["counter/2"])
    rig.answer("a")
    assert rig.ended() == {"a": "done", "c": "done"}
    assert rig.left == ["x", "x"]


def test_another_attempt_is_given_an_agent_anew() -> None:
    rig = Rig()
    kinds(rig, "a", sticky="s", retries=1, backoff_s=0.1)
    rig.wants.pop()[1](["counter/1"])
    rig.answer("a", Failure("ValueError", "no"))
    rig.timer.pass_s(0.2)
    wants, done = rig.wants.pop()
    assert wants == [Want("counter", (), "s")]
    done(["counter/5"])
    assert rig.sent[-1][1] == ("counter/5", "get")


def test_who_was_given_up_while_an_agent_was_chosen_leaves_its_place() -> None:
    rig = Rig()
    kinds(rig, "a", "b", tenant="x", deadline_s=1.0)
    (_, done) = rig.wants.pop()
    rig.timer.pass_s(1.1)
    done(["counter/1", RateLimited("wait")])
    assert (rig.sent, rig.left) == ([], ["x"])
    assert rig.ended() == {"a": "TaskExpired", "b": "TaskExpired"}
    assert rig.agenda.held == 0


@pytest.mark.parametrize("fields", [{"skills": ["draw"]}, {"sticky": 1}, {"tenant": "x"}])
def test_where_nobody_chooses_agents_such_tasks_are_refused(fields: dict[str, Any]) -> None:
    rig = Rig(is_placed=False)
    kinds(rig, "a", **fields)
    assert rig.ended() == {"a": "BadArgument"}
