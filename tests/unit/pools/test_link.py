"""Tasks go out in batches within a window, and each gets one answer, whatever happens to the wire."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pools import link as module
from pools.again import DEATHS
from pools.duelane import DueLane
from pools.errors import Failure, FrameTooLarge, LinkClosed, PoolUnavailable, WorkerDied
from pools.gauges import CELLS, HISTOGRAM
from pools.lane import PACED, Lane
from pools.link import Link
from pools.message import STATUS, encode
from pools.spec import FRAME_TASKS
from tests.support.clocks import Clock
from tests.support.kept import Pipe
from tests.support.wires import Sink, Wire, answer_of, fill, queued, reply


class Setup:
    """A link with a wire, one sink, and a clock by hand."""

    def __init__(self, window: int = 1_000, *, is_up: bool = True, holds: int | None = None, is_kept: bool = False) -> None:
        self.clock = Clock()
        self.cells = memoryview(bytearray(CELLS * 8)).cast("Q")
        self.link = Link(window=window, clock=self.clock.s, later=self.clock.later, histogram=self.cells, is_kept=is_kept)
        self.wire = Wire(holds)
        self.sink = Sink()
        if is_up:
            self.link.attach(self.wire)

    def offer(self, *tokens: Any, **facts: Any) -> Lane:
        lane = queued(self.link, self.sink, tokens, **facts)
        self.link.offer([lane])
        return lane

    def answer(self, section: dict[str, Any]) -> None:
        self.link.take([reply(section)])

    def answer_all(self) -> None:
        """Answer what was sent, and what that lets go, until nothing is open."""
        done = 0
        while done < len(self.wire.sections):
            self.answer(self.wire.sections[done])
            done += 1


# -- sending -----------------------------------------------------------------------------------------------------------


def test_tasks_of_one_offer_share_a_section_and_a_message() -> None:
    setup = Setup()
    setup.offer(1, 2, 3)
    assert setup.wire.sent == [
        ("t", [{"n": 1, "k": "counter", "i": setup.wire.keys, "m": "add", "a": setup.wire.sections[0]["a"]}])
    ]
    assert list(setup.wire.keys) == [1, 2, 3]
    assert list(setup.wire.sections[0]["a"]) == [1, 1, 1]
    assert setup.link.open == 3


def test_methods_are_named_once_and_arguments_left_out_where_there_are_none() -> None:
    setup = Setup()
    lane = Lane(setup.link, "counter", setup.sink)
    fill(lane, ("a", 1, "add", 5), ("b", 2, "get", None), ("c", 3, "add", [1, 2]))
    setup.link.offer([lane])
    (section,) = setup.wire.sections
    assert [section["m"][0][code] for code in section["m"][1]] == ["add", "get", "add"]
    assert list(section["a"]) == [5, None, [1, 2]]
    setup.offer("d", "e", method="get", argument=None)
    assert "a" not in setup.wire.sections[1]
    assert setup.wire.sections[1]["m"] == "get"


def test_each_kind_and_sender_has_sections_of_its_own_in_one_message() -> None:
    setup, other = Setup(), Sink()
    lanes = [
        queued(setup.link, setup.sink, [1]),
        queued(setup.link, setup.sink, [2], kind="other"),
        queued(setup.link, other, [3]),
    ]
    setup.link.offer(lanes)
    assert len(setup.wire.sent) == 1
    assert [section["k"] for section in setup.wire.sections] == ["counter", "other", "counter"]
    assert len({section["n"] for section in setup.wire.sections}) == 3
    for section in setup.wire.sections:
        setup.answer(section)
    assert setup.sink.order == [1, 2]
    assert other.order == [3]


def test_a_section_has_a_bounded_number_of_tasks() -> None:
    setup = Setup(window=10_000)
    setup.offer(*range(FRAME_TASKS * 2 + 7))
    assert [len(section["i"]) for section in setup.wire.sections] == [FRAME_TASKS, FRAME_TASKS, 7]


def test_no_more_than_the_window_is_in_flight_and_the_rest_goes_in_order() -> None:
    setup = Setup(window=4)
    setup.offer(*range(10))
    assert setup.wire.keys == [0, 1, 2, 3]
    assert (setup.link.open, setup.link.waiting) == (4, 6)
    setup.answer_all()
    assert setup.wire.keys == list(range(10))
    assert (setup.link.open, setup.link.waiting) == (0, 0)
    assert setup.sink.answers == {key: key for key in range(10)}


@pytest.mark.parametrize("window", [1, 2, 3, 7, 64])
def test_any_window_lets_everything_through(window: int) -> None:
    setup = Setup(window=window)
    for at in range(0, 100, 10):
        setup.offer(*range(at, at + 10))
    setup.answer_all()
    assert sorted(setup.wire.keys) == list(range(100))
    assert len(setup.sink.answers) == 100


def test_past_half_of_the_window_a_small_section_waits_until_it_drains() -> None:
    setup = Setup(window=2_000)
    setup.offer(*range(1_000))
    setup.offer("late")
    assert "late" not in setup.wire.keys
    setup.answer(setup.wire.sections[0])
    assert "late" in setup.wire.keys


def test_past_half_of_the_window_a_whole_frame_still_goes() -> None:
    setup = Setup(window=1_000 + FRAME_TASKS)
    setup.offer(*range(1_000))
    setup.offer(*range(1_000, 1_000 + FRAME_TASKS))
    assert len(setup.wire.keys) == 1_000 + FRAME_TASKS


def test_tasks_that_take_long_do_not_hold_up_a_small_section_while_there_is_room() -> None:
    """Three quarters of the window wait for something slow; the answers to others still come and go."""
    setup = Setup(window=400)
    setup.offer(*range(300))
    for name in ("small", "next"):
        lane = setup.offer(name)
        assert name not in setup.wire.keys
        setup.clock.pass_s(module.HOLD_S)
        assert name in setup.wire.keys
        assert not lane.is_queued


def test_lanes_take_turns_so_that_a_long_one_starves_nobody() -> None:
    setup, other = Setup(window=10), Sink()
    setup.offer(*range(1_000))
    setup.link.offer([queued(setup.link, other, ["x"])])
    for at in range(4):
        setup.answer(setup.wire.sections[at])
    assert "x" in setup.wire.keys


@pytest.mark.parametrize("argument", [math.nan, math.inf, {1}, b"x", [1, math.nan], {"a": 2**64}, "\ud800", {1: 2}])
def test_an_argument_that_would_not_arrive_is_refused_alone(argument: Any) -> None:
    setup = Setup()
    lane = Lane(setup.link, "counter", setup.sink)
    fill(lane, ("a", 1, "add", 1.5), ("b", 2, "add", argument), ("c", 3, "add", [2]))
    setup.link.offer([lane])
    assert answer_of(setup.sink, "b").type == "BadArgument"
    assert setup.wire.keys == [1, 3]
    setup.answer_all()
    assert (setup.sink.answers["a"], setup.sink.answers["c"], setup.link.open) == (1, 3, 0)


def _nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("argument", [_nested(251), _nested(300), _nested(5_000), 2**64, -(2**70)])
def test_an_argument_that_cannot_be_written_is_refused_and_the_lane_goes_on(argument: Any) -> None:
    setup = Setup()
    lane = Lane(setup.link, "counter", setup.sink)
    fill(lane, ("deep", 1, "add", argument))
    setup.link.offer([lane])
    assert answer_of(setup.sink, "deep").type == "BadArgument"
    fill(lane, ("next", 2, "add", 1))
    setup.link.offer([lane])
    assert setup.wire.keys == [2]


@pytest.mark.parametrize("method", [["add"], {}, None, 5, "\ud800"])
def test_a_method_that_is_no_name_is_refused_and_the_lane_goes_on(method: Any) -> None:
    setup = Setup()
    lane = Lane(setup.link, "counter", setup.sink)
    fill(lane, ("bad", 1, method, 1), ("good", 2, "add", 1))
    setup.link.offer([lane])
    setup.answer_all()
    answer = setup.sink.answers.get("bad")
    assert (isinstance(answer, Failure) and answer.type == "BadArgument") or 1 in setup.wire.keys
    assert setup.sink.answers["good"] == 2


def test_a_section_too_large_for_a_frame_is_halved_until_it_goes() -> None:
    setup = Setup(holds=3)
    setup.offer(*range(20))
    assert setup.wire.keys == list(range(20))
    assert all(len(section["i"]) <= 3 for section in setup.wire.sections)
    setup.answer_all()
    assert setup.sink.answers == {key: key for key in range(20)}
    assert setup.link.open == 0


def test_what_waits_behind_tasks_that_cannot_be_sent_is_sent() -> None:
    setup = Setup(window=2)
    lane = Lane(setup.link, "counter", setup.sink)
    fill(lane, *((name, 1, "add", "\ud800") for name in "abcde"), ("f", 2, "add", 5))
    setup.link.offer([lane])
    assert [answer_of(setup.sink, name).type for name in "abcde"] == ["BadArgument"] * 5
    assert (list(setup.wire.keys), setup.link.open, setup.link.waiting) == ([2], 1, 0)


def test_the_halves_keep_their_methods_and_arguments() -> None:
    setup = Setup(holds=1)
    lane = Lane(setup.link, "counter", setup.sink)
    fill(lane, ("a", 1, "add", 5), ("b", 2, "get", None), ("c", 3, "sub", "x"))
    setup.link.offer([lane])
    sent = []
    for section in setup.wire.sections:
        names = section["m"] if isinstance(section["m"], str) else section["m"][0][section["m"][1][0]]
        sent.append((section["i"][0], names, section["a"][0] if "a" in section else None))
    assert sent == [(1, "add", 5), (2, "get", None), (3, "sub", "x")]


def test_a_single_task_too_large_for_a_frame_is_refused_alone() -> None:
    setup = Setup(window=100)
    lane = Lane(setup.link, "counter", setup.sink)
    fill(lane, ("a", 1, "add", 1), ("big", 2, "add", "x" * (16 * 1024 * 1024)), ("c", 3, "add", 1))
    setup.link.offer([lane])
    assert answer_of(setup.sink, "big").type == "FrameTooLarge"
    assert setup.wire.keys == [1, 3]
    assert setup.link.open == 2


def test_past_the_backlog_the_newest_are_refused_with_a_time_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKLOG_TASKS", 10)
    setup = Setup(window=5)
    setup.offer(*range(20))
    assert setup.sink.failed_with("PoolFull") == set(range(15, 20))
    assert answer_of(setup.sink, 19).retry_after_s > 0
    setup.answer_all()
    assert [key for key in range(15) if setup.sink.answers[key] == key] == list(range(15))


def test_the_backlog_is_bounded_while_the_worker_starts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKLOG_TASKS", 10)
    setup = Setup(is_up=False)
    setup.offer(*range(20))
    assert setup.sink.failed_with("PoolFull") == set(range(10, 20))
    setup.link.attach(setup.wire)
    assert setup.wire.keys == list(range(10))


# -- answers -----------------------------------------------------------------------------------------------------------


def test_answers_come_in_any_order_and_in_parts() -> None:
    setup = Setup()
    setup.offer("a", "b", "c", "d", "e")
    number = setup.wire.sections[0]["n"]
    setup.link.take([{"n": number, "o": 1, "v": [10, 11]}])
    assert setup.sink.answers == {"b": 10, "c": 11}
    setup.link.take([{"n": number, "i": [4, 0], "v": [14, None], "e": [[1, "ValueError", "text", None]]}])
    assert setup.sink.answers == {"b": 10, "c": 11, "e": 14, "a": Failure("ValueError", "text", None)}
    assert setup.link.open == 1
    setup.link.take([{"n": number, "i": [3], "v": [13]}])
    assert setup.link.open == 0


def test_an_answer_to_nothing_is_passed_over() -> None:
    setup = Setup()
    setup.offer("a")
    setup.link.take([{"n": 999, "v": [1, 2, 3]}])
    assert (setup.sink.answers, setup.link.open) == ({}, 1)


def test_the_time_of_each_answer_is_counted() -> None:
    setup = Setup()
    setup.offer(1, 2, 3)
    setup.clock.pass_s(0.001)
    setup.answer(setup.wire.sections[0])
    counts = list(setup.cells[HISTOGRAM:])
    assert sum(counts) == 3
    assert counts[module.bucket_of(1_000)] == 3


def test_every_task_is_answered_once_in_any_history(chance: Random) -> None:
    """Offers, partial answers, cancellations and lost wires by chance; at the end each task has one answer."""
    for _ in range(30):
        setup = Setup(window=chance.randrange(1, 50), holds=chance.choice([None, 7]))
        offered: list[Any] = []
        unanswered: dict[int, dict[int, Any]] = {}
        seen = 0
        for step in range(60):
            what = chance.randrange(10)
            if what < 4:
                tokens = [f"{step}.{at}" for at in range(chance.randrange(1, 30))]
                offered += tokens
                setup.offer(*tokens)
            elif what == 4:
                setup.link.detach(WorkerDied("gone"), drop_waiting=False)
                unanswered.clear()
                setup.link.attach(setup.wire)
            elif what == 5:
                setup.link.cancel_where(setup.sink, lambda token: hash(token) % 5 == 0)
            for section in setup.wire.sections[seen:]:
                unanswered[section["n"]] = dict(enumerate(section["i"]))
            seen = len(setup.wire.sections)
            for number, left in list(unanswered.items()):
                if chance.random() < 0.4:
                    positions = chance.sample(sorted(left), chance.randrange(1, len(left) + 1))
                    for position in positions:
                        del left[position]
                    if not left:
                        del unanswered[number]
                    setup.link.take([{"n": number, "i": positions, "v": [1] * len(positions)}])
                    break
        setup.link.detach(LinkClosed("the end"), drop_waiting=True)
        assert sorted(setup.sink.answers) == sorted(offered)
        assert (setup.link.open, setup.link.waiting) == (0, 0)


# -- the wire comes and goes -------------------------------------------------------------------------------------------


def test_what_is_offered_before_the_wire_is_there_waits_for_it() -> None:
    setup = Setup(is_up=False)
    setup.offer(1, 2)
    assert (setup.link.open, setup.link.waiting) == (0, 2)
    setup.link.attach(setup.wire)
    assert setup.wire.keys == [1, 2]


def test_a_lost_wire_fails_only_what_was_sent_and_not_answered() -> None:
    setup = Setup(window=4)
    setup.offer("a", "b", "c", "d", "waits")
    setup.link.take([{"n": 1, "i": [1], "v": [7]}])
    setup.link.detach(WorkerDied("it died"), drop_waiting=False)
    assert setup.sink.answers["b"] == 7
    failed = setup.sink.failed_with("WorkerDied")
    assert {"a", "c", "d"} <= failed
    assert setup.link.open == 0
    new = Wire()
    setup.link.attach(new)
    assert {*new.keys} | failed == {"a", "c", "d", "waits"}


def test_a_late_answer_of_a_lost_wire_is_passed_over() -> None:
    setup = Setup()
    setup.offer("a")
    setup.link.detach(WorkerDied("it died"), drop_waiting=False)
    setup.link.take([{"n": 1, "v": [7]}])
    assert setup.sink.failed_with("WorkerDied") == {"a"}
    assert setup.link.open == 0


def test_a_link_that_stays_down_fails_what_waits_and_what_comes() -> None:
    setup = Setup(window=1)
    setup.offer("a", "b")
    setup.link.detach(PoolUnavailable("it is down"), drop_waiting=True)
    setup.offer("c")
    assert setup.sink.failed_with("PoolUnavailable") == {"a", "b", "c"}
    setup.link.attach(setup.wire)
    setup.offer("d")
    assert "d" in setup.wire.keys


# -- taking back -------------------------------------------------------------------------------------------------------


def test_cancelling_answers_what_waits_and_asks_the_worker_for_the_rest() -> None:
    setup, other = Setup(window=2), Sink()
    setup.offer("a", "b", "c")
    setup.link.offer([queued(setup.link, other, ["x"])])
    setup.link.cancel(setup.sink)
    assert setup.sink.failed_with("TaskCancelled") == {"c"}
    assert setup.wire.orders == [{"verb": "cancel", "sections": [1]}]
    assert setup.link.waiting == 1
    setup.link.take([{"n": 1, "v": [None, 2], "e": [[0, "TaskCancelled", "", None]]}])
    assert setup.sink.failed_with("TaskCancelled") == {"a", "c"}
    assert "x" in setup.wire.keys


def test_a_lane_that_was_cancelled_can_be_used_again() -> None:
    setup = Setup(window=1)
    lane = setup.offer("a", "b")
    setup.link.cancel(setup.sink)
    fill(lane, ("c", "c", "add", 1))
    setup.link.offer([lane])
    setup.answer_all()
    assert setup.sink.answers == {"a": "a", "b": Failure("TaskCancelled", "cancelled before it was sent", None), "c": "c"}


def test_one_task_can_be_taken_back_by_its_token() -> None:
    setup = Setup(window=2)
    setup.offer("a", "b", "c", "d")
    setup.link.cancel_where(setup.sink, lambda token: token in ("b", "d"))
    assert setup.sink.failed_with("TaskCancelled") == {"d"}
    assert setup.wire.orders == [{"verb": "cancel", "sections": [1], "position": 1}]


def test_an_answered_task_is_not_taken_back() -> None:
    setup = Setup()
    setup.offer("a", "b")
    setup.link.take([{"n": 1, "i": [0], "v": [1]}])
    setup.link.cancel_where(setup.sink, lambda token: token == "a")
    assert setup.wire.orders == []


# -- links whose other side remembers what it did ----------------------------------------------------------------------


class Kept:
    """A kept link, the processes behind it that die, and what each of their sections still owes."""

    def __init__(self, window: int = 50) -> None:
        self.clock = Clock()
        self.link = Link(window=window, clock=self.clock.s, later=self.clock.later, is_kept=True)
        self.sink = Sink()
        self.offered: list[Any] = []
        #: Of every section that was ever sent: its keys by place; and what this process was sent and has not answered.
        self.keys: dict[int, dict[int, Any]] = {}
        self.owed: list[tuple[int, int]] = []
        self.marks: list[int] = []
        self.pipe = Pipe()
        self.link.attach(self.pipe)

    def offer(self, count: int) -> None:
        tokens = [len(self.offered) + at for at in range(count)]
        self.offered += tokens
        self.link.offer([queued(self.link, self.sink, tokens)])

    def hear(self) -> list[dict[str, Any]]:
        """What arrived: each task in the place that it had the first time."""
        sections = [section for message in self.pipe.take() for section in message.data]
        for section in sections:
            places = section.get("p", range(len(section["i"])))
            keys = self.keys.setdefault(section["n"], dict(zip(places, section["i"], strict=True)))
            for place, key in zip(places, section["i"], strict=True):
                assert keys[place] == key
                assert (section["n"], place) not in self.owed
                self.owed.append((section["n"], place))
            self.marks += [section["w"]] if "w" in section else []
        return sections

    def answer(self, count: int) -> None:
        """The process answers some tasks."""
        self.hear()
        done, self.owed = self.owed[:count], self.owed[count:]
        for number, place in done:
            self.link.take([{"n": number, "i": [place], "v": [self.keys[number][place]]}])

    def lose(self, running: tuple[int, int] | None = None) -> None:
        """The process dies; the next one is there."""
        self.hear()
        self.link.detach(WorkerDied("gone"), drop_waiting=False, running=running)
        self.owed.clear()
        self.pipe = Pipe()
        self.link.attach(self.pipe)

    def finish(self) -> None:
        for _ in range(10_000):
            self.hear()
            if not self.owed and len(self.sink.answers) == len(self.offered):
                break
            self.answer(1_000)
            self.clock.pass_s(1)
        assert sorted(self.sink.answers) == self.offered
        assert (self.link.open, self.link.waiting) == (0, 0)


def test_what_was_sent_before_a_death_is_sent_again_and_nobody_notices() -> None:
    kept = Kept()
    kept.offer(3)
    kept.hear()
    kept.link.take([{"n": 1, "i": [1], "v": ["one"]}])
    kept.lose()
    (section,) = kept.hear()
    assert (section["n"], section["i"], section["p"], kept.link.open) == (1, [0, 2], [0, 2], 2)
    kept.finish()
    assert kept.sink.answers == {0: 0, 1: "one", 2: 2}


def test_what_was_sent_goes_before_what_waited() -> None:
    kept = Kept(window=2)
    kept.offer(4)
    kept.link.detach(WorkerDied("gone"), drop_waiting=False)
    kept.offer(1)
    assert (kept.link.open, kept.link.waiting) == (2, 3)
    kept.pipe = Pipe()
    kept.link.attach(kept.pipe)
    assert [section["i"] for section in kept.hear()] == [[0, 1]]
    kept.finish()
    assert kept.sink.order == [0, 1, 2, 3, 4]


def test_what_was_sent_alone_is_sent_again_too() -> None:
    kept = Kept()
    lane = queued(kept.link, kept.sink, [])
    assert kept.link.send_alone(lane, "token", 7, "add", 1)
    kept.lose()
    assert [(section["i"], section["m"], section["a"]) for section in kept.hear()] == [([7], "add", [1])]
    kept.link.take([{"n": 1, "v": [5]}])
    assert (kept.sink.answers, kept.link.open) == ({"token": 5}, 0)


class Narrow(Pipe):
    """A wire whose frames hold so many bytes."""

    def send(self, letter: str, data: Any) -> None:
        if len(encode(letter, data, 0)) > 500:
            raise FrameTooLarge("too large for this wire")
        super().send(letter, data)


@pytest.mark.parametrize("size", [1, 3])
def test_sections_that_do_not_go_into_one_frame_are_sent_again_one_by_one(size: int) -> None:
    """The frame with all of them was refused: the next process was sent nothing, and nobody heard of it."""
    kept = Kept(window=100)
    kept.link.attach(Narrow())
    for first in range(0, 30, size):
        tokens = range(first, first + size)
        kept.offered += tokens
        kept.link.offer([queued(kept.link, kept.sink, tokens, argument="x" * 100)])
    kept.link.detach(WorkerDied("gone"), drop_waiting=False)
    kept.pipe = Narrow()
    kept.link.attach(kept.pipe)
    assert [key for section in kept.hear() for key in section["i"]] == list(range(30))
    kept.finish()


def test_each_message_says_below_which_number_every_answer_was_received() -> None:
    kept = Kept()
    for _ in range(3):
        kept.offer(2)
    kept.hear()
    assert kept.marks == [1, 1, 1]
    kept.link.take([{"n": 1, "v": [0, 1]}, {"n": 5, "v": [4, 5]}])
    kept.offer(1)
    kept.link.take([{"n": 3, "i": [0], "v": [2]}])
    kept.offer(1)
    kept.link.take([{"n": 3, "i": [1], "v": [3]}])
    kept.offer(1)
    kept.hear()
    assert kept.marks[3:] == [3, 3, 7]


def test_a_kept_link_that_stays_down_fails_what_was_sent_and_what_waits() -> None:
    kept = Kept(window=2)
    kept.offer(4)
    kept.lose()
    kept.link.detach(PoolUnavailable("it is down"), drop_waiting=True)
    assert kept.sink.failed_with("PoolUnavailable") == {0, 1, 2, 3}
    assert (kept.link.open, kept.link.waiting) == (0, 0)
    kept.lose()
    assert kept.hear() == []
    kept.offer(1)
    kept.finish()


def test_a_task_that_ends_every_process_fails_and_its_neighbours_do_not() -> None:
    kept = Kept()
    kept.offer(3)
    kept.lose(running=(1, 1))
    assert [section["i"] for section in kept.hear()] == [[0, 2]]
    kept.answer(2)
    for _ in range(DEATHS - 1):
        assert [section["i"] for section in kept.hear()] == [[1]]
        kept.lose(running=(1, 0))
    assert kept.sink.failed_with("WorkerDied") == {1}
    assert (kept.sink.answers[0], kept.sink.answers[2], kept.link.open) == (0, 2, 0)
    assert kept.hear() == []


def test_a_link_that_is_not_kept_sends_nothing_again() -> None:
    setup = Setup(is_kept=False)
    setup.offer("a", "b")
    setup.link.detach(WorkerDied("gone"), drop_waiting=False, running=(1, 0))
    new = Wire()
    setup.link.attach(new)
    assert setup.sink.failed_with("WorkerDied") == {"a", "b"}
    assert new.sent == []
    assert "w" not in setup.wire.sections[0]


def test_the_time_of_an_answer_counts_from_when_the_task_was_sent_first() -> None:
    setup = Setup(is_kept=True)
    setup.offer(1)
    setup.clock.pass_s(0.001)
    setup.link.detach(WorkerDied("gone"), drop_waiting=False)
    setup.link.attach(Wire())
    setup.link.take([{"n": 1, "v": [1]}])
    assert list(setup.cells[HISTOGRAM:])[module.bucket_of(1_000)] == 1


HISTORY = st.one_of(
    st.tuples(st.just("offer"), st.integers(1, 20)),
    st.tuples(st.just("answer"), st.integers(1, 25)),
    st.tuples(st.just("lose"), st.one_of(st.none(), st.integers(0, 30))),
)


@settings(max_examples=150)
@given(window=st.integers(1, 30), history=st.lists(HISTORY, max_size=40))
def test_any_history_of_deaths_ends_with_one_answer_for_each_task(window: int, history: list[tuple[str, Any]]) -> None:
    """Tasks are charged with deaths by chance, sections are given up, answers come in parts."""
    kept = Kept(window)
    for name, fact in history:
        if name == "lose":
            kept.hear()
            running = kept.owed[fact % len(kept.owed)] if fact is not None and kept.owed else None
            if running is not None:  # as the worker counts: its place in what was sent last
                number, place = running
                running = number, [at for section, at in kept.owed if section == number].index(place)
            kept.lose(running)
        else:
            getattr(kept, name)(fact)
    kept.finish()
    failed = kept.sink.failed_with("WorkerDied")
    assert all(kept.sink.answers[token] == token for token in kept.offered if token not in failed)
    assert not failed or sum(name == "lose" for name, _ in history) >= 2


@settings(max_examples=60)
@given(window=st.integers(1, 30), history=st.lists(HISTORY, max_size=40), deaths=st.integers(0, 5))
def test_a_few_deaths_that_are_nobodys_fault_fail_nothing(window: int, history: list[tuple[str, Any]], deaths: int) -> None:
    kept = Kept(window)
    for name, fact in history:
        if name != "lose":
            getattr(kept, name)(fact)
        elif deaths:
            deaths -= 1
            kept.lose()
    kept.finish()
    assert kept.sink.failed_with("WorkerDied") == set()


# -- numbers that say when they were given -----------------------------------------------------------------------------


def test_sections_are_numbered_by_the_time_and_keep_their_parity() -> None:
    wall = Clock(1_800_000_000 * 10**9)
    for first in (1, 2):
        wire, sink = Wire(), Sink()
        link = Link(window=99, clock=wall.s, later=wall.later, first=first, is_kept=True, wall_s=wall.s)
        link.attach(wire)
        for tokens, seconds in (("ab", 0), ("cd", 0), ("ef", 5), ("gh", -500)):
            wall.pass_s(seconds)
            link.offer([queued(link, sink, tokens)])
        link.send_alone(Lane(link, "counter", sink), "z", 5, "get", None)
        numbers = [orjson.loads(orjson.dumps(section))["n"] for section in wire.sections]
        assert numbers == sorted(set(numbers))
        assert {number & 1 for number in numbers} == {first & 1}
        assert numbers[2] - numbers[0] in range(4_999_990, 5_000_010)
        wall.pass_s(495)


@pytest.mark.parametrize("is_meant", [None, lambda token: token == "b"])
def test_what_was_taken_back_is_not_sent_to_the_next_process(is_meant: Any) -> None:
    setup = Setup(is_kept=True)
    setup.link.offer([queued(setup.link, setup.sink, "abc")])
    if is_meant is None:
        setup.link.cancel(setup.sink)
    else:
        setup.link.cancel_where(setup.sink, is_meant)
    setup.link.detach(WorkerDied("gone"), drop_waiting=False)
    wire = Wire()
    setup.link.attach(wire)
    assert [orjson.loads(orjson.dumps(section))["i"] for section in wire.sections] == ([] if is_meant is None else [["a", "c"]])
    assert setup.sink.failed_with("TaskCancelled") == (set("abc") if is_meant is None else {"b"})
    assert setup.link.open == (0 if is_meant is None else 2)


def test_what_is_in_flight_is_told_with_its_place_and_its_agent() -> None:
    setup, other = Setup(), Sink()
    assert setup.link.flights.oldest is None
    setup.offer("a", "b")
    setup.link.offer([queued(setup.link, other, ["x"])])
    assert [(token, place) for token, place, _ in setup.link.flights.tasks()] == [("a", (1, 0)), ("b", (1, 1)), ("x", (3, 0))]
    assert [(token, place) for token, place, _ in setup.link.flights.tasks(other)] == [("x", (3, 0))]
    assert [address for *_, address in setup.link.flights.tasks(other)] == ["counter/x"]
    assert setup.link.flights.oldest == ("counter/a", "add")
    setup.link.take([{"n": 1, "i": [0], "v": [1]}])
    assert [token for token, *_ in setup.link.flights.tasks()] == ["b", "x"]
    assert setup.link.flights.oldest == ("counter/b", "add")


def test_sections_that_are_taken_back_whole_share_a_message() -> None:
    setup = Setup()
    for tokens in (["a"], ["b", "c"], ["d"], ["e", "f"]):
        setup.offer(*tokens)
    setup.link.cancel_where(setup.sink, lambda token: token in ("a", "b", "d", "e", "f"))
    assert setup.wire.orders == [
        {"verb": "cancel", "sections": [1, 5, 7]},
        {"verb": "cancel", "sections": [3], "position": 0},
    ]


# -- how far they are --------------------------------------------------------------------------------------------------


class Hearer(Sink):
    """A sink that hears how far its tasks are."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[Any, float]] = []

    def progressed(self, token: Any, fraction: float) -> None:
        """Keep it."""
        self.heard.append((token, fraction))


def test_who_listens_hears_how_far_a_task_in_flight_is_and_nobody_hears_of_another() -> None:
    setup = Setup()
    hearer = setup.sink = Hearer()
    setup.offer("a", "b")
    number = setup.wire.sections[0]["n"]
    setup.link.progressed([(number, 1, 0.4), (number, 2, 0.4), (number, -1, 0.4), (number + 2, 0, 0.4)])
    assert hearer.heard == [("b", 0.4)]
    setup.link.take([{"n": number, "v": [1]}])
    setup.link.progressed([(number, 0, 0.5), (number, 1, 0.6)])
    assert hearer.heard == [("b", 0.4), ("b", 0.6)]
    deaf = Setup()
    deaf.offer("a")
    deaf.link.progressed([(deaf.wire.sections[0]["n"], 0, 0.4)])  # who does not listen is not disturbed


def test_a_link_that_pauses_sends_no_task_and_takes_answers_until_it_goes_on() -> None:
    setup = Setup()
    setup.offer("a")
    setup.link.pause()
    setup.offer("b")
    lane = Lane(setup.link, "counter", setup.sink)
    assert not setup.link.send_alone(lane, "c", "c", "add", None)
    setup.link.take([{"n": 1, "v": [1]}])
    assert not setup.link.send_alone(lane, "c", "c", "add", None)
    assert (setup.sink.answers["a"], setup.link.open, setup.link.waiting, len(setup.wire.sent)) == (1, 0, 1, 1)
    setup.link.go_on()
    assert [section["i"] for section in setup.wire.sections] == [["a"], ["b"]]


def test_what_is_in_flight_while_a_link_pauses_is_taken_back_by_who_runs_it() -> None:
    setup = Setup()
    setup.offer("a", "b")
    setup.link.pause()
    setup.link.cancel_where(setup.sink, lambda token: token == "b", is_late=True)
    assert setup.wire.sent[-1] == (STATUS, {"verb": "cancel", "sections": [1], "position": 1, "late": True})
    assert (setup.link.open, setup.sink.answers) == (2, {})
    setup.link.cancel(setup.sink)
    assert setup.wire.sent[-1] == (STATUS, {"verb": "cancel", "sections": [1]})
    assert setup.link.open == 2


def test_a_link_that_pauses_goes_on_over_the_next_channel() -> None:
    setup, other = Setup(), Wire()
    setup.link.pause()
    setup.offer("a")
    setup.link.attach(other)
    assert [section["i"] for section in other.sections] == [["a"]]


def test_only_a_link_that_leads_to_who_cannot_know_says_what_becomes_of_tasks() -> None:
    for says_dues, said in ((False, {}), (True, {"pc": 1, "d": [2.0]})):
        clock, wire, sink = Clock(), Wire(), Sink()
        link = Link(window=10, clock=clock.s, later=clock.later, says_dues=says_dues)
        link.attach(wire)
        lane = DueLane(link, "counter", sink, clock.s)
        lane.manner = PACED
        if says_dues:
            assert not link.send_alone(lane, "a", 1, "get", None), "it would leave without its time"
        fill(lane, ("a", 1, "get", None))
        lane.dues.append(clock.s() + 2)
        link.offer([lane])
        (section,) = wire.sections
        assert {name: section[name] for name in ("pc", "d") if name in section} == said
