"""One task at a time for each agent, in order; a failed task changes nothing; whoever waits holds up nobody else."""

from __future__ import annotations

import asyncio
import math
from random import Random
from typing import Any

import pytest

from pools.agent import Agent
from pools.context import Context
from pools.errors import Failure
from pools.gauges import BUSY_SINCE_NS, DONE, FAILED, TICKS, WAITING
from pools.spec import PUMP_S, REPLY_AFTER_S
from tests.support.clocks import Clock
from tests.support.rigs import Answers, Rig, eager


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Stranger(BaseException):
    """What some libraries raise to get past `except Exception`."""


class Light(Agent):
    total: int = 0
    seen: int = 0

    def add(self, x: int) -> int:
        self.total += x
        return self.total

    def get(self) -> int:
        return self.total

    def spoil(self, what: str) -> Any:
        """Change the state, then do what the text says."""
        self.total = -1
        self.seen = -1
        return misbehave(what)

    def pair(self, x: int, y: int = 10) -> int:
        return x * y

    async def later(self, x: int) -> int:
        self.total += x
        return self.total

    async def hold(self, gate: str) -> int:
        self.total += 1
        await GATES[gate]
        self.total += 1
        return self.total

    async def hold_and_spoil(self, gate: str) -> int:
        self.total = -1
        await GATES[gate]
        raise ValueError("after all")

    async def stubborn(self, gate: str) -> str:
        try:
            await GATES[gate]
        except asyncio.CancelledError:
            return "stayed"
        return "came"


class Deep(Agent):
    items: list[int]
    by_name: dict[str, list[int]]

    def put(self, x: int) -> list[int]:
        self.items.append(x)
        return self.items

    def put_and(self, x: int, what: str) -> Any:
        self.items.append(x)
        self.by_name.setdefault("a", []).append(x)
        return misbehave(what)

    def show(self) -> dict[str, Any]:
        return {"items": self.items, "by_name": self.by_name}

    def grow(self, size: int) -> int:
        self.items = [7] * size
        return size

    def wrong(self) -> int:
        self.items = "text"  # type: ignore[assignment]
        return 1

    async def hold_put(self, gate: str) -> list[int]:
        self.items.append(0)
        await GATES[gate]
        return self.items


class Speaker(Agent):
    total: int = 0

    def tell(self, what: str, ctx: Context) -> int:
        ctx.tell("light/1", "add", 1)
        ctx.timer(1, "tell", "ok")
        self.total += 1
        misbehave(what)
        return self.total

    async def ask(self, ctx: Context) -> Any:
        return await ctx.ask("light/1", "get")

    def who(self, ctx: Context, x: int = 3) -> list[Any]:
        return [ctx.agent_id, ctx.task_id, x, self.status, self.mailbox]


class Hooked(Agent):
    calls: list[str]
    handled: int = 0

    def run(self, method: str) -> None:
        TRACE.append(f"run {method}")

    def execute(self, method: str, call: Any) -> Any:
        TRACE.append(f"execute {method}")
        return call()

    def checkpoint(self, method: str, result: Any) -> None:
        TRACE.append(f"checkpoint {method} {result}")
        if result == "refuse":
            raise ValueError("the checkpoint refused")

    def handle_error(self, method: str, error: BaseException) -> None:
        TRACE.append(f"handle_error {method} {type(error).__name__}")
        self.handled += 1

    def do(self, what: str) -> str:
        self.calls.append(what)
        misbehave(what)
        return what

    async def do_later(self, what: str) -> str:
        self.calls.append(what)
        await asyncio.sleep(0)
        misbehave(what)
        return what

    def state(self) -> list[Any]:
        return [self.calls, self.handled]


TRACE: list[str] = []
GATES: dict[str, asyncio.Future[None]] = {}


def misbehave(what: str) -> Any:
    """One fake that does what the message says."""
    match what:
        case "ok":
            return what
        case "raise":
            raise ValueError("as told")
        case "exit":
            raise SystemExit(3)
        case "recurse":
            return misbehave("recurse")
        case "unspeakable":
            raise Unspeakable
        case "stop":
            raise StopIteration
        case "cancelled":
            raise asyncio.CancelledError
        case "generator exit":
            raise GeneratorExit
        case "stranger":
            raise Stranger
        case "surrogate":
            raise ValueError("half \udc80 a character")
        case "nan":
            return math.nan
        case "huge":
            return 2**64
        case "set":
            return {1}
        case "long":
            return "x" * (4 * 1024 * 1024 + 1)
        case "deep":
            value: Any = []
            for _ in range(10_000):
                value = [value]
            return value
        case "coroutine":
            return [].append
        case _:
            return what


BAD_ENDS = [
    "raise",
    "exit",
    "recurse",
    "unspeakable",
    "stop",
    "cancelled",
    "generator exit",
    "nan",
    "huge",
    "set",
    "long",
    "deep",
    "coroutine",
]


@pytest.fixture(autouse=True)
def _fresh() -> None:
    TRACE.clear()
    GATES.clear()


def gate(name: str = "g") -> asyncio.Future[None]:
    GATES[name] = asyncio.get_running_loop().create_future()
    return GATES[name]


# -- plain tasks -------------------------------------------------------------------------------------------------------


def test_tasks_of_an_agent_run_in_the_order_they_came() -> None:
    rig = Rig(Light)
    assert rig.run("light", *((1, "add", x) for x in (1, 10, 100))) == [1, 11, 111]
    assert rig.run("light", (1, "get"), (2, "get")) == [111, 0]


def test_methods_may_be_mixed_in_a_section() -> None:
    rig = Rig(Light)
    assert rig.run("light", (1, "add", 5), (1, "get"), (2, "pair", [2, 3]), (2, "pair", {"x": 4}), (1, "add", 1)) == [
        5,
        5,
        6,
        40,
        6,
    ]


def test_what_is_not_there_is_answered_by_name_and_the_rest_is_done() -> None:
    rig = Rig(Light, agents=5)
    answers = rig.run(
        "light",
        (1, "add", 1),
        (9, "add", 1),
        (1, "nothing"),
        ("x", "get"),
        (1, "add", "x"),
        (1, "add"),
        (1, "add", [1, 2]),
        (1, "add", 1),
    )
    assert [getattr(answer, "type", answer) for answer in answers] == [
        1,
        "UnknownAgent",
        "UnknownMethod",
        "UnknownAgent",
        "BadArgument",
        "BadArgument",
        "BadArgument",
        2,
    ]
    assert "it has add, get" in answers[2].message
    assert rig.run("nothing", (1, "get"), (2, "get")) == [Failure("UnknownKind", "no kind 'nothing' here; it has light")] * 2


def test_done_and_failed_are_counted() -> None:
    rig = Rig(Light)
    rig.run("light", (1, "add", 1), (1, "add", "x"), (2, "spoil", "raise"), (3, "get"))
    rig.run("nothing", (1, "x"))
    assert (rig.cells[DONE], rig.cells[FAILED]) == (2, 3)


@pytest.mark.parametrize("what", BAD_ENDS)
def test_a_light_agent_whose_task_fails_is_as_before(what: str) -> None:
    rig = Rig(Light)
    answers = rig.run("light", (1, "add", 5), (1, "spoil", what), (1, "get"), (1, "add", 1), (2, "get"))
    assert isinstance(answers[1], Failure)
    assert answers[:1] + answers[2:] == [5, 5, 6, 0]


@pytest.mark.parametrize("what", BAD_ENDS)
def test_a_deep_agent_whose_task_fails_is_as_before(what: str) -> None:
    rig = Rig(Deep)
    answers = rig.run("deep", (1, "put_and", [5, "ok"]), (1, "put_and", [6, what]), (1, "show"), (2, "show"))
    assert isinstance(answers[1], Failure)
    assert answers[2:] == [{"items": [5], "by_name": {"a": [5]}}, {"items": [], "by_name": {}}]


@pytest.mark.parametrize("made", [Light, Deep])
def test_an_error_that_no_library_should_raise_fails_its_task_and_nothing_else(made: type[Agent]) -> None:
    rig = Rig(made)
    bad, good = (("spoil", "stranger"), ("get",)) if made is Light else (("put_and", [6, "stranger"]), ("show",))
    number = rig.accept(made.kind, (1, *bad), (2, *good))
    rig.turns.run()
    answers = rig.answers.of(number, 2)
    assert answers[0].type == "Stranger"
    assert not isinstance(answers[1], Failure)
    assert not isinstance(rig.run(made.kind, (3, *good))[0], Failure)


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("raise", "ValueError"),
        ("exit", "SystemExit"),
        ("recurse", "RecursionError"),
        ("unspeakable", "Unspeakable"),
        ("nan", "BadReply"),
        ("huge", "BadReply"),
        ("set", "BadReply"),
        ("long", "BadReply"),
        ("deep", "BadReply"),
    ],
)
def test_a_failure_is_named_for_what_happened(what: str, name: str) -> None:
    assert Rig(Light).run("light", (1, "spoil", what))[0].type == name


def test_a_failure_with_text_that_cannot_travel_can_still_be_sent() -> None:
    from pools.message import encode

    (failure,) = Rig(Light).run("light", (1, "spoil", "surrogate"))
    assert encode("r", list(failure), 0)


def test_a_reply_shows_the_state_as_it_was_when_the_task_ended() -> None:
    """The reply is written later than the task ends; the agent goes on meanwhile."""
    rig = Rig(Deep)
    answers = rig.run("deep", (1, "put", 1), (1, "put", 2), (1, "put_and", [3, "raise"]), (1, "put", 4))
    assert answers[0] == [1]
    assert answers[1] == [1, 2]
    assert answers[3] == [1, 2, 4]


def test_state_past_512_kb_is_refused_and_taken_back() -> None:
    rig = Rig(Deep)
    answers = rig.run("deep", (1, "put", 1), (1, "grow", 300_000), (1, "show"), (1, "grow", 100_000), (2, "show"))
    assert answers[1].type == "StateTooLarge"
    assert answers[2] == {"items": [1], "by_name": {}}
    assert answers[3] == 100_000


def test_a_value_that_a_field_cannot_hold_fails_the_task_by_name() -> None:
    rig = Rig(Deep)
    answers = rig.run("deep", (1, "wrong"), (1, "show"))
    assert answers[0].type == "BadField"
    assert "items must be list[int]" in answers[0].message
    assert answers[1]["items"] == []


def test_a_light_agent_too_keeps_only_what_its_fields_can_hold() -> None:
    class Loose(Agent):
        total: int = 0

        def set_text(self) -> int:
            self.total = "text"  # type: ignore[assignment]
            return 1

        def set_long(self) -> int:
            self.total = 10**200_000
            return 1

        def is_number(self) -> bool:
            return type(self.total) is int and self.total < 2**64

    rig = Rig(Loose)
    answers = rig.run("loose", (1, "set_text"), (1, "is_number"), (2, "set_long"), (2, "is_number"))
    assert answers[1] is True
    assert answers[3] is True


def test_the_error_of_a_method_is_printed_once_a_minute(capfd: pytest.CaptureFixture[str]) -> None:
    rig = Rig(Light)
    for _ in range(3):
        rig.run("light", (1, "spoil", "raise"))
    shown = capfd.readouterr().err
    assert shown.count("light.spoil failed") == 1
    assert "as told" in shown
    assert "/pools/executor.py" not in shown.replace("/unit/pools/", "")
    rig.clock.pass_s(61)
    rig.run("light", (1, "spoil", "raise"))
    assert "light.spoil failed" in capfd.readouterr().err


def test_a_log_that_cannot_be_written_to_harms_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def write(self, _text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

        def flush(self) -> None: ...

    rig = Rig(Light)
    monkeypatch.setattr("sys.stderr", Broken())
    answers = rig.run("light", (1, "spoil", "raise"), (1, "add", 1))
    assert answers[0].type == "ValueError"
    assert answers[1] == 1
    assert rig.run("light", (2, "get")) == [0]


# -- slices and turns --------------------------------------------------------------------------------------------------


def test_a_long_section_gives_the_loop_its_turn() -> None:
    clock = Clock(step_ns=int(PUMP_S * 1e9) + 1)
    rig = Rig(Light, clock=clock)
    number = rig.accept("light", *((key % 10, "add", 1) for key in range(1_000)))
    assert len(rig.turns.due) == 1
    assert rig.cells[BUSY_SINCE_NS] > 0
    assert rig.turns.run() > 3
    assert rig.answers.of(number, 1_000)[-1] == 100
    assert rig.cells[BUSY_SINCE_NS] == 0
    assert rig.cells[TICKS] > 3


def test_what_is_done_is_answered_while_the_rest_still_runs() -> None:
    clock = Clock(step_ns=int(REPLY_AFTER_S * 1e9) + 1)
    rig = Rig(Light, clock=clock)
    rig.accept("light", *((key % 10, "add", 1) for key in range(1_000)))
    assert rig.answers.kept
    rig.turns.run()
    assert rig.answers.flushes > 3


class Slow(Agent):
    """Each task takes a tenth of a second of a clock that only it sets on; `seen` is what was answered by then."""

    total: int = 0

    def work(self, x: int, y: int = 0) -> int:
        CLOCK.now_ns += 100_000_000
        SEEN.append(len(SLOW.kept))
        return x + y

    def light(self, x: int) -> int:
        CLOCK.now_ns += 100
        return x


CLOCK, SEEN, SLOW = Clock(), list[int](), Answers()


@pytest.mark.parametrize("before", [0, 10_000])
def test_slow_tasks_are_answered_one_by_one_whatever_was_fast_before_them(before: int) -> None:
    SEEN.clear()
    SLOW.__init__()  # type: ignore[misc]
    rig = Rig(Slow, clock=CLOCK)
    rig.accept("slow", *((key % 10, "light", 1) for key in range(before)), answers=Answers())
    rig.turns.run()
    rig.accept("slow", *((key % 10, "work", [key, 1]) for key in range(20)), answers=SLOW)
    rig.turns.run()
    assert list(SLOW.kept.values()) == list(range(1, 21))
    assert list(range(20)) == SEEN  # each found all before it answered


def test_two_senders_get_their_own_answers() -> None:
    rig = Rig(Light)
    one, two = Answers(), Answers()
    first = rig.accept("light", (1, "add", 1), (2, "add", 2), answers=one)
    second = rig.accept("light", (1, "add", 3), answers=two)
    rig.turns.run()
    assert one.of(first, 2) == [1, 2]
    assert two.of(second, 1) == [4]
    assert not rig.answers.kept


def test_every_task_is_answered_once_in_any_mixture(chance: Random) -> None:
    rig = Rig(Light, Deep, clock=Clock(step_ns=700_000))
    totals: dict[int, int] = {}
    expected: dict[int, list[Any]] = {}
    for _ in range(60):
        tasks, wanted = [], []
        for _ in range(chance.randrange(1, 200)):
            key, x = chance.randrange(12), chance.randrange(100)
            what = chance.choice(["add", "add", "get", "spoil", "nothing"])
            tasks.append((key, what, *([x] if what == "add" else ["raise"] if what == "spoil" else [])))
            if key >= 10 or what in ("spoil", "nothing"):
                wanted.append(None)
                continue
            totals[key] = totals.get(key, 0) + (x if what == "add" else 0)
            wanted.append(totals[key])
        expected[rig.accept("light", *tasks)] = wanted
        if chance.random() < 0.3:
            rig.turns.turn()
    rig.turns.run()
    for number, wanted in expected.items():
        got = [None if isinstance(answer, Failure) else answer for answer in rig.answers.of(number, len(wanted))]
        assert got == wanted


# -- agents that wait --------------------------------------------------------------------------------------------------

STARTS = pytest.mark.parametrize("start", [None, eager], ids=["in the next turn", "in place"])


@STARTS
async def test_an_async_task_is_answered_when_it_ends(start: Any) -> None:
    rig = Rig(Light, start=start)
    assert await rig.wait("light", (1, "later", 2), (1, "later", 3), (2, "later", 1)) == [2, 5, 1]


@STARTS
async def test_others_go_on_while_one_waits(start: Any) -> None:
    rig = Rig(Light, start=start)
    opened = gate()
    held = rig.accept("light", (1, "hold", "g"), (1, "add", 10), (2, "add", 5))
    await rig.settle()
    rig.answers.flush()
    assert rig.answers.kept == {(held, 2): 5}
    assert await rig.wait("light", (3, "add", 1)) == [1]
    assert (rig.executor.status("light", 1), rig.executor.waiting("light", 1), rig.cells[WAITING]) == ("run", 1, 1)
    opened.set_result(None)
    await rig.settle()
    assert rig.answers.of(held, 3) == [2, 12, 5]
    assert (rig.executor.waiting("light", 1), rig.cells[WAITING]) == (0, 0)


@STARTS
async def test_the_mailbox_behind_a_waiting_task_keeps_its_order(start: Any) -> None:
    rig = Rig(Light, start=start)
    opened = gate()
    number = rig.accept("light", (1, "hold", "g"), *((1, ("later", "add")[x % 2], 10**x) for x in range(6)), (1, "get"))
    await rig.settle()
    opened.set_result(None)
    await rig.settle()
    assert rig.answers.of(number, 8) == [2, 3, 13, 113, 1113, 11113, 111113, 111113]


@STARTS
async def test_a_waiting_task_behind_a_waiting_task_waits_again(start: Any) -> None:
    rig = Rig(Light, start=start)
    first, second = gate("a"), gate("b")
    number = rig.accept("light", (1, "hold", "a"), (1, "hold", "b"), (1, "get"))
    await rig.settle()
    first.set_result(None)
    await rig.settle()
    late = rig.accept("light", (1, "add", 100))
    rig.answers.flush()
    assert (number, 1) not in rig.answers.kept
    second.set_result(None)
    await rig.settle()
    assert rig.answers.of(number, 3) == [2, 4, 4]
    assert rig.answers.of(late, 1) == [104]


async def test_a_status_goes_back_to_idle_after_success_and_after_failure() -> None:
    rig = Rig(Light)
    opened = gate()
    number = rig.accept("light", (1, "hold", "g"), (1, "spoil", "raise"), (1, "add", 1))
    await rig.settle()
    opened.set_result(None)
    await rig.settle()
    rig.answers.of(number, 3)
    assert rig.executor.status("light", 1) == "idle"
    await rig.wait("light", (2, "add", 1))
    assert rig.executor.status("light", 2) == "idle"


async def test_a_full_mailbox_is_refused_with_a_time_to_try_again() -> None:
    rig = Rig(Light, mailbox=3)
    opened = gate()
    number = rig.accept("light", (1, "hold", "g"), *([(1, "add", 1)] * 5), (2, "add", 1))
    await rig.settle()
    opened.set_result(None)
    await rig.settle()
    answers = rig.answers.of(number, 7)
    assert [getattr(answer, "type", answer) for answer in answers] == [2, 3, 4, 5, "MailboxFull", "MailboxFull", 1]
    assert answers[4].retry_after_s > 0


@STARTS
async def test_an_async_task_that_fails_is_taken_back(start: Any) -> None:
    rig = Rig(Light, Deep, start=start)
    opened = gate()
    number = rig.accept("light", (1, "add", 5), (1, "hold_and_spoil", "g"), (1, "get"))
    await rig.settle()
    opened.set_result(None)
    await rig.settle()
    answers = rig.answers.of(number, 3)
    assert answers[1] == Failure("ValueError", "after all")
    assert answers[2] == 5


@STARTS
async def test_a_cancelled_task_changes_nothing_and_frees_its_agent(start: Any) -> None:
    rig = Rig(Light, Deep, start=start)
    gate()
    number = rig.accept("light", (1, "hold", "g"), (1, "add", 1), (2, "add", 1))
    other = rig.accept("deep", (1, "hold_put", "g"))
    await rig.settle()
    rig.executor.cancel([number, other], rig.answers)
    await rig.settle()
    assert [getattr(answer, "type", answer) for answer in rig.answers.of(number, 3)] == ["TaskCancelled", "TaskCancelled", 1]
    assert rig.answers.of(other, 1)[0].type == "TaskCancelled"
    assert await rig.wait("light", (1, "get")) == [0]
    assert await rig.wait("deep", (1, "show")) == [{"items": [], "by_name": {}}]
    assert rig.cells[WAITING] == 0


async def test_a_task_cancelled_before_it_began_is_answered_and_frees_its_agent() -> None:
    """The cancellation may come in the same read as the task."""
    rig = Rig(Light)
    gate()
    number = rig.accept("light", (1, "hold", "g"))
    rig.executor.cancel([number], rig.answers)
    await rig.settle()
    assert rig.answers.of(number, 1)[0].type == "TaskCancelled"
    assert await rig.wait("light", (1, "get")) == [0]


async def test_one_task_of_a_section_can_be_cancelled() -> None:
    rig = Rig(Light)
    first, second = gate("a"), gate("b")
    number = rig.accept("light", (1, "hold", "a"), (2, "hold", "b"), (1, "add", 1), (1, "add", 2))
    await rig.settle()
    rig.executor.cancel([number], rig.answers, 1)
    rig.executor.cancel([number], rig.answers, 2)
    await rig.settle()
    first.set_result(None)
    assert second.cancelled()
    await rig.settle()
    assert [getattr(answer, "type", answer) for answer in rig.answers.of(number, 4)] == [2, "TaskCancelled", "TaskCancelled", 4]


def test_tasks_in_the_queue_are_cancelled_before_they_run() -> None:
    rig = Rig(Light, clock=Clock(step_ns=int(PUMP_S * 1e9) + 1))
    first = rig.accept("light", *((1, "add", 1) for _ in range(1_000)))
    second = rig.accept("light", (2, "add", 1), (2, "add", 1))
    rig.executor.cancel([first, second], rig.answers)
    rig.turns.run()
    answers = rig.answers.of(first, 1_000) + rig.answers.of(second, 2)
    done = [answer for answer in answers if not isinstance(answer, Failure)]
    assert 0 < len(done) < 1_000
    assert {answer.type for answer in answers if isinstance(answer, Failure)} == {"TaskCancelled"}
    assert rig.run("light", (1, "get"), (2, "get")) == [len(done), 0]


def test_one_task_in_the_queue_can_be_cancelled() -> None:
    rig = Rig(Light, clock=Clock(step_ns=int(PUMP_S * 1e9) + 1))
    rig.accept("light", *((1, "add", 1) for _ in range(1_000)))
    number = rig.accept("light", (2, "add", 1), (2, "add", 10))
    rig.executor.cancel([number], rig.answers, 1)
    rig.turns.run()
    answers = rig.answers.of(number, 2)
    assert answers[0] == 1
    assert answers[1].type == "TaskCancelled"


async def test_a_task_that_will_not_be_cancelled_is_done() -> None:
    rig = Rig(Light)
    gate()
    number = rig.accept("light", (1, "stubborn", "g"))
    await rig.settle()
    rig.executor.cancel([number], rig.answers)
    await rig.settle()
    assert rig.answers.of(number, 1) == ["stayed"]


async def test_every_task_is_answered_once_when_agents_wait_and_tasks_are_cancelled(chance: Random) -> None:
    rig = Rig(Light, clock=Clock(step_ns=300_000), mailbox=20)
    counts: dict[int, int] = {}
    for round_ in range(80):
        gate(f"g{round_}")
        tasks: list[tuple[Any, ...]] = []
        for _ in range(chance.randrange(1, 30)):
            key = chance.randrange(6)
            tasks.append(
                chance.choice(
                    [
                        (key, "add", 1),
                        (key, "later", 1),
                        (key, "hold", f"g{round_}"),
                        (key, "spoil", "raise"),
                        (key, "hold_and_spoil", f"g{round_}"),
                    ]
                )
            )
        counts[rig.accept("light", *tasks)] = len(tasks)
        for what in range(chance.randrange(3)):
            if what and counts:
                rig.executor.cancel([chance.choice(list(counts))], rig.answers)
            rig.turns.turn()
            await asyncio.sleep(0)
        waiting = [future for future in GATES.values() if not future.done()]
        if waiting and chance.random() < 0.5:
            chance.choice(waiting).set_result(None)
    for _ in range(100):
        for future in GATES.values():
            if not future.done():
                future.set_result(None)
        await rig.settle()
    for number, count in counts.items():
        assert len(rig.answers.of(number, count)) == count
    assert rig.cells[WAITING] == 0
    ended = [answer for number, count in counts.items() for answer in rig.answers.of(number, count)]
    cancelled = sum(isinstance(answer, Failure) and answer.type == "TaskCancelled" for answer in ended)
    assert rig.cells[DONE] + rig.cells[FAILED] + cancelled == len(ended)
    assert await rig.wait("light", *((key, "get") for key in range(6)))
    assert not rig.kinds["light"].busy


# -- what a task sends -------------------------------------------------------------------------------------------------


def test_messages_leave_when_their_task_succeeds() -> None:
    rig = Rig(Speaker)
    rig.run("speaker", (1, "tell", "ok"))
    assert rig.sent == [("speaker", 1, [("tell", "light/1", "add", 1), ("timer", 1.0, "tell", "ok")])]


@pytest.mark.parametrize("what", ["raise", "exit", "recurse", "unspeakable"])
def test_messages_of_a_task_that_fails_are_dropped(what: str) -> None:
    rig = Rig(Speaker)
    assert isinstance(rig.run("speaker", (1, "tell", what))[0], Failure)
    assert rig.sent == []
    assert rig.run("speaker", (1, "tell", "ok")) == [1]


async def test_a_task_that_asks_waits_for_the_answer() -> None:
    rig = Rig(Speaker)
    number = rig.accept("speaker", (1, "ask"))
    await rig.settle()
    ((address, method, arguments, future),) = rig.office.asked
    assert (address, method, arguments) == ("light/1", "get", ())
    future.set_result(42)
    await rig.settle()
    assert rig.answers.of(number, 1) == [42]


def test_a_task_knows_its_agent_itself_and_its_state() -> None:
    rig = Rig(Speaker)
    rig.kinds["speaker"].kind.made._desk = rig.executor
    (answer,) = rig.run("speaker", (1, "who"))
    assert answer[0] == "speaker/1"
    assert answer[2:] == [3, "run", 0]


# -- the verbs of a task's life ----------------------------------------------------------------------------------------


async def test_the_verbs_are_called_in_order_on_success_and_on_failure() -> None:
    rig = Rig(Hooked)
    assert await rig.wait("hooked", (1, "do", "ok")) == ["ok"]
    assert TRACE == ["run do", "execute do", "checkpoint do ok"]
    TRACE.clear()
    (answer,) = await rig.wait("hooked", (1, "do", "raise"))
    assert answer.type == "ValueError"
    assert TRACE == ["run do", "execute do", "handle_error do ValueError"]
    assert await rig.wait("hooked", (1, "state")) == [[["ok"], 0]]


async def test_the_verbs_are_called_for_async_tasks_too() -> None:
    rig = Rig(Hooked)
    answers = await rig.wait("hooked", (1, "do_later", "ok"), (1, "do_later", "raise"))
    assert answers[0] == "ok"
    assert answers[1].type == "ValueError"
    assert TRACE == [
        "run do_later",
        "execute do_later",
        "checkpoint do_later ok",
        "run do_later",
        "execute do_later",
        "handle_error do_later ValueError",
    ]


async def test_a_checkpoint_that_refuses_fails_the_task() -> None:
    rig = Rig(Hooked)
    answers = await rig.wait("hooked", (1, "do", "refuse"), (1, "state"))
    assert answers[0] == Failure("ValueError", "the checkpoint refused")
    assert answers[1] == [[], 0]


# -- the end of a pump -------------------------------------------------------------------------------------------------


class Passing:
    """A clock that each look at it sets on by the next of some steps, by the last one from then on."""

    def __init__(self, *steps_s: float) -> None:
        self._steps_ns = [int(step_s * 1e9) for step_s in steps_s]
        self.now_ns = 1_000_000_000

    def ns(self) -> int:
        self.now_ns += self._steps_ns.pop(0) if len(self._steps_ns) > 1 else self._steps_ns[0]
        return self.now_ns


def test_a_pump_that_stops_with_work_left_has_answered_what_it_did() -> None:
    """Each slice takes less than would flush by itself, all of them together more than a pump may take."""
    rig = Rig(Light, clock=Passing(REPLY_AFTER_S * 0.45))  # type: ignore[arg-type]
    number = rig.accept("light", *((key % 10, "add", 1) for key in range(5_000)))
    assert len(rig.turns.due) == 1
    assert 0 < len(rig.answers.kept) == len(rig.answers.order) < 5_000
    while rig.turns.due:
        rig.turns.turn()
        assert len(rig.answers.kept) == len(rig.answers.order)
    assert rig.answers.of(number, 5_000)[-1] == 500


def test_a_sender_whose_last_task_ends_a_pump_has_its_answers_before_the_work_of_the_next_one() -> None:
    """The pump stops exactly between two senders: nobody comes back to flush the answers of the first."""
    rig = Rig(Light, clock=Passing(0, PUMP_S * 0.9, REPLY_AFTER_S * 0.9, 0))  # type: ignore[arg-type]
    rig.executor._is_pumping = True
    before, one, two = Answers(), Answers(), Answers()
    rig.accept("light", (1, "add", 1), (1, "add", 1), answers=before)
    first = rig.accept("light", (2, "add", 2), answers=one)
    second = rig.accept("light", (4, "add", 4), answers=two)
    rig.executor.pump()
    assert (len(before.kept), one.kept, two.order) == (2, {(first, 0): 2}, [])
    assert len(rig.turns.due) == 1
    rig.turns.run()
    assert two.kept == {(second, 0): 4}


def test_of_what_waits_in_a_worker_higher_priorities_go_first() -> None:
    rig = Rig(Trail)
    TRAIL.clear()
    rig.executor._is_pumping = True  # what comes while the loop is at something else
    for number, priority in ((1, 0), (3, 1), (5, 3), (7, 0)):
        section = {"n": number, "k": "trail", "i": [0] * 3, "m": "mark", "a": [number] * 3, "pr": priority}
        rig.executor.accept(section, rig.answers)
    rig.executor._is_pumping = False
    rig.executor.pump()
    assert [*[5] * 3, *[3] * 3, *[1] * 3, *[7] * 3] == TRAIL
    assert rig.executor.queued == 0


class Trail(Agent):
    total: int = 0

    def mark(self, x: int) -> int:
        TRAIL.append(x)
        return x


TRAIL: list[int] = []
