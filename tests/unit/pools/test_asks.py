"""A task and a future for its answer: sent at once or with the others of its turn, counted once, ended in time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from pools import asks as module
from pools.address import Key, parse, valid_kind
from pools.asks import Asks
from pools.errors import (
    BadAddress,
    BadArgument,
    CircuitOpen,
    Failure,
    LinkClosed,
    MailboxFull,
    Overloaded,
    TaskCancelled,
    TaskExpired,
    TaskFailed,
    UnknownAgent,
)
from pools.link import Link
from tests.support.clocks import Clock
from tests.support.wires import Wire, reply


class Setup:
    """One sender before one link that leads to agents 0 to 99, with every count that it is told. Needs a running loop."""

    def __init__(self, window: int = 1_000) -> None:
        clock = Clock()
        self.wire = Wire()
        self.link = Link(window=window, clock=clock.s, later=clock.later)
        self.link.attach(self.wire)
        self.resolved: list[str] = []
        self.accepted = 0
        self.ended: list[tuple[int, list[str]]] = []
        self.asks = Asks(self._resolve, asyncio.get_running_loop(), self._accept, self._end)
        self.ask = self.asks.ask
        self._replied = 0

    def _resolve(self, address: str) -> tuple[Link, str, Key]:
        self.resolved.append(address)
        if type(address) is str and "/" not in address:
            return self.link, valid_kind(address), len(self.resolved)
        kind, key = parse(address)
        if type(key) is int and key >= 100:
            raise UnknownAgent(f"no agent {address}")
        return self.link, kind, key

    def _accept(self, count: int) -> None:
        self.accepted += count

    def _end(self, count: int, failures: Sequence[tuple[int, Failure]]) -> None:
        self.ended.append((count, [failure.type for _, failure in failures]))

    @property
    def counted(self) -> tuple[int, int, list[str]]:
        """Accepted, ended, and the errors among them."""
        return self.accepted, sum(count for count, _ in self.ended), [name for _, names in self.ended for name in names]

    def answer(self) -> None:
        """Answer every section that was not answered, each task with its key."""
        for section in self.wire.sections[self._replied :]:
            self._replied += 1
            self.link.take([reply(section)])

    def fail(self, *failure: Any) -> None:
        """Answer the newest section, one task, with a failure."""
        self._replied = len(self.wire.sections)
        self.link.take([{"n": self.wire.sections[-1]["n"], "v": [None], "e": [[0, *failure]]}])


# -- sending -----------------------------------------------------------------------------------------------------------


async def test_a_task_that_finds_its_link_idle_leaves_at_once_and_alone() -> None:
    setup = Setup()
    future = setup.ask("counter/7", "add", 2)
    assert [(tuple(s["i"]), s["k"], s["m"], tuple(s["a"])) for s in setup.wire.sections] == [((7,), "counter", "add", (2,))]
    setup.answer()
    assert await future == 7
    assert setup.counted == (1, 1, [])


async def test_the_tasks_of_a_turn_share_a_message_in_the_order_they_were_asked() -> None:
    setup = Setup()
    futures = [setup.ask(f"counter/{key}", "add", key) for key in (5, 3, 9, 3)]
    assert setup.wire.keys == [5]
    assert setup.accepted == 1
    await asyncio.sleep(0)
    assert setup.wire.keys == [5, 3, 9, 3]
    assert len(setup.wire.sent) == 2
    assert setup.accepted == 4
    setup.answer()
    assert await asyncio.gather(*futures) == [5, 3, 9, 3]
    assert setup.counted == (4, 4, [])


async def test_a_task_never_overtakes_one_that_waits_for_the_end_of_the_turn() -> None:
    """The link may fall idle within a turn."""
    setup = Setup()
    first, second = setup.ask("counter/1", "get"), setup.ask("counter/2", "get")
    setup.answer()
    third = setup.ask("counter/3", "get")
    await asyncio.sleep(0)
    assert setup.wire.keys == [1, 2, 3]
    setup.answer()
    assert await asyncio.gather(first, second, third) == [1, 2, 3]


async def test_a_task_that_asks_for_an_argument_of_more_than_a_scalar_goes_with_its_turn() -> None:
    setup = Setup()
    futures = [setup.ask("counter/1", "add", [1, 2])]
    await asyncio.sleep(0)
    futures.append(setup.ask("counter/2", "add", float("nan")))
    await asyncio.sleep(0)
    assert setup.wire.keys == [1]
    setup.answer()
    assert await futures[0] == 1
    with pytest.raises(BadArgument, match="nan"):
        await futures[1]
    assert setup.counted == (2, 2, ["BadArgument"])


@pytest.mark.parametrize(
    ("arguments", "named", "sent"),
    [
        ((), {}, None),
        ((5,), {}, 5),
        (("x",), {}, "x"),
        ((None,), {}, [None]),
        (([1],), {}, [[1]]),
        (({"a": 1},), {}, [{"a": 1}]),
        ((1, 2), {}, [1, 2]),
        ((), {"x": 1, "y": None}, {"x": 1, "y": None}),
    ],
)
async def test_arguments_leave_as_they_were_given(arguments: tuple[Any, ...], named: dict[str, Any], sent: Any) -> None:
    setup = Setup()
    setup.ask("counter/1", "add", *arguments, **named)
    await asyncio.sleep(0)
    (section,) = setup.wire.sections
    assert (section["a"][0] if "a" in section else None) == sent


async def test_arguments_by_place_and_by_name_together_are_refused() -> None:
    setup = Setup()
    with pytest.raises(BadArgument, match="not both"):
        await setup.ask("counter/1", "add", 1, y=2)
    assert setup.wire.sent == []
    assert setup.counted == (1, 1, ["BadArgument"])


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (("ValueError", "as told", None), TaskFailed),
        (("MailboxFull", "full", 0.1), MailboxFull),
        (("UnknownAgent", "none", None), UnknownAgent),
    ],
)
async def test_a_failure_is_raised_where_the_answer_is_awaited(failure: tuple[Any, ...], error: type[Exception]) -> None:
    setup = Setup()
    future = setup.ask("counter/1", "add", 1)
    setup.fail(*failure)
    with pytest.raises(error, match=failure[1]) as caught:
        await future
    assert caught.value.retry_after_s == failure[2]  # type: ignore[attr-defined]
    assert setup.counted == (1, 1, [failure[0]])


async def test_among_many_answers_each_future_gets_its_own() -> None:
    setup = Setup()
    futures = [setup.ask(f"counter/{key}", "get") for key in range(6)]
    await asyncio.sleep(0)
    setup.link.take([{"n": 1, "v": [0]}])
    futures[2].cancel()
    futures[5].cancel()
    failed = [[1, "ValueError", "one", None], [4, "KeyError", "four", None]]
    setup.link.take([{"n": 3, "v": [1, None, 3, 4, None], "e": failed}])
    await asyncio.sleep(0)
    assert [future.cancelled() for future in futures] == [False, False, True, False, False, True]
    assert [futures[at].result() for at in (0, 1, 3, 4)] == [0, 1, 3, 4]
    assert setup.counted == (6, 6, ["ValueError", "KeyError"])


async def test_a_connection_that_ends_ends_every_wait() -> None:
    setup = Setup(window=1)
    futures = [setup.ask(f"counter/{key}", "get") for key in range(3)]
    await asyncio.sleep(0)
    setup.link.detach(LinkClosed("gone"), drop_waiting=True)
    assert [type(future.exception()) for future in futures] == [LinkClosed] * 3
    with pytest.raises(LinkClosed, match="gone"):
        await setup.ask("counter/1", "get")
        await asyncio.sleep(0)
    assert setup.counted[0] == setup.counted[1] == 4


# -- ways --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["counter/100", "Counter/1", "counter/", "/1", "", 5, None, ["counter/1"]])
async def test_an_address_that_leads_nowhere_fails_its_own_task(address: Any) -> None:
    setup = Setup()
    good = setup.ask("counter/1", "get")
    with pytest.raises((UnknownAgent, BadAddress)) as caught:
        await setup.ask(address, "get")
    setup.answer()
    assert await good == 1
    assert setup.counted == (2, 2, [type(caught.value).__name__])


async def test_a_way_is_looked_up_once_until_the_agents_move() -> None:
    setup = Setup()
    for _ in range(3):
        setup.ask("counter/1", "get")
    assert setup.resolved == ["counter/1"]
    setup.asks.forget()
    setup.ask("counter/1", "get")
    assert setup.resolved == ["counter/1"] * 2


async def test_for_a_kind_an_agent_is_chosen_each_time() -> None:
    setup = Setup()
    for _ in range(3):
        setup.ask("counter", "get")
    await asyncio.sleep(0)
    assert setup.wire.keys == [1, 2, 3]


async def test_the_ways_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROUTES", 4)
    setup = Setup()
    futures = [setup.ask(f"counter/{key % 10}", "get") for key in range(30)]
    assert 10 < len(setup.resolved) <= 30
    assert len(setup.asks._routes) <= 4
    await asyncio.sleep(0)
    setup.answer()
    assert await asyncio.gather(*futures) == [key % 10 for key in range(30)]


# -- the end of a wait -------------------------------------------------------------------------------------------------


async def test_a_task_in_flight_that_takes_too_long_expires_and_is_taken_back() -> None:
    setup = Setup()
    with pytest.raises(TaskExpired, match=r"counter/1 add: no answer within 0.001 s"):
        await setup.ask("counter/1", "add", 1, timeout_s=0.001)
    await asyncio.sleep(0)
    assert setup.wire.orders == [{"verb": "cancel", "sections": [1], "position": 0, "late": True}]
    assert setup.counted == (1, 0, [])
    setup.fail("TaskCancelled", "", None)
    assert setup.counted == (1, 1, ["TaskExpired"])


async def test_an_answer_that_comes_after_all_is_counted_and_harms_nobody() -> None:
    setup = Setup()
    late, good = setup.ask("counter/1", "add", 1, timeout_s=0.001), setup.ask("counter/2", "get")
    with pytest.raises(TaskExpired):
        await late
    setup.answer()
    assert await good == 2
    assert setup.counted == (2, 2, [])
    assert not setup.asks._expired


async def test_a_task_that_was_not_sent_in_time_is_never_sent() -> None:
    setup = Setup(window=1)
    first, second = setup.ask("counter/1", "get"), setup.ask("counter/2", "get", timeout_s=0)
    with pytest.raises(TaskExpired):
        await second
    assert setup.counted == (2, 1, ["TaskExpired"])
    setup.answer()
    assert await first == 1
    assert setup.wire.keys == [1]
    assert not setup.asks._expired


async def test_another_failure_beside_an_expired_task_keeps_its_name() -> None:
    setup = Setup()
    setup.ask("counter/0", "get")
    late, other = setup.ask("counter/1", "get", timeout_s=0.001), setup.ask("counter/2", "get", timeout_s=60)
    with pytest.raises(TaskExpired):
        await late
    failed = [[0, "TaskCancelled", "", None], [1, "ValueError", "as told", None]]
    setup.link.take([{"n": 3, "v": [None, None], "e": failed}])
    with pytest.raises(TaskFailed, match="as told"):
        await other
    assert setup.counted[2] == ["TaskExpired", "ValueError"]


async def test_an_answer_in_time_ends_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    handles = []
    loop = asyncio.get_running_loop()
    at = loop.call_at
    monkeypatch.setattr(loop, "call_at", lambda *call: handles.append(at(*call)) or handles[-1])
    setup = Setup()
    future = setup.ask("counter/1", "get", timeout_s=1_000)
    setup.answer()
    assert await future == 1
    assert [handle.cancelled() for handle in handles] == [True]
    assert not setup.asks._expiry


async def test_a_task_can_be_taken_back_by_its_future() -> None:
    setup = Setup(window=1)
    first, second = setup.ask("counter/1", "get"), setup.ask("counter/2", "get")
    await asyncio.sleep(0)
    setup.asks.cancel(second)
    with pytest.raises(TaskCancelled):
        await second
    setup.asks.cancel(first)
    assert setup.wire.orders == [{"verb": "cancel", "sections": [1], "position": 0}]
    assert not first.done()


class Looking:
    """Looks at tasks for a kind; lets pass what calls `get`."""

    def __init__(self, asks: Asks) -> None:
        self.asks = asks
        self.taken: list[tuple[Any, ...]] = []
        self.learned: list[tuple[list[Any], list[int]]] = []

    def clear(self, kind: str, method: str, count: int) -> Any:
        return f"{kind} {method}" if method == "get" else None

    def ask(self, *facts: Any) -> asyncio.Future[Any]:
        self.taken.append(facts)
        return self.asks.refuse(UnknownAgent("not today"))

    def place(self, kind: str, method: str, arguments: Sequence[Any]) -> Sequence[Any]:
        places = {1: ("counter/1", "one"), 2: UnknownAgent("not today"), 3: "in parts", 4: ("counter/4000", "four")}
        return [places[argument] for argument in arguments]

    def split(
        self, future: asyncio.Future[Any], case: Any, kind: str, method: str, argument: Any, left_s: float | None
    ) -> None:
        self.taken.append((case, kind, method, argument, left_s))
        future.set_result("of parts")

    def learn(self, cases: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        self.learned.append(([*cases], [at for at, _ in failures]))


async def test_tasks_for_a_kind_are_sent_aside_and_those_for_an_agent_are_not() -> None:
    setup = Setup()
    aside = setup.asks.aside = Looking(setup.asks)
    setup.ask("a/1", "get")
    setup.ask("a/1", "get")
    with pytest.raises(UnknownAgent, match="not today"):
        await setup.ask("a", "add", 1, timeout_s=5)
    with pytest.raises(UnknownAgent):
        await setup.ask("b", "add", x=1)
    with pytest.raises(BadAddress):
        await setup.ask(5, "get")  # type: ignore[arg-type]
    assert aside.taken == [("a", "add", (1,), {}, 5), ("b", "add", (), {"x": 1}, None)]
    await asyncio.sleep(0)
    assert setup.wire.keys[:2] == [1, 1]


@pytest.mark.parametrize("timeout_s", [-1, -0.001, float("nan"), float("inf"), 10**400, "3", [], object()])
async def test_a_time_that_is_none_is_refused_and_nothing_is_sent(timeout_s: Any) -> None:
    setup = Setup()
    for address in ("counter/1", "counter"):
        with pytest.raises(BadArgument, match="timeout_s is a number of seconds from 0 to 31,622,400, or None"):
            await setup.ask(address, "get", timeout_s=timeout_s)
    assert (setup.wire.sent, setup.accepted, len(setup.ended)) == ([], 2, 2)


async def test_a_time_of_nothing_is_over_before_the_task_is_sent() -> None:
    setup = Setup()
    for address in ("counter/1", "counter"):
        with pytest.raises(TaskExpired, match="its time was over before it was sent"):
            await setup.ask(address, "get", timeout_s=0)
    assert (setup.wire.sent, setup.counted) == ([], (2, 2, ["TaskExpired", "TaskExpired"]))


class Few:
    """A tenant that may have four tasks."""

    def __init__(self) -> None:
        self.held = 0

    def enter(self) -> Overloaded | None:
        if self.held == 4:
            return Overloaded("too many")
        self.held += 1
        return None

    def leave(self, count: int) -> None:
        self.held -= count


# -- tasks for a kind, of one turn -------------------------------------------------------------------------------------


class Dealing:
    """Chooses agents 10, 11, ... for tasks of a turn; refuses what is more than it has room for."""

    def __init__(self, setup: Setup, room: int = 1_000) -> None:
        self.setup = setup
        self.room = room
        self.asked: list[tuple[str, int]] = []

    def __call__(self, kind: str, count: int) -> tuple[list[tuple[Link, Sequence[Key]]], Any]:
        self.asked.append((kind, count))
        if kind == "nobody":
            raise UnknownAgent("nobody is there")
        keys = range(10, 10 + min(count, self.room))
        refusal = CircuitOpen("it is open") if count > self.room else None
        return [(self.setup.link, [*keys][:1]), (self.setup.link, [*keys][1:])], refusal


async def test_the_tasks_of_a_turn_for_a_kind_get_their_agents_together() -> None:
    setup = Setup()
    deal = setup.asks.deal = Dealing(setup)
    alone = setup.ask("counter", "get")
    asked = [setup.ask("counter", "get") for _ in range(5)]
    timed = [setup.ask("counter", "add", 5, timeout_s=9) for _ in range(3)]
    named = setup.ask("counter", "add", by=7)
    assert len(setup.resolved) == 1
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert deal.asked == [("counter", 5), ("counter", 3), ("counter", 1)]
    setup.answer()
    assert await alone == 1
    assert [await each for each in asked] == [10, 11, 12, 13, 14]
    assert [await each for each in timed] == [10, 11, 12]
    assert await named == 10
    assert setup.counted == (10, 10, [])
    assert not setup.asks._expiry
    assert [(section["m"], section.get("a")) for section in setup.wire.sections] == [
        ("get", None),  # the first finds its link idle
        ([["get", "add"], [0, 0, 0, 0, 0, 1]], [None] * 5 + [{"by": 7}]),
        ("add", [5, 5, 5]),
    ]


async def test_tasks_of_a_turn_that_nobody_takes_are_refused_and_counted() -> None:
    setup = Setup()
    setup.asks.deal = Dealing(setup, room=2)
    setup.ask("counter/1", "get"), setup.ask("counter/2", "get")
    asked = [setup.ask("counter", "get") for _ in range(4)] + [setup.ask("nobody", "get")]
    with pytest.raises(BadArgument):
        await setup.ask("counter", "get", 1, x=2)
    await asyncio.sleep(0)
    setup.answer()
    ended = await asyncio.gather(*asked, return_exceptions=True)
    assert ended[:2] == [10, 11]
    assert [type(each) for each in ended[2:]] == [CircuitOpen, CircuitOpen, UnknownAgent]
    assert (setup.counted[0], setup.counted[1]) == (8, 8)


async def test_a_task_of_a_turn_is_taken_back_before_it_left() -> None:
    setup = Setup(window=1)
    setup.asks.deal = Dealing(setup)
    setup.ask("counter/1", "get"), setup.ask("counter/2", "get")
    meant, other = setup.ask("counter", "get"), setup.ask("counter", "get")
    setup.asks.cancel(meant)
    with pytest.raises(TaskCancelled):
        await meant
    for _ in range(3):
        setup.answer()
    assert await other == 11


async def test_how_tasks_for_a_kind_end_is_learned_with_what_was_expected_of_them() -> None:
    setup = Setup()
    aside = setup.asks.aside = Looking(setup.asks)
    setup.asks.deal = Dealing(setup)
    first = setup.ask("counter", "get")
    second, third = setup.ask("counter", "get"), setup.ask("counter", "get")
    fourth = setup.ask("counter/5", "get")
    setup.answer()
    assert await first == 1
    assert aside.learned == [(["counter get"], [])]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    setup.answer()
    await asyncio.gather(second, third, fourth)
    learned = [case for cases, _ in aside.learned[1:] for case in cases]
    assert sorted(map(str, learned)) == ["None", "counter get", "counter get"]
    assert not setup.asks._cases
    assert aside.taken == []


@pytest.mark.parametrize("timeout_s", [None, 60])
async def test_each_task_of_a_turn_goes_where_it_is_said_to(timeout_s: float | None) -> None:
    setup = Setup()
    aside = setup.asks.aside = Looking(setup.asks)
    setup.asks.deal = Dealing(setup)
    setup.ask("counter/7", "get"), setup.ask("counter/8", "get")
    tenant = setup.asks._tenant = Few()  # type: ignore[assignment]
    asked = [setup.ask("counter", "add", number, timeout_s=timeout_s) for number in (1, 2, 3, 4)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    setup.answer()
    ended = await asyncio.gather(*asked, return_exceptions=True)
    assert (ended[0], ended[2]) == (1, "of parts")
    assert [type(each) for each in (ended[1], ended[3])] == [UnknownAgent, UnknownAgent]
    assert [taken[:4] for taken in aside.taken] == [("in parts", "counter", "add", 3)]
    assert (aside.taken[0][4] is None) == (timeout_s is None)
    assert (["one"], []) in [([case for case in cases if case], failed) for cases, failed in aside.learned]
    assert (len(setup.asks._expiry), setup.asks._cases) == (0, {})
    assert tenant.held == -2  # type: ignore[attr-defined]  # the first two were sent for nobody
    assert setup.counted[:2] == (6, 5)  # what is done in parts is counted where that is done


async def test_a_tenant_s_tasks_for_a_kind_are_counted_out_again() -> None:
    setup = Setup()
    tenant = setup.asks._tenant = Few()  # type: ignore[assignment]
    setup.asks.deal = Dealing(setup, room=1)
    asked = [setup.ask("counter", "get") for _ in range(6)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    setup.answer()
    ended = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in ended] == [int, int, CircuitOpen, CircuitOpen, Overloaded, Overloaded]
    assert tenant.held == 0  # type: ignore[attr-defined]
