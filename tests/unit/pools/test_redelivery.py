"""A section may come a second time, whole or in part, from the same engine or another: each task of it is done once."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoints.stamp import stamp
from pools.address import Key
from pools.agent import Agent
from pools.errors import BadFrame, LinkClosed, WorkerDied
from pools.gateway import Gateway
from pools.lane import Lane
from pools.link import Link
from pools.message import STATUS, TASK
from tests.support.clocks import Clock, Turns
from tests.support.disks import SimDisk
from tests.support.kept import House, Pipe
from tests.support.wires import Sink, fill

CLIENT = b"\x07client7"


def adds(number: int, *keys: int, **more: Any) -> dict[str, Any]:
    """A section that adds one to each of these."""
    return {"n": number, "k": "counter", "i": list(keys), "m": "add", "a": [1] * len(keys)} | more


def numbered(number: int, first: int, *keys: int, **more: Any) -> dict[str, Any]:
    """The same of a client that calls these tasks by the numbers from `first` on."""
    return adds(number, *keys, c=CLIENT.hex(), q=[first + at for at in range(len(keys))], **more)


def total(house: House, key: int) -> int:
    """What an agent has, as a task that is asked of it sees it."""
    house.accept({"n": 999_999, "k": "counter", "i": [key], "m": "get"})
    house.settle()
    value: int = house.results()[999_999, 0]
    return value


def test_what_the_process_before_did_and_recorded_is_answered_and_not_done() -> None:
    disk = SimDisk()
    house = House(disk)
    house.accept(adds(1, 4, 5, 4))
    assert house.written()  # on the disk, and not on its way
    house.kill()
    house = House(disk)
    house.accept(adds(1, 4, 5, 4))
    house.settle()
    assert house.results() == {(1, 0): 1, (1, 1): 1, (1, 2): 2}
    assert [total(house, 4), total(house, 5)] == [2, 1]
    house.close()


def test_what_the_process_before_did_and_did_not_record_is_done() -> None:
    disk = SimDisk()
    house = House(disk)
    house.accept(adds(1, 4, 5, 4))
    house.kill()
    house = House(disk)
    house.accept(adds(1, 4, 5, 4))
    house.settle()
    assert house.results() == {(1, 0): 1, (1, 1): 1, (1, 2): 2}
    assert total(house, 4) == 2
    house.close()


def test_a_part_of_a_section_is_answered_in_the_places_of_the_whole() -> None:
    disk = SimDisk()
    house = House(disk)
    house.accept(adds(1, 4, 5, 6, 7))
    house.settle()
    assert house.results() == {(1, place): 1 for place in range(4)}
    house.kill()
    house = House(disk)
    house.accept(adds(1, 5, 7, p=[1, 3]), adds(3, 5, 7, p=[1, 3]))
    house.settle()
    assert house.results() == {(1, 1): 1, (1, 3): 1, (3, 1): 2, (3, 3): 2}
    house.kill()
    house = House(disk)
    house.accept(adds(3, 7, p=[3]), adds(3, 6, p=[2]))
    house.settle()
    assert house.results() == {(3, 3): 2, (3, 2): 2}
    house.close()


def test_done_and_not_done_tasks_of_a_section_are_told_apart() -> None:
    disk = SimDisk()
    house = House(disk)
    house.accept(adds(1, 4, 5, p=[0, 2]))
    house.settle()
    house.kill()
    house = House(disk)
    house.accept(adds(1, 4, 6, 5, 7))
    house.settle()
    assert house.results() == {(1, 0): 1, (1, 1): 1, (1, 2): 1, (1, 3): 1}
    assert [total(house, key) for key in (4, 5, 6, 7)] == [1, 1, 1, 1]
    house.close()


def test_a_task_that_failed_is_tried_again() -> None:
    disk = SimDisk()
    house = House(disk)
    house.accept(adds(1, 4, 5) | {"a": [1, "no number"]})
    house.settle()
    assert house.results() == {(1, 0): 1, (1, 1): "BadArgument"}
    house.kill()
    house = House(disk)
    house.accept(adds(1, 4, 5) | {"a": [1, "no number"]})
    house.settle()
    assert house.results() == {(1, 0): 1, (1, 1): "BadArgument"}
    assert total(house, 4) == 1
    house.close()


def test_what_an_engine_has_received_is_forgotten() -> None:
    disk = SimDisk()
    house = House(disk)
    house.accept(adds(1, 4), adds(3, 4))
    house.accept(adds(5, 4, w=5))
    house.settle()
    house.kill()
    house = House(disk)
    assert [house.ledger.answers(number) for number in (1, 3, 5)] == [None, None, {0: 3}]
    house.close()


def test_sections_of_another_engine_are_done_though_their_numbers_were_used() -> None:
    disk = SimDisk()
    house = House(disk, session=b"engine1")
    house.accept(adds(1, 4))
    house.settle()
    house.kill()
    house = House(disk, session=b"engine2")
    house.accept(adds(1, 4))
    house.settle()
    assert house.results() == {(1, 0): 2}
    house.close()


# -- clients that number their tasks themselves ------------------------------------------------------------------------


@pytest.mark.parametrize("session", [b"engine1", b"engine2"])
def test_a_clients_task_is_done_once_whichever_engine_brings_it(session: bytes) -> None:
    disk = SimDisk()
    house = House(disk)
    house.accept(numbered(1, 5 << 10, 4, 5, 6))
    house.settle()
    house.kill()
    house = House(disk, session=session)
    house.accept(numbered(77, (5 << 10) + 1, 5, 6, 7))
    house.settle()
    assert house.results() == {(77, 0): 1, (77, 1): 1, (77, 2): 1}
    assert [total(house, key) for key in (4, 5, 6, 7)] == [1, 1, 1, 1]
    house.close()


def test_a_clients_task_that_comes_twice_to_one_process_is_done_once() -> None:
    house = House()
    house.accept(numbered(1, 5 << 10, 4, 5))
    house.accept(numbered(3, 5 << 10, 4, 5))
    house.settle()
    house.accept(numbered(5, 5 << 10, 4, 5))
    house.settle()
    assert house.results() == {(number, place): 1 for number in (1, 3, 5) for place in (0, 1)}
    assert total(house, 4) == 1
    house.close()


def test_a_part_of_a_clients_section_is_known_by_its_numbers_and_answered_in_its_places() -> None:
    disk = SimDisk()
    house = House(disk)
    house.accept(numbered(1, 5 << 10, 4, 5, 6, 7))
    house.settle()
    house.kill()
    house = House(disk)
    house.accept(adds(1, 5, 7, p=[1, 3], c=CLIENT.hex(), q=[(5 << 10) + 1, (5 << 10) + 3]))
    house.accept(adds(3, 8, 7, p=[0, 9], c=CLIENT.hex(), q=[6 << 10, (5 << 10) + 3]))
    house.settle()
    assert house.results() == {(1, 1): 1, (1, 3): 1, (3, 0): 1, (3, 9): 1}
    house.kill()
    house = House(disk)
    house.accept(numbered(9, 6 << 10, 8))
    house.settle()
    assert house.results() == {(9, 0): 1}
    house.close()


def test_what_a_client_has_received_is_forgotten_and_other_clients_are_others() -> None:
    house = House()
    house.accept(numbered(1, 5 << 10, 4), numbered(3, 6 << 10, 4))
    house.accept(numbered(5, 7 << 10, 4, cw=6))
    assert set(house.ledger.known_as(CLIENT, [5 << 10, 6 << 10, 7 << 10])) == {1, 2}
    house.accept(numbered(7, 6 << 10, 4) | {"c": b"\x08client8".hex()})
    house.settle()
    assert house.results() == {(1, 0): 1, (3, 0): 2, (5, 0): 3, (7, 0): 4}
    house.close()


class Stubborn(Agent):
    """Takes its time, and is not taken back."""

    total: int = 0

    async def add(self, x: int) -> int:
        """Add, whoever wants an end of it."""
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        self.total += x
        return self.total


async def test_one_that_comes_again_while_it_is_not_taken_back_is_done_once() -> None:
    house = House(made=Stubborn)
    section = numbered(1, 5 << 10, 4) | {"k": "stubborn"}
    house.accept(section)
    await asyncio.sleep(0.005)
    house.executor.cancel([1], house.answers)
    house.accept(section | {"n": 3})
    for _ in range(30):
        await asyncio.sleep(0.005)
        house.settle()
    assert house.results() == {(1, 0): 1, (3, 0): 1}
    house.close()


# -- what is too old ---------------------------------------------------------------------------------------------------


NOW_S, DAY_S = 1_800_000_000.0, 86_400.0


def stamped(hours: float) -> int:
    """A client's number that was given so many hours from now."""
    return stamp(NOW_S + 3600 * hours) << 10


def test_a_number_below_its_own_mark_is_refused_and_not_run() -> None:
    house = House()
    house.accept(numbered(1, 5 << 10, 4), numbered(3, 7 << 10, 4, cw=7))
    house.accept(numbered(5, 5 << 10, 4), numbered(7, 6 << 10, 4, 4, p=[1, 3]))
    house.settle()
    assert house.results() == {(1, 0): 1, (3, 0): 2, (5, 0): "TooOld", (7, 1): "TooOld", (7, 3): "TooOld"}
    assert total(house, 4) == 2
    house.close()


@pytest.mark.parametrize("is_compacted", [False, True])
def test_what_is_older_than_all_that_is_kept_is_refused_after_a_restart_too(*, is_compacted: bool) -> None:
    disk, clock = SimDisk(), Clock(int(NOW_S * 1e9))
    house = House(disk, wall_s=clock.s)
    house.accept(numbered(1, stamped(0), 4), numbered(3, stamped(0) + 1, 5))
    house.settle()
    clock.pass_s(DAY_S + 3600)
    house.accept(numbered(5, stamped(25), 4))
    house.settle()
    house.accept(numbered(7, stamped(0), 4), numbered(9, stamped(25), 4), numbered(11, stamped(-1), 6))
    house.settle()
    assert house.results() == {(1, 0): 1, (3, 0): 1, (5, 0): 2, (7, 0): "TooOld", (9, 0): 2, (11, 0): "TooOld"}
    if is_compacted:
        house.store.log.roll()
        assert house.store.compact() is not None
    house.kill()
    house = House(disk, wall_s=clock.s)
    other = numbered(3, stamped(0), 7) | {"c": b"\x08client8".hex()}
    house.accept(numbered(1, stamped(0), 4), other, numbered(5, stamped(25), 4), numbered(7, stamped(25.1), 7))
    house.settle()
    assert house.results() == {(1, 0): "TooOld", (3, 0): "TooOld", (5, 0): 2, (7, 0): 1}
    assert [total(house, key) for key in (4, 5, 6, 7)] == [2, 1, 0, 1]
    house.close()


def test_of_a_client_that_never_says_what_it_has_a_bounded_number_is_kept() -> None:
    disk, clock = SimDisk(), Clock(int(NOW_S * 1e9))
    house = House(disk, wall_s=clock.s, most=100)
    for section in range(50):
        house.accept(numbered(2 * section + 1, stamped(section / 100), *range(4, 9)))
        house.settle()
    assert len(house.results()) == 250
    kept = [section for section in range(50) if house.ledger.known_as(CLIENT, [stamped(section / 100)])]
    assert kept == list(range(kept[0], 50))
    assert 90 / 5 <= len(kept) <= 110 / 5
    house.accept(numbered(201, stamped(0), 4), numbered(203, stamped(0.49), 4))
    house.settle()
    assert house.results() == {(201, 0): "TooOld", (203, 0): 50}
    house.close()


def test_an_engines_own_section_that_is_too_old_is_refused_too() -> None:
    disk, clock = SimDisk(), Clock(int(NOW_S * 1e9))
    house = House(disk, wall_s=clock.s)
    old = stamp(NOW_S - 3600) | 1
    house.accept(adds(old, 4), numbered(3, stamped(0), 4))
    house.settle()
    clock.pass_s(2 * DAY_S)
    house.accept(numbered(5, stamped(48), 4))
    house.settle()
    house.kill()
    house = House(disk, wall_s=clock.s)
    house.accept(adds(old, 4), adds(stamp(clock.s()) | 1, 4))
    house.settle()
    results = house.results()
    assert list(results.values()) == ["TooOld", 4]
    house.close()


# -- what does not fit -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"n": 1},
        adds(1, 4) | {"i": 5},
        adds(1, 4, c="no hexadecimal", q=[1]),
        adds(1, 4, c=CLIENT.hex()),
        adds(1, 4, 5, c=CLIENT.hex(), q=[1], p=[0, 1]),
        adds(1, 4, c=CLIENT.hex(), q=["x"]),
        adds(1, 4, c=CLIENT.hex(), q=5),
    ],
)
def test_a_section_whose_columns_do_not_fit_is_a_bad_frame(section: dict[str, Any]) -> None:
    house = House()
    with pytest.raises(BadFrame):
        house.accept(section)
    house.accept(adds(3, 4))
    house.settle()
    assert house.results() == {(3, 0): 1}
    house.close()


# -- all of it together ------------------------------------------------------------------------------------------------


class Chain:
    """A client, an engine and a worker in one process; each of them dies when the test says so.

    The client numbers its tasks and counts what it asked for.
    """

    def __init__(self, window: int, agents: int = 4) -> None:
        self.agents = agents
        self.clock = Clock()
        self.turns = Turns()
        self.disk = SimDisk()
        self.sink = Sink()
        self.client = Link(window=window, clock=self.clock.s, later=self.clock.later, is_kept=True, wall_s=time.time)
        self.lane = Lane(self.client, "counter", self.sink)
        self.asked: dict[int, int] = {}
        self.answers: list[dict[str, Any]] = []
        self.engines = 0
        self.start()

    def start(self) -> None:
        """A new engine with a new worker; the client comes back."""
        self.engines += 1
        self.inner = Link(window=50, clock=self.clock.s, later=self.clock.later, is_kept=True)
        self.house: House | None = None
        self.boot()
        self.connect()

    def boot(self) -> None:
        """A new worker of this engine."""
        self.house = House(self.disk, agents=self.agents, session=b"engine%d" % self.engines)
        self.down, self.answers = Pipe(), []
        self.inner.attach(self.down)

    def connect(self) -> None:
        """The client's connection to this engine."""
        self.up, self.back = Pipe(), Pipe()
        self.gateway = Gateway(self._resolve, self.back, self.turns, lambda _count: None, lambda _count, _failures: None)
        self.gateway.session = CLIENT.hex()
        self.client.attach(self.up)

    def _resolve(self, kind: str, key: Key, *_more: Any, **_facts: Any) -> tuple[Link, Key]:
        return self.inner, key

    # -- what happens

    def ask(self, count: int) -> None:
        """Add one to some agents."""
        for _ in range(count):
            token = len(self.asked)
            self.asked[token] = token % self.agents
            fill(self.lane, (token, self.asked[token], "add", 1))
        self.client.offer([self.lane])

    def carry(self, count: int) -> None:
        """Some messages arrive on each way towards the worker."""
        for message in self.up.take(count):
            if message.letter == TASK:
                self.gateway.accept(message.data)
        for message in self.down.take(count):
            if message.letter == TASK and self.house is not None:
                self.house.accept(*message.data)
            elif message.letter == STATUS and self.house is not None:
                order = message.data
                self.house.executor.cancel(order["sections"], self.house.answers, order.get("position"))
        if self.house is not None:
            self.house.turns.run()

    def land(self) -> None:
        """A commit is made, and what waited for it leaves the worker."""
        if self.house is not None:
            self.house.land()

    def return_(self, count: int) -> None:
        """Some answers arrive on each way back, each task's by itself."""
        if self.house is not None:
            for sections in self.house.replies():
                self.answers += [single for section in sections for single in _singly(section)]
        arrived, self.answers = self.answers[:count], self.answers[count:]
        for single in arrived:
            self.inner.take([single])
        self.turns.run()
        for message in self.back.take(count):
            self.client.take(message.data)

    def kill_worker(self, is_written: bool) -> None:
        """The worker dies, before or after its commit; the next one follows."""
        assert self.house is not None
        if is_written:
            self.house.written()
        self.house.kill()
        self.house = None
        self.inner.detach(WorkerDied("killed"), drop_waiting=False)
        self.boot()

    def kill_engine(self, is_written: bool) -> None:
        """The engine dies, and its worker with it; the next one follows."""
        assert self.house is not None
        if is_written:
            self.house.written()
        self.house.kill()
        self.client.detach(LinkClosed("gone"), drop_waiting=False)
        self.start()

    def lose(self) -> None:
        """The client's connection breaks, and it comes back to the same engine."""
        self.client.detach(LinkClosed("gone"), drop_waiting=False)
        self.gateway.close()
        self.connect()

    def finish(self) -> None:
        """Let everything arrive."""
        for _ in range(200):
            if len(self.sink.answers) == len(self.asked):
                break
            self.clock.pass_s(1)
            self.carry(1_000)
            self.land()
            self.return_(1_000)

    def check(self) -> None:
        """Each add was done once, unless it failed: then nobody knows."""
        assert sorted(self.sink.answers) == sorted(self.asked)
        assert (self.client.open, self.client.waiting) == (0, 0)
        assert self.house is not None
        for key in range(self.agents):
            mine = [self.sink.answers[token] for token, asked in self.asked.items() if asked == key]
            done = [answer for answer in mine if type(answer) is int]
            value = total(self.house, key)
            assert len(set(done)) == len(done), f"counter/{key} gave one total twice: {done}"
            assert len(done) <= value <= len(mine), f"counter/{key} has {value}, {len(done)} to {len(mine)} were done"
        self.house.close()


def _singly(section: dict[str, Any]) -> list[dict[str, Any]]:
    """A section of answers as one of each."""
    first = section.get("o", 0)
    positions = section.get("i", range(first, first + len(section["v"])))
    errors = {error[0]: error[1:] for error in section.get("e", ())}
    return [
        {"n": section["n"], "i": [position], "v": [value]} | ({"e": [[0, *errors[at]]]} if at in errors else {})
        for at, (position, value) in enumerate(zip(positions, section["v"], strict=True))
    ]


STEPS = st.one_of(
    st.tuples(st.just("ask"), st.integers(1, 12)),
    st.tuples(st.just("carry"), st.integers(1, 3)),
    st.tuples(st.just("land")),
    st.tuples(st.just("return_"), st.integers(1, 8)),
    st.tuples(st.just("kill_worker"), st.booleans()),
    st.tuples(st.just("kill_engine"), st.booleans()),
    st.tuples(st.just("lose")),
)


@settings(max_examples=80)
@given(window=st.integers(1, 20), steps=st.lists(STEPS, max_size=40))
def test_whatever_dies_each_task_is_answered_once_and_done_once(window: int, steps: list[tuple[Any, ...]]) -> None:
    chain = Chain(window)
    for name, *facts in steps:
        getattr(chain, name)(*facts)
    chain.finish()
    chain.check()


@settings(max_examples=40)
@given(
    window=st.integers(1, 20),
    asks=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    kills=st.lists(st.tuples(st.sampled_from(["kill_worker", "kill_engine", "lose"]), st.integers(0, 5)), max_size=4),
)
def test_with_few_deaths_nothing_fails(window: int, asks: list[int], kills: list[tuple[str, int]]) -> None:
    """Up to four deaths are fewer than it takes to give a task up: then every total is exact."""
    chain = Chain(window)
    for count in asks:
        chain.ask(count)
    for name, progress in kills:
        for _ in range(progress):
            chain.carry(2)
            chain.land()
            chain.return_(3)
        chain.carry(2)
        chain.lose() if name == "lose" else getattr(chain, name)(progress % 2 == 0)
    chain.finish()
    assert all(type(answer) is int for answer in chain.sink.answers.values())
    chain.check()


# -- agents with more to them ------------------------------------------------------------------------------------------


class Notebook(Agent):
    lines: list[Any]

    def write(self, line: int) -> int:
        self.lines.append(line)
        return len(self.lines)


def test_a_known_task_in_the_middle_of_others_keeps_their_order() -> None:
    disk = SimDisk()
    house = House(disk, made=Notebook)
    house.accept({"n": 1, "k": "notebook", "i": [4], "m": "write", "a": [1], "p": [1]})
    house.settle()
    house.kill()
    house = House(disk, made=Notebook)
    house.accept({"n": 1, "k": "notebook", "i": [4, 4, 4], "m": "write", "a": [0, 1, 2]})
    house.settle()
    assert house.results() == {(1, 0): 2, (1, 1): 1, (1, 2): 3}
    agent: Any = house.residents.live[4]
    assert agent.lines == [1, 0, 2]
    house.close()
