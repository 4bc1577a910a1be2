"""Tasks in, results out: read as there is room, counted once, and a result that somebody keeps is never written over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from random import Random
from typing import Any

import pytest

from engine import stream as module
from engine.stream import batches, singly
from engine.submission import task_of
from engine.tally import Tally
from pools.address import Key, parse, valid_kind
from pools.errors import BadArgument, Failure, UnknownAgent
from pools.lane import Named
from pools.link import Link
from pools.message import STATUS
from pools.result import Batch, Failed, Result
from pools.spec import FRAME_TASKS
from tests.support.clocks import Clock
from tests.support.wires import Wire, reply

FAILURE = Failure("ValueError", "as told")


# -- the tally ---------------------------------------------------------------------------------------------------------


def test_the_counts_always_add_up(chance: Random) -> None:
    tally = Tally()
    names = ["ValueError", "TaskCancelled", "TaskExpired", "UnknownAgent"]
    for _ in range(200):
        count = chance.randrange(1, 20)
        tally.accept(count)
        ended = chance.randrange(count + 1)
        failed = [(at, Failure(chance.choice(names), "")) for at in range(chance.randrange(ended + 1))]
        tally.end(ended, failed)
        shown = tally.as_dict()
        assert shown["accepted"] == sum(number for name, number in shown.items() if name != "accepted")
        assert tally.open == shown["open"]


def test_each_end_is_counted_under_its_own_name() -> None:
    tally = Tally()
    tally.accept(10)
    tally.end(
        6, [(at, Failure(name, "")) for at, name in enumerate(["TaskCancelled", "TaskExpired", "ValueError", "PoolFull"])]
    )
    assert tally.as_dict() == {"accepted": 10, "done": 2, "failed": 2, "cancelled": 1, "expired": 1, "open": 4}


# -- one task ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "name", "task"),
    [
        (("a/1", "add", 1, None), None, ("a/1", "add", 1, None)),
        (("a", "get"), None, ("a", "get")),
        ({"agent": "a/1", "method": "get"}, None, ("a/1", "get")),
        ({"id": 0, "kind": "a", "method": "add", "args": [1, [2]]}, 0, ("a", "add", 1, [2])),
        ({"id": "x", "agent": "a/1", "method": "add", "args": {"x": 1}}, "x", ("a/1", "add", {"x": 1})),
        ({"id": None, "agent": "a/1", "method": "add", "args": {}}, None, ("a/1", "add")),
        ({"agent": "a/1", "method": "add", "args": []}, None, ("a/1", "add")),
        ({"agent": "a/1", "method": "add", "args": [{"x": 1}]}, None, ("a/1", "add", {"x": 1})),
    ],
)
def test_a_task_is_read_from_a_tuple_or_a_line(line: Any, name: Any, task: tuple[Any, ...]) -> None:
    assert task_of(line) == (name, task)


def test_arguments_by_name_are_told_from_an_object_as_an_argument() -> None:
    by_name = task_of({"agent": "a/1", "method": "add", "args": {"x": 1}})[1]
    assert type(by_name[2]) is Named
    by_place = task_of({"agent": "a/1", "method": "add", "args": [{"x": 1}]})[1]
    assert type(by_place[2]) is dict


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ((), "address, method"),
        (("a/1",), "address, method"),
        ((5, "get"), "address, method"),
        (("a/1", None), "address, method"),
        (["a/1", "get"], "got list"),
        ("a/1 get", "got str"),
        (None, "got NoneType"),
        ({}, "names either"),
        ({"agent": "a/1", "kind": "a", "method": "get"}, "names either"),
        ({"agent": 5, "method": "get"}, "names either"),
        ({"kind": "a/1", "method": "get"}, "\"agent\": 'a/1'"),
        ({"agent": "a", "method": "get"}, "a/0"),
        ({"agent": "a/1"}, '"method" as text'),
        ({"agent": "a/1", "method": ["get"]}, '"method" as text'),
        ({"agent": "a/1", "method": "get", "args": "x"}, '"args"'),
        ({"agent": "a/1", "method": "get", "args": None}, '"args"'),
        ({"agent": "a/1", "method": "get", "arg": [1]}, "no field 'arg'"),
        ({"agent": "a/1", "method": "get", 5: 1}, "no field 5"),
    ],
)
def test_what_is_no_task_is_said_by_its_field(line: Any, said: str) -> None:
    with pytest.raises(BadArgument) as caught:
        task_of(line)
    assert said in str(caught.value)


# -- many tasks --------------------------------------------------------------------------------------------------------


class Echo(Wire):
    """A wire whose other side answers in the next turn of the loop, each task with its key; agents of kind `mute` never do."""

    def __init__(self) -> None:
        super().__init__()
        clock = Clock()
        self.link = Link(window=100_000, clock=clock.s, later=clock.later)
        self.link.attach(self)
        self.tally = Tally()
        self.most_open = 0

    def send(self, letter: str, data: Any) -> None:
        """Take one message: tasks, or the order to take some back."""
        super().send(letter, data)
        loop = asyncio.get_running_loop()
        if letter == STATUS:
            for section in self.sections:
                count = len(section["i"])
                gone = {"v": [None] * count, "e": [[at, "TaskCancelled", "", None] for at in range(count)]}
                loop.call_soon(self.link.take, [{"n": section["n"], **gone}])
            return
        for section in data:
            if section["k"] != "mute":
                loop.call_soon(self.answer, section)

    def answer(self, section: dict[str, Any]) -> None:
        """Answer a section."""
        self.most_open = max(self.most_open, self.link.open)
        self.link.take([reply(section)])

    def resolve(self, address: str) -> tuple[Link, str, Key]:
        """Agents 0 to 9,999 of any kind."""
        if type(address) is str and "/" not in address:
            return self.link, valid_kind(address), 0
        kind, key = parse(address)
        if type(key) is not int or key >= 10_000:
            raise UnknownAgent(f"no agent {address}")
        return self.link, kind, key

    def run(self, tasks: Any, window: int = 1_000) -> Any:
        """The batches of these tasks."""
        return batches(tasks, resolve=self.resolve, window=window, tally=self.tally)


@pytest.mark.parametrize("window", [1, 2, 7, 1_000, 100_000])
@pytest.mark.parametrize("is_async", [False, True])
async def test_every_task_has_one_result_and_no_more_are_open_than_the_window_allows(window: int, is_async: bool) -> None:
    async def source() -> AsyncIterator[tuple[str, str]]:
        for key in range(500):
            yield f"a/{key}", "get"

    echo = Echo()
    tasks: Any = source() if is_async else ((f"a/{key}", "get") for key in range(500))
    results = [result async for batch in echo.run(tasks, window) for result in batch]
    assert sorted((result.id, result.value) for result in results) == [(key, key) for key in range(500)]
    assert echo.most_open <= window
    assert echo.tally.as_dict() == {"accepted": 500, "done": 500, "failed": 0, "cancelled": 0, "expired": 0, "open": 0}


async def test_tasks_are_read_only_as_far_as_there_is_room_for_their_results() -> None:
    read = 0

    def source() -> Iterator[tuple[str, str]]:
        nonlocal read
        for key in range(1_000):
            read += 1
            yield f"a/{key}", "get"

    taken = 0
    async for batch in Echo().run(source(), window=10):
        taken += len(batch)
        await asyncio.sleep(0)
        assert read <= taken + 10
    assert taken == 1_000


async def test_names_that_were_given_are_kept_and_the_others_are_the_places_in_the_input() -> None:
    echo = Echo()
    tasks: list[Any] = [
        {"id": "first", "agent": "a/1", "method": "get"},
        {"id": "mine", "agent": "a/2", "method": "get"},
        "no task",
        {"agent": "a/3", "method": "get"},
        {"id": 0, "agent": "a/4", "method": "get"},
        {"id": "bad", "agent": "a/4", "method": "get", "no": 1},
        ("a/5",),
        ("a/99999", "get"),
        ("a", "get"),
    ]
    results = {result.id: result async for batch in echo.run(tasks) for result in batch}
    assert {name: result.value for name, result in results.items() if result.ok} == {"first": 1, "mine": 2, 3: 3, 0: 4, 8: 0}
    assert {name for name, result in results.items() if not result.ok} == {2, "bad", 6, 7}
    assert (echo.tally.accepted, echo.tally.open, echo.tally.failed) == (9, 0, 4)


async def test_an_empty_input_ends_at_once() -> None:
    async def nothing() -> AsyncIterator[Any]:
        for each in ():
            yield each

    echo = Echo()
    assert [batch async for batch in echo.run([])] == [batch async for batch in echo.run(nothing())] == []


async def test_a_window_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="window"):
        await anext(Echo().run([("a/1", "get")], window=0))


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_input_that_raises_ends_the_map_with_its_error_and_leaves_nothing_open(is_async: bool) -> None:
    async def source() -> AsyncIterator[tuple[str, str]]:
        yield "a/1", "get"
        raise KeyError("as told")

    def plain() -> Iterator[tuple[str, str]]:
        yield "a/1", "get"
        raise KeyError("as told")

    echo = Echo()
    with pytest.raises(KeyError, match="as told"):
        async for _ in echo.run(source() if is_async else plain()):
            pass
    assert echo.tally.open == 0


async def test_leaving_early_takes_back_what_is_not_answered() -> None:
    echo = Echo()
    running = echo.run([("mute/1", "get"), ("a/1", "get"), ("mute/2", "get")])
    assert [result.value for result in await anext(running)] == [1]
    assert echo.tally.open == 2
    await running.aclose()
    assert (echo.tally.cancelled, echo.tally.open, echo.link.open) == (2, 0, 0)


async def test_a_long_input_leaves_in_whole_sections() -> None:
    echo = Echo()
    count = 0
    async for batch in echo.run(((f"a/{key % 10_000}", "get") for key in range(20 * FRAME_TASKS)), window=8 * FRAME_TASKS):
        count += len(batch)
    assert count == 20 * FRAME_TASKS
    assert max(len(section["i"]) for section in echo.sections) == FRAME_TASKS
    assert len(echo.sections) <= 22


# -- one result at a time ----------------------------------------------------------------------------------------------


async def feed(*parts: Batch) -> Any:
    """Batches, as a map gives them."""
    for part in parts:
        yield part


def parts(*sizes: int, failed: Any = ()) -> list[Batch]:
    """Batches of these sizes over the results 0, 1, 2, …, whose values are ten times their names."""
    made, first = [], 0
    for size in sizes:
        names = range(first, first + size)
        failures = [(at, FAILURE) for at, name in enumerate(names) if name in failed]
        made.append(Batch(names, [None if name in failed else name * 10 for name in names], failures))
        first += size
    return made


def wanted(count: int, failed: Any = ()) -> list[Result]:
    """The same results, made one by one."""
    return [Failed(name, FAILURE) if name in failed else Result(name, name * 10) for name in range(count)]


@pytest.mark.parametrize("sizes", [(), (1,), (50,), (1,) * 20, (3, 1, 0, 7, 2)])
@pytest.mark.parametrize("failed", [(), (0,), (2, 3, 4, 11), range(1_000)])
async def test_results_that_are_all_kept_stay_as_they_were(sizes: tuple[int, ...], failed: Any) -> None:
    kept = [result async for result in singly(feed(*parts(*sizes, failed=failed)))]
    assert kept == wanted(sum(sizes), failed)
    assert len(set(map(id, kept))) == sum(sizes)


async def test_results_that_nobody_keeps_are_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(module, "_new", lambda kind: made.append(kind) or object.__new__(kind))
    values = []
    async for result in singly(feed(*parts(500, 500))):
        values.append((result.id, result.value))
    assert values == [(name, name * 10) for name in range(1_000)]
    assert len(made) <= 3


async def test_a_result_that_is_kept_now_and_then_is_never_written_over(chance: Random) -> None:
    for _ in range(30):
        kept: list[tuple[int, Result]] = []
        known = set()
        count = 0
        async for result in singly(feed(*parts(*(chance.randrange(8) for _ in range(20)), failed={5, 6, 30}))):
            count += 1
            known.add(result.id)
            if chance.random() < chance.choice([0.1, 0.5, 0.9]):
                kept.append((result.id, result))
            if kept and chance.random() < 0.2:
                kept.pop(chance.randrange(len(kept)))
        everything = wanted(count, {5, 6, 30})
        assert known == set(range(count))
        assert [result for _, result in kept] == [everything[name] for name, _ in kept]


@pytest.mark.parametrize("behind", [1, 2, 3])
async def test_the_last_few_results_can_be_looked_back_at(behind: int) -> None:
    last: list[Result] = []
    async for result in singly(feed(*parts(7, 7, 7))):
        last = [*last, result][-behind - 1 :]
        assert [each.id for each in last] == list(range(max(result.id - behind, 0), result.id + 1))
        assert [each.value for each in last] == [each.id * 10 for each in last]


async def test_a_result_kept_in_any_place_is_kept() -> None:
    class Shelf:
        held: Any = None

    shelf, names = Shelf(), {}
    async for result in singly(feed(*parts(9))):
        if result.id == 2:
            shelf.held = result
        elif result.id == 4:
            names["four"] = result
        elif result.id == 6:
            closure = lambda kept=result: kept  # noqa: E731
    assert [shelf.held, names["four"], closure()] == [Result(2, 20), Result(4, 40), Result(6, 60)]


async def test_two_maps_at_once_do_not_share_their_results() -> None:
    one, two = singly(feed(*parts(20))), singly(feed(*parts(20)))
    for name in range(20):
        mine, other = await anext(one), await anext(two)
        assert mine is not other
        assert (mine.id, other.id) == (name, name)


async def test_leaving_a_map_of_single_results_ends_the_batches_too() -> None:
    ended = []

    async def source() -> Any:
        try:
            for part in parts(3, 3):
                yield part
        finally:
            ended.append(True)

    running = singly(source())
    assert (await anext(running)).id == 0
    await running.aclose()  # type: ignore[attr-defined]
    assert ended == [True]
