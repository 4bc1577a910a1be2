"""Any tasks through a stream: each is answered once, and what reaches a wire is what was asked for."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from random import Random
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stream import batches
from engine.tally import Tally
from pools import chute as module
from pools import values
from pools.address import Key, parse, valid_kind
from pools.chute import Chute
from pools.errors import BadAddress, Failure, PoolError, UnknownAgent
from pools.lane import is_name, sent_form
from pools.link import Link
from pools.stream import Stream
from tests.support.clocks import Clock
from tests.support.wires import Wire

#: Numbered agents that exist, of every kind; named ones begin with n.
AGENTS = 200_000

NUMBERS = st.integers(0, 30) | st.integers(65_530, 65_545) | st.integers(0, AGENTS - 1)
NAMES = st.integers(0, 12).map(lambda number: f"n{number}")
ADDRESSES = st.builds("{}/{}".format, st.sampled_from(["one", "two"]), NUMBERS | NAMES)
LOST = st.sampled_from(
    [
        "one/200000",
        "two/999999999999999",
        "none/1",
        "one/zz",
        "one/",
        "/1",
        "",
        "One/1",
        "one/a b",
        "one/007",
        "one/\ud800",
        "\ud800",
    ]
)
NO_TEXTS: st.SearchStrategy[Any] = st.sampled_from([None, 5, 1.5, b"one/1", True]) | st.builds(list) | st.builds(dict)
ANYWHERE: st.SearchStrategy[Any] = st.one_of(ADDRESSES, ADDRESSES, ADDRESSES, st.sampled_from(["one", "two"]), LOST, NO_TEXTS)

METHODS = st.sampled_from(["add", "get"]) | st.integers(0, 60).map(lambda number: f"m{number}")
NO_NAMES: st.SearchStrategy[Any] = st.sampled_from([None, 5, True, b"add", "\ud800", 1.5, ["get"], {}])
ARGUMENTS: st.SearchStrategy[Any] = st.one_of(
    st.integers(-5, 5),
    st.none(),
    st.booleans(),
    st.text(max_size=3),
    st.sampled_from(["\ud800", "a\udfff"]),
    st.floats(),
    st.integers(),
    st.sampled_from([2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**30]),
    st.lists(st.integers() | st.floats() | st.none(), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(0, 9), max_size=2),
    st.sampled_from([b"x", (1, 2), {1}, object()]),
)
PLAIN = st.integers(-5, 5)


def tasks_of(addresses: Any, methods: Any, arguments: Any, most: int = 3) -> Any:
    return st.builds(
        lambda address, method, given: (address, method, *given), addresses, methods, st.lists(arguments, max_size=most)
    )


#: Of every sort together; of those that a stream has short ways for: scalars alone, and one kind of agents.
TASKS = (
    st.lists(
        tasks_of(ADDRESSES, METHODS, PLAIN)
        | tasks_of(ANYWHERE, METHODS, ARGUMENTS)
        | tasks_of(ANYWHERE, METHODS | NO_NAMES, PLAIN | ARGUMENTS),
        max_size=60,
    )
    | st.lists(tasks_of(NUMBERS.map("one/{}".format), st.sampled_from(["add", "get"]) | NO_NAMES, PLAIN, 1), max_size=30)
    | st.lists(tasks_of(NUMBERS.map("one/{}".format), METHODS, PLAIN | st.floats() | st.text(max_size=2), 1), max_size=30)
)
#: How many tasks are sent at a time, what a link takes at once, and what decides which section is answered next.
PACES = st.tuples(st.integers(1, 25), st.sampled_from([1, 2, 3, 5, 20, 10_000]), st.randoms(use_true_random=False))
FEW = st.sampled_from([module.ROUTES, module.ROUTES, 8, 1])


class Bell(Wire):
    """A wire that rings in the next turn of the loop for each message it took, if there is somebody to ring for."""

    rings: Any = None

    def send(self, letter: str, data: Any) -> None:
        """Take one message."""
        super().send(letter, data)
        if self.rings is not None:
            asyncio.get_running_loop().call_soon(self.rings)


class World:
    """Two kinds of agents behind two links, with wires that are answered by hand."""

    def __init__(self, window: int, chance: Random) -> None:
        self.wires = [Bell(), Bell()]
        self.clocks = [Clock(), Clock()]
        self.links = [Link(window=window, clock=clock.s, later=clock.later) for clock in self.clocks]
        for link, wire in zip(self.links, self.wires, strict=True):
            link.attach(wire)
        self.chance = chance
        self.replied = [0, 0]
        self.turn = 0

    def resolve(self, address: Any) -> tuple[Link, str, Key]:
        """As the engine resolves; for a kind the numbered agents take turns."""
        if type(address) is str and "/" not in address:
            kind, key = valid_kind(address), self.turn % AGENTS
            self.turn += 1
        else:
            kind, key = parse(address)
        if kind not in ("one", "two"):
            raise UnknownAgent(f"no agent {address}")
        if not (key < AGENTS if type(key) is int else str(key).startswith("n")):
            raise UnknownAgent(f"no agent {address}")
        return self.links[self.home(kind, key)], kind, key

    @staticmethod
    def home(kind: str, key: Key) -> int:
        """The link behind which an agent lives."""
        return (len(kind) + crc32(str(key).encode())) % 2

    def answer(self) -> bool:
        """Answer one section, in parts and in any order; returns whether there was one, or a section that was held back."""
        for at in self.chance.sample([0, 1], 2):
            if self.replied[at] == len(self.wires[at].sections):
                self.clocks[at].pass_s(1)
            if self.replied[at] < len(self.wires[at].sections):
                section = self.wires[at].sections[self.replied[at]]
                self.replied[at] += 1
                self._answer(self.links[at], section)
                return True
        return False

    def _answer(self, link: Link, section: dict[str, Any]) -> None:
        told = read(section)
        cut = self.chance.randrange(len(told) + 1)
        positions = list(range(len(told)))
        self.chance.shuffle(positions)
        for part in (positions[:cut], positions[cut:]):
            if part:
                link.take([{"n": section["n"], "i": part, "v": [told[at] for at in part]}])


def read(section: dict[str, Any]) -> list[list[Any]]:
    """The tasks of a section as a worker reads them: kind, key, method, argument."""
    names, keys = section["m"], section["i"]
    methods = [names] * len(keys) if type(names) is str else [names[0][code] for code in names[1]]
    columns = zip(keys, methods, section.get("a", [None] * len(keys)), strict=True)
    return [[section["k"], *columns_] for columns_ in columns]


def expected(task: tuple[Any, ...], seen: World) -> list[Any] | None:
    """What must reach a wire for a task, key None where any will do; None where it must be refused."""
    address, method, *given = task
    try:
        _, kind, key = seen.resolve(address)
    except PoolError:
        return None
    sent = sent_form(tuple(given))
    if not is_name(method) or values.fault(sent) is not None:
        return None
    return [kind, key if "/" in address else None, method, sent]


def check(world: World, tasks: list[tuple[Any, ...]], answers: dict[int, Any]) -> None:
    """Every task has its answer, and the wires carried the accepted tasks and nothing else, each to its own link."""
    assert sorted(answers) == list(range(len(tasks)))
    other = World(1, Random(0))
    for number, task in enumerate(tasks):
        wanted, answer = expected(task, other), answers[number]
        if wanted is None:
            assert isinstance(answer, Failure), (task, answer)
            assert answer.type in ("BadAddress", "BadArgument", "UnknownAgent")
        else:
            kind, key, method, sent = answer
            assert [kind, method, repr(sent)] == [wanted[0], wanted[2], repr(wanted[3])], task
            assert type(key) is type(wanted[1]) or wanted[1] is None
            assert wanted[1] in (None, key), task
    carried = [[at, *task] for at, wire in enumerate(world.wires) for section in wire.sections for task in read(section)]
    assert [task for task in carried if World.home(task[1], task[2]) != task[0]] == []
    accepted = [answer for answer in answers.values() if not isinstance(answer, Failure)]
    assert Counter(map(repr, accepted)) == Counter(repr(task[1:]) for task in carried)
    in_order: dict[tuple[Any, Any], deque[int]] = {}
    for number in range(len(tasks)):
        if not isinstance(answers[number], Failure):
            in_order.setdefault((answers[number][0], answers[number][1]), deque()).append(number)
    for _, kind, key, method, sent in carried:
        assert answers[in_order[kind, key].popleft()] == [kind, key, method, sent]


def through_a_stream(tasks: list[tuple[Any, ...]], pace: tuple[int, int, Random]) -> None:
    """Send everything, chunk by chunk, answer it, and check."""
    chunk, window, chance = pace
    world = World(window, chance)
    ended: list[int] = []
    stream = Stream(world.resolve, 10_000, lambda: None, lambda count, _failures: ended.append(count))
    answers: dict[int, Any] = {}

    def take() -> None:
        while stream.ready:
            for result in stream.take():
                assert result.id not in answers, f"task {result.id} was answered twice"
                answers[result.id] = result.value if result.ok else result.error

    for at in range(0, len(tasks), chunk):
        part = tasks[at : at + chunk]
        stream.send(range(at, at + len(part)), part)
        if chance.random() < 0.5:
            world.answer()
            take()
    while world.answer():
        take()
    take()
    assert (stream.open, stream.room) == (0, 10_000)
    assert [(link.open, link.waiting) for link in world.links] == [(0, 0)] * 2
    assert sum(ended) == len(tasks)
    check(world, tasks, answers)


@given(TASKS, PACES, FEW)
def test_every_task_is_answered_once_and_reaches_whom_it_names(
    tasks: list[tuple[Any, ...]], pace: tuple[int, int, Random], routes: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROUTES", routes)
        through_a_stream(tasks, pace)


@given(TASKS, st.lists(st.tuples(st.integers(0, 60), st.sampled_from([(), ("one/1",)])), min_size=1, max_size=4))
def test_a_task_that_is_too_short_is_an_error_before_any_of_its_chunk_is_sent(
    tasks: list[tuple[Any, ...]], short: list[tuple[int, tuple[Any, ...]]]
) -> None:
    world = World(10, Random(1))
    stream = Stream(world.resolve, 10_000, lambda: None, lambda _count, _failures: None)
    mixed = list(tasks)
    for place, task in short:
        mixed.insert(place, task)
    with pytest.raises(IndexError):
        stream.send(range(len(mixed)), mixed)
    assert (stream.open, stream.room, len(stream.ready)) == (0, 10_000, 0)
    assert [wire.sent for wire in world.wires] == [[], []]


@given(
    st.lists(
        tasks_of(ANYWHERE, METHODS, ARGUMENTS)
        | tasks_of(ADDRESSES, METHODS, PLAIN)
        | st.sampled_from([(), ("one/1",), "text", 5, None, {"agent": "one/1"}, {"agent": "one/1", "method": "get"}]),
        max_size=40,
    ),
    st.sampled_from([1, 2, 7, 10_000]),
    FEW,
)
async def test_whatever_a_caller_calls_a_task_has_one_result(tasks: list[Any], window: int, routes: int) -> None:
    world = World(5, Random(1))
    tally, seen = Tally(), Counter[int]()

    def answer_all() -> None:
        while world.answer():
            pass

    for wire in world.wires:
        wire.rings = answer_all
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROUTES", routes)
        async with asyncio.timeout(20):
            async for batch in batches(tasks, resolve=world.resolve, window=window, tally=tally):
                seen.update(result.id for result in batch)
    assert seen == Counter(range(len(tasks)))
    assert (tally.accepted, tally.open) == (len(tasks), 0)


def test_a_stream_that_confuses_two_agents_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Chute, "_keys_of", lambda _chute, numbers: list(numbers))
    with pytest.raises(AssertionError):
        through_a_stream([("one/1", "get"), ("one/n1", "get"), ("two/1", "get")], (3, 10, Random(1)))


def test_a_stream_that_loses_what_leads_nowhere_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_world: World, address: Any) -> Any:
        raise BadAddress(f"{address}")

    monkeypatch.setattr(World, "resolve", lost)
    monkeypatch.setattr(Stream, "answered", lambda *_answers: None)
    with pytest.raises(AssertionError):
        through_a_stream([("one/1", "get")], (1, 10, Random(1)))
