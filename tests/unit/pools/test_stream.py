"""Many tasks leave in columns, in order and as they were given; each comes back once, under its own token."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from pools import chute as module
from pools import link as links
from pools.address import Key, parse, valid_kind
from pools.chute import NAMES
from pools.errors import BadAddress, Failure, LinkClosed, UnknownAgent
from pools.lane import Columns
from pools.link import Link
from pools.ranked import CRITICAL, NORMAL
from pools.stream import Stream
from tests.support.clocks import Clock
from tests.support.wires import Wire


class Way:
    """A link, its wire, and the sections on it that were not answered."""

    def __init__(self, window: int) -> None:
        self.clock = Clock()
        self.wire = Wire()
        self.link = Link(window=window, clock=self.clock.s, later=self.clock.later)
        self.link.attach(self.wire)
        self._replied = 0

    def answer(self) -> bool:
        """Answer what was sent, each task with [key, method, argument]; returns whether there was something."""
        sections = self.wire.sections[self._replied :]
        self._replied += len(sections)
        for section in sections:
            self.link.take([{"n": section["n"], "v": told(section)}])
        return bool(sections)

    @property
    def tasks(self) -> list[list[Any]]:
        """Everything that was sent: [key, method, argument]."""
        return [task for section in self.wire.sections for task in told(section)]


def told(section: dict[str, Any]) -> list[list[Any]]:
    """The tasks of a section, as a worker reads them."""
    names, keys = section["m"], section["i"]
    methods = [names] * len(keys) if type(names) is str else [names[0][code] for code in names[1]]
    return [list(task) for task in zip(keys, methods, section.get("a", [None] * len(keys)), strict=True)]


class Setup:
    """A stream before two links: `far/…` agents live behind the second, those of any other kind behind the first."""

    def __init__(self, window: int = 100_000, limit: int = 100_000) -> None:
        self.near, self.far = Way(window), Way(window)
        self.chosen = 0
        self.wakes = 0
        self.ended: list[tuple[int, list[str]]] = []
        self.stream = Stream(self._resolve, limit, self._wake, self._end)
        self.answers: dict[Any, Any] = {}

    def _resolve(self, address: str) -> tuple[Link, str, Key]:
        if type(address) is str and "/" not in address:
            self.chosen += 1
            kind, key = valid_kind(address), self.chosen
        else:
            kind, key = parse(address)
        if kind == "unknown":
            raise UnknownAgent(f"no agent {address}")
        return (self.far if kind == "far" else self.near).link, kind, key

    def _wake(self) -> None:
        self.wakes += 1

    def _end(self, count: int, failures: Sequence[tuple[int, Failure]]) -> None:
        self.ended.append((count, [failure.type for _, failure in failures]))

    def send(self, *tasks: tuple[Any, ...], first: int = 0) -> None:
        self.stream.send(range(first, first + len(tasks)), tasks)

    def settle(self) -> dict[Any, Any]:
        """Answer everything, let held tasks go, and take all results: by token, a failure for a task that failed."""
        while self.near.answer() or self.far.answer():
            self.near.clock.pass_s(1)
            self.far.clock.pass_s(1)
        return self.take()

    def take(self) -> dict[Any, Any]:
        """All results that are there."""
        while self.stream.ready:
            for result in self.stream.take():
                assert result.id not in self.answers, f"task {result.id} was answered twice"
                self.answers[result.id] = result.error or result.value
        return self.answers

    def failed(self) -> dict[Any, str]:
        """The tokens of tasks that failed, with the name of the error."""
        return {token: answer.type for token, answer in self.settle().items() if isinstance(answer, Failure)}


# -- sending -----------------------------------------------------------------------------------------------------------


def test_tasks_leave_at_once_for_each_kind_and_link_in_the_order_they_were_given() -> None:
    setup = Setup()
    setup.send(
        ("counter/5", "add", 1), ("far/5", "add", 2), ("counter/3", "add", 3), ("other/5", "add", 4), ("counter/5", "get")
    )
    assert [(section["k"], told(section)) for section in setup.near.wire.sections] == [
        ("counter", [[5, "add", 1], [3, "add", 3], [5, "get", None]]),
        ("other", [[5, "add", 4]]),
    ]
    assert setup.far.tasks == [[5, "add", 2]]
    assert (len(setup.near.wire.sent), len(setup.far.wire.sent)) == (1, 1)


def test_results_come_under_the_tokens_of_their_tasks() -> None:
    setup = Setup()
    setup.stream.send(["a", "b", "c"], [("counter/1", "get"), ("far/2", "get"), ("counter/3", "get")])
    assert setup.settle() == {"a": [1, "get", None], "b": [2, "get", None], "c": [3, "get", None]}
    assert setup.wakes == 2
    assert sum(count for count, _ in setup.ended) == 3


def test_results_come_in_the_order_of_completion() -> None:
    setup = Setup()
    setup.send(("counter/1", "get"), ("far/2", "get"))
    setup.far.answer()
    setup.near.answer()
    assert [result.id for _ in range(2) for result in setup.stream.take()] == [1, 0]
    with pytest.raises(IndexError):
        setup.stream.take()


def test_the_room_is_what_is_neither_open_nor_waits_to_be_taken() -> None:
    setup = Setup(limit=10)
    setup.send(("counter/1", "get"), ("unknown/2", "get"), ("counter/3", "get"))
    assert (setup.stream.open, setup.stream.room) == (2, 7)
    setup.near.answer()
    assert (setup.stream.open, setup.stream.room) == (0, 7)
    setup.stream.take()
    assert setup.stream.room == 8
    setup.stream.take()
    assert setup.stream.room == 10


@pytest.mark.parametrize("task", [(), ("counter/1",)])
def test_a_task_without_a_method_is_an_error_before_anything_is_sent(task: tuple[Any, ...]) -> None:
    setup = Setup()
    with pytest.raises(IndexError):
        setup.send(("counter/1", "get"), task)
    assert (setup.stream.open, setup.near.tasks) == (0, [])
    setup.send(("counter/2", "get"))
    assert setup.settle() == {0: [2, "get", None]}


def test_no_tasks_are_no_error() -> None:
    setup = Setup()
    setup.send()
    assert (setup.stream.open, setup.settle()) == (0, {})


# -- addresses ---------------------------------------------------------------------------------------------------------

WRONG = ["unknown/1", "Counter/1", "counter/", "/1", "", 5, None, ["counter/1"], {}, math.nan, "\ud800/1", "counter/\ud800"]


@pytest.mark.parametrize("address", WRONG)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_task_that_leads_nowhere_is_answered_and_the_others_go(address: Any, place: int) -> None:
    setup = Setup()
    tasks: list[tuple[Any, ...]] = [("counter/1", "add", 1), ("far/x", "add", 2)]
    tasks.insert(place, (address, "add", 3))
    for round_ in range(2):
        setup.send(*tasks, first=3 * round_)
    assert set(setup.failed()) == {place, place + 3}
    assert set(setup.failed().values()) <= {"UnknownAgent", "BadAddress"}
    assert setup.near.tasks == [[1, "add", 1]] * 2
    assert setup.far.tasks == [["x", "add", 2]] * 2
    assert setup.stream.open == 0


def test_a_chunk_in_which_every_task_leads_nowhere_is_answered() -> None:
    setup = Setup()
    setup.send(*(("unknown/1", "get") for _ in range(5)))
    assert setup.failed() == dict.fromkeys(range(5), "UnknownAgent")
    assert setup.near.wire.sent == []


def test_keys_arrive_as_they_are_whatever_their_kind_form_and_size() -> None:
    keys = [0, 7, 65_535, 65_536, 65_537, 999_999_999_999_999, "07", "a", "counter", "x" * 128]
    tasks = [(f"{kind}/{key}", kind) for key in keys for kind in ("counter", "far", "other")]
    for chunk in (1, 3, len(tasks)):
        setup = Setup()
        for round_ in range(2):
            for at in range(0, len(tasks), chunk):
                setup.send(*tasks[at : at + chunk], first=round_ * 1_000 + at)
        answers = setup.settle()
        assert [answers[token][0] for token in sorted(answers)] == [key for key in keys for _ in range(3)] * 2
        for section in setup.near.wire.sections + setup.far.wire.sections:
            assert {method for _, method, _ in told(section)} == {section["k"]}


def test_for_a_kind_an_agent_is_chosen_for_each_task() -> None:
    setup = Setup()
    setup.send(("counter", "get"), ("counter", "get"), ("far", "get"), ("counter/1", "get"))
    setup.send(("counter", "get"), first=4)
    assert [answer[0] for _, answer in sorted(setup.settle().items())] == [1, 2, 3, 1, 4]
    assert setup.far.tasks == [[3, "get", None]]


def test_an_agent_that_is_chosen_again_and_again_is_remembered_once() -> None:
    setup = Setup()
    setup.stream = Stream(lambda _kind: (setup.near.link, "counter", "x"), 1_000, setup._wake, setup._end)
    for first in range(0, 100, 10):
        setup.send(*(("counter", "get") for _ in range(10)), first=first)
    assert [key for key, *_ in setup.near.tasks] == ["x"] * 100
    assert len(setup.stream._chutes[NORMAL]._others) == 1


def test_a_sweep_over_more_addresses_than_are_remembered_goes_right(monkeypatch: pytest.MonkeyPatch, chance: Random) -> None:
    monkeypatch.setattr(module, "ROUTES", 8)
    setup = Setup()
    wanted: dict[int, Any] = {}
    for _ in range(60):
        keys = [chance.choice([chance.randrange(30), f"n{chance.randrange(5)}"]) for _ in range(chance.randrange(1, 20))]
        kinds = chance.choices(["counter", "far"], k=len(keys))
        setup.send(*((f"{kind}/{key}", kind, key) for kind, key in zip(kinds, keys, strict=True)), first=len(wanted))
        wanted.update(enumerate(([key, kind, key] for kind, key in zip(kinds, keys, strict=True)), start=len(wanted)))
        assert len(setup.stream._chutes[NORMAL]._numbers) < 8 + 20
    assert setup.settle() == wanted
    assert {method for _, method, _ in setup.far.tasks} == {"far"}


# -- arguments and methods ---------------------------------------------------------------------------------------------


def test_arguments_leave_in_the_form_that_a_worker_reads() -> None:
    setup = Setup()
    forms: list[tuple[tuple[Any, ...], Any]] = [
        ((), None),
        ((5,), 5),
        ((None,), [None]),
        ((1.5,), 1.5),
        (([1, 2],), [[1, 2]]),
        ((1, 2), [1, 2]),
        ((1, None, "x"), [1, None, "x"]),
        (({"a": 1},), [{"a": 1}]),
    ]
    for first, (arguments, _) in enumerate(forms):
        setup.send(("counter/1", "add", *arguments), first=first)
    setup.send(*(("counter/2", "add", *arguments) for arguments, _ in forms), first=len(forms))
    answers = setup.settle()
    assert [answers[token][2] for token in range(2 * len(forms))] == [sent for _, sent in forms] * 2


@pytest.mark.parametrize("argument", [math.nan, math.inf, 2**64, -(2**70), "\ud800", {1}, b"x", [math.nan], {"a": 2**64}])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_an_argument_that_would_not_arrive_is_refused_alone(argument: Any, place: int) -> None:
    setup = Setup()
    tasks: list[tuple[Any, ...]] = [("counter/1", "add", 1), ("counter/2", "get"), ("far/3", "add", 2)]
    tasks.insert(place, ("counter/9", "add", argument))
    setup.send(*tasks)
    assert setup.failed() == {place: "BadArgument"}
    assert sorted(key for key, *_ in setup.near.tasks + setup.far.tasks) == [1, 2, 3]
    assert setup.stream.open == 0


def test_floats_that_wait_are_looked_at_whatever_came_before_and_after_them() -> None:
    setup = Setup(window=6)
    setup.send(*(("counter/1", "add", x) for x in range(7)))
    setup.send(("counter/1", "add", math.nan), ("counter/1", "add", 7), first=7)
    setup.send(("counter/1", "add", 8), ("counter/1", "add", 9), first=9)
    assert setup.near.link.waiting == 5
    assert setup.failed() == {7: "BadArgument"}
    assert setup.near.tasks == [[1, "add", x] for x in range(10)]


@pytest.mark.parametrize("method", [None, 5, True, b"add", "\ud800"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_method_that_is_no_name_is_refused_alone(method: Any, place: int) -> None:
    setup = Setup()
    tasks: list[tuple[Any, ...]] = [("counter/1", "add", 1), ("counter/2", "get")]
    tasks.insert(place, ("counter/9", method, 1))
    for first in (0, 3):
        setup.send(*tasks, first=first)
    setup.send(("counter/8", method), first=6)
    assert setup.failed() == {place: "BadArgument", place + 3: "BadArgument", 6: "BadArgument"}
    assert setup.near.tasks == [[1, "add", 1], [2, "get", None]] * 2


def test_any_number_of_method_names_arrives(chance: Random) -> None:
    setup = Setup()
    names = [f"method{number}" for number in range(3 * NAMES)]
    wanted = []
    for first in range(0, 1_000, 50):
        methods = chance.choices(names[: 1 + first // 5], k=50)
        setup.send(*((f"counter/{at}", method) for at, method in enumerate(methods)), first=first)
        wanted += methods
    assert [answer[1] for _, answer in sorted(setup.settle().items())] == wanted
    assert max(len(section["m"][0]) for section in setup.near.wire.sections) <= 50


def test_one_method_is_named_once_in_a_section_of_many_tasks() -> None:
    setup = Setup()
    setup.send(*((f"counter/{key}", "add", 1) for key in range(10)))
    assert setup.near.wire.sections[0]["m"] == "add"


# -- waiting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 2, 3, 7, 50])
def test_tasks_that_wait_for_room_leave_in_order_with_what_is_theirs(window: int, chance: Random) -> None:
    setup = Setup(window=window)
    wanted = []
    for _ in range(20):
        chunk = []
        for _ in range(chance.randrange(1, 12)):
            method, argument = chance.choice([("add", 1), ("get", None), ("sub", 2.5), ("pair", [1, 2])])
            arguments = () if argument is None else argument if type(argument) is list else (argument,)
            key = chance.randrange(5)
            chunk.append((f"counter/{key}", method, *arguments))
            wanted.append([key, method, argument])
        setup.send(*chunk, first=len(wanted) - len(chunk))
        if chance.random() < 0.3:
            setup.near.answer()
    assert setup.settle() == dict(enumerate(wanted))
    assert setup.near.tasks == wanted
    assert (setup.stream.open, setup.near.link.waiting) == (0, 0)


def test_past_the_backlog_the_newest_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "BACKLOG_TASKS", 10)
    setup = Setup(window=5)
    for first in range(0, 21, 7):
        setup.send(*((f"counter/{first + at}", "get") for at in range(7)), first=first)
    assert setup.failed() == dict.fromkeys(range(15, 21), "PoolFull")
    assert [key for key, *_ in setup.near.tasks] == list(range(15))


def test_what_is_taken_back_is_answered_at_once_or_by_the_other_side() -> None:
    setup = Setup(window=2)
    setup.send(*((f"counter/{key}", "get") for key in range(5)), ("far/1", "get"))
    setup.stream.cancel()
    assert {token: answer.type for token, answer in setup.take().items()} == dict.fromkeys((2, 3, 4), "TaskCancelled")
    assert setup.near.wire.orders == setup.far.wire.orders == [{"verb": "cancel", "sections": [1]}]
    assert setup.stream.open == 3
    assert setup.settle()[1] == [1, "get", None]
    assert setup.stream.open == 0


def test_single_tasks_are_taken_back_out_of_the_middle_of_what_waits() -> None:
    setup = Setup(window=1)
    for first in (0, 4):
        setup.send(*((f"counter/{first + at}", "get") for at in range(4)), first=first)
    setup.near.link.cancel_where(setup.stream, lambda token: token in (0, 2, 3, 6, 7))
    assert set(setup.take()) == {2, 3, 6, 7}
    assert setup.near.wire.orders == [{"verb": "cancel", "sections": [1], "position": 0}]
    setup.settle()
    assert [key for key, *_ in setup.near.tasks] == [0, 1, 4, 5]
    assert setup.stream.open == 0


def test_taking_back_everything_that_waits_leaves_the_lane_of_use() -> None:
    setup = Setup(window=1)
    setup.send(*((f"counter/{key}", "get") for key in range(3)))
    setup.near.link.cancel_where(setup.stream, lambda token: token > 0)
    setup.send(("counter/9", "get"), first=9)
    setup.settle()
    assert [key for key, *_ in setup.near.tasks] == [0, 9]


def test_a_link_that_ends_answers_what_was_sent_and_what_waits() -> None:
    setup = Setup(window=2)
    setup.send(*((f"counter/{key}", "get") for key in range(5)), ("far/1", "get"))
    setup.near.link.detach(LinkClosed("gone"), drop_waiting=True)
    setup.send(("counter/1", "get"), first=6)
    assert setup.failed() == dict.fromkeys((0, 1, 2, 3, 4, 6), "LinkClosed")
    assert setup.answers[5] == [1, "get", None]
    assert setup.stream.open == 0


def test_a_failure_in_a_section_stays_with_its_task() -> None:
    setup = Setup()
    setup.send(*((f"counter/{key}", "get") for key in range(4)))
    errors = [[1, "ValueError", "as told", None], [3, "MailboxFull", "full", 0.1]]
    setup.near.link.take([{"n": 1, "v": [0, None, 2, None], "e": errors}])
    told_failures = {1: Failure("ValueError", "as told"), 3: Failure("MailboxFull", "full", 0.1)}
    assert setup.take() == {0: 0, 2: 2} | told_failures
    assert setup.ended == [(4, ["ValueError", "MailboxFull"])]


def test_a_task_that_could_not_be_read_is_answered_like_any_other() -> None:
    setup = Setup(limit=5)
    setup.stream.refuse("mine", BadAddress("no"))
    assert (setup.stream.open, setup.stream.room, setup.wakes) == (0, 4, 1)
    assert setup.take() == {"mine": Failure("BadAddress", "no")}
    assert setup.stream.ready == deque()
    assert setup.ended == [(1, ["BadAddress"])]


class Apart:
    """Keeps the tasks for kinds."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, Any]] = []
        self.is_cancelled = False
        self.priorities: list[int] = []
        self.late: list[Any] = []

    def send(self, kind: str, columns: Columns, priority: int, *, is_plain: bool) -> None:
        tokens, _, methods, arguments = columns
        self.sent += [(token, (kind, *task)) for token, *task in zip(tokens, methods, arguments, strict=True)]
        self.priorities.append(priority)

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancel_where(self, is_meant: Callable[[Any], bool]) -> None:
        self.late = [token for token, _ in self.sent if is_meant(token)]


def test_tasks_for_kinds_are_sent_aside_and_the_others_as_ever() -> None:
    setup, apart = Setup(), Apart()
    stream = Stream(setup._resolve, 100, setup._wake, setup._end, None, lambda _outer: apart)
    tasks: list[Any] = [("a/1", "get"), ("a", "add", 1), (5, "get"), ("b", "get"), ("a/2", "get")]
    stream.send([0, 1, 2, 3, 4], tasks)
    stream.send([5, 6], [("a/1", "get"), ("a/2", "get")])
    stream.send([7], [("b", "get")], CRITICAL)
    stream.send([], [])
    assert apart.sent == [(1, ("a", "add", 1)), (3, ("b", "get", None)), (7, ("b", "get", None))]
    assert apart.priorities == [NORMAL, NORMAL, CRITICAL]
    assert setup.near.tasks == [[1, "get", None], [2, "get", None], [1, "get", None], [2, "get", None]]
    assert setup.chosen == 0
    assert stream.open == 7  # one was answered: its address is none
    stream.answered([1, 3, 7], [1, 2, 3], ())
    assert stream.open == 4
    stream.cancel_where(lambda token: token in (0, 3))
    assert apart.late == [3]
    stream.cancel()
    assert apart.is_cancelled


def test_tasks_in_columns_go_to_whoever_is_chosen_or_named() -> None:
    setup = Setup()
    dealt: Any = lambda kind, count: ([(setup.near.link, [*range(count - 1)])], UnknownAgent("no more"))  # noqa: E731
    stream = Stream(setup._resolve, 100, setup._wake, setup._end, dealt)
    stream.deal("a", ([0, 1, 2], (), ["get", "get", "get"], [None, 5, None]), CRITICAL, is_plain=True)
    assert setup.near.tasks == [[0, "get", None], [1, "get", 5]]
    stream.place(["far/7", "a/9"], ([3, 4], (), ["add", "get"], [1, None]), NORMAL, is_plain=True)
    assert setup.far.tasks == [[7, "add", 1]]
    assert setup.near.tasks[2:] == [[9, "get", None]]
    assert [section.get("pr", NORMAL) for section in setup.near.wire.sections] == [CRITICAL, NORMAL]
    assert stream.open == 4  # for one there was nobody


def test_what_is_sent_together_leaves_in_one_frame_a_link_by_priority_also_when_it_fails() -> None:
    setup = Setup()
    with setup.stream.together():
        setup.stream.send([1], [("near/1", "get")])
        with setup.stream.together():
            setup.stream.send([2], [("near/2", "get")], CRITICAL)
            setup.stream.send([3], [("far/3", "get")])
        assert setup.near.wire.sent == setup.far.wire.sent == []
    assert [[section["i"][0] for section in setup.near.wire.sections], len(setup.near.wire.sent)] == [[2, 1], 1]
    assert setup.far.wire.keys == [3]
    with pytest.raises(ValueError, match="stop"), setup.stream.together():
        setup.stream.send([4], [("near/4", "get")])
        raise ValueError("stop")
    assert setup.near.wire.keys[-1] == 4
    setup.stream.send([5], [("near/5", "get")])
    assert setup.near.wire.keys[-1] == 5


# -- tasks that are of use for some time -------------------------------------------------------------------------------


def test_of_tasks_with_a_time_those_that_are_late_never_leave_and_each_has_one_answer() -> None:
    setup = Setup(window=1)
    now_s = [0.0]
    setup.stream._clock = lambda: now_s[0]
    tasks = [("counter/1", "get"), ("counter/2", "get", 5), ("counter", "get"), ("unknown/1", "get")]
    setup.stream.send_in_time(range(4), tasks, [9.0, 1.0, 9.0, 9.0])
    now_s[0] = 2.0
    assert setup.failed() == {1: "TaskExpired", 3: "UnknownAgent"}
    assert sorted(setup.answers) == [0, 1, 2, 3]
    assert [task[0] for task in setup.near.tasks] == [1, 1]
    assert setup.stream.open == 0


def test_tasks_with_a_time_are_taken_back_like_the_others() -> None:
    setup = Setup(window=1)
    setup.stream._clock = lambda: 0.0
    setup.stream.send_in_time(range(3), [("counter/1", "get")] * 3, [9.0] * 3, CRITICAL)
    setup.stream.cancel_where(lambda token: token == 2)
    assert setup.take()[2].type == "TaskCancelled"
    setup.stream.cancel()
    assert setup.take()[1].type == "TaskCancelled"
    assert setup.near.wire.sections[0]["pr"] == CRITICAL
