"""One attempt at a task: the agent's verbs in order, its change kept or taken back, its value as it will arrive."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from pools.agent import Agent
from pools.attempt import REPLY_BYTES, bind, call, keep, sendable, undo
from pools.context import Context
from pools.errors import BadArgument, BadField, BadReply, StateTooLarge
from pools.kind import Kind
from tests.support.rigs import Office


class Light(Agent):
    total: int = 0
    name: bool = False

    def add(self, x: int, y: int = 10) -> int:
        self.total += x * y
        return self.total

    def say(self, x: int, ctx: Context) -> list[Any]:
        return [ctx.agent_id, x]


class Deep(Agent):
    pages: list[int]

    def put(self, page: int) -> int:
        self.pages.append(page)
        return page


class Hooked(Agent):
    memory_limit_bytes = 1_000
    trace: list[str]

    def run(self, method: str) -> None:
        self.trace.append(f"run {method}")

    def execute(self, method: str, call: Callable[[], Any]) -> Any:
        self.trace.append(f"execute {method}")
        return call()

    def checkpoint(self, method: str, result: Any) -> None:
        self.trace.append(f"checkpoint {method} {result}")

    def handle_error(self, method: str, error: BaseException) -> None:
        self.trace.append("never kept")
        if isinstance(error, KeyError):
            raise RuntimeError("the handler fails too")

    def do(self) -> str:
        self.trace.append("do")
        return "done"


KINDS = {made: Kind(made) for made in (Light, Deep, Hooked)}


def of(made: type[Agent], method: str) -> tuple[Kind, Any, Any]:
    kind = KINDS[made]
    return kind, kind.make(1), kind.methods[method]


# -- the call ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sent", "value"), [(2, 20), ([2], 20), ([2, 3], 6), ({"y": 4, "x": 1}, 4)])
def test_a_method_is_called_with_what_was_sent(sent: Any, value: int) -> None:
    kind, agent, method = of(Light, "add")
    bound = bind(method, agent, sent, None)
    assert agent.total == 0
    assert call(kind, agent, method, bound) == value == agent.total


def test_a_method_gets_its_context_by_name() -> None:
    kind, agent, method = of(Light, "say")
    context = Context(Office(), kind, agent, "1.0")
    assert call(kind, agent, method, bind(method, agent, {"x": 5}, context)) == ["light/1", 5]


@pytest.mark.parametrize("sent", [None, "text", [1, 2, 3], {"z": 1}, {}, True])
def test_what_does_not_fit_the_method_is_named_before_it_is_called(sent: Any) -> None:
    _, agent, method = of(Light, "add")
    with pytest.raises(BadArgument, match="add"):
        bind(method, agent, sent, None)


def test_the_verbs_stand_around_the_call() -> None:
    kind, agent, method = of(Hooked, "do")
    value = call(kind, agent, method, bind(method, agent, None, None))
    keep(kind, agent, method, None, value)
    assert agent.trace == ["run do", "execute do", "do", "checkpoint do done"]


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_a_light_agent_is_kept_by_itself_and_taken_back_to_its_mark() -> None:
    kind, agent, method = of(Light, "add")
    for wanted, is_kept in ((20, True), (20, False)):
        before = kind.mark(agent)
        value = call(kind, agent, method, bind(method, agent, 2, None))
        if is_kept:
            keep(kind, agent, method, before, value)
        else:
            undo(kind, agent, method, before, ValueError())
        assert agent.total == wanted


def test_a_deep_agent_is_taken_back_to_what_was_kept_last() -> None:
    kind, agent, method = of(Deep, "put")
    for page in (1, 2):
        call(kind, agent, method, bind(method, agent, page, None))
        keep(kind, agent, method, None, page)
    call(kind, agent, method, bind(method, agent, 3, None))
    undo(kind, agent, method, None, ValueError())
    assert agent.pages == [1, 2]


@pytest.mark.parametrize("value", ["text", 2**64, 1.5, None])
def test_a_change_that_a_field_cannot_hold_is_refused(value: Any) -> None:
    kind, agent, method = of(Light, "add")
    before = kind.mark(agent)
    agent.total = value
    with pytest.raises(BadField, match="total"):
        keep(kind, agent, method, before, 1)
    undo(kind, agent, method, before, BadField())
    assert agent.total == 0


def test_a_state_past_the_agents_memory_is_refused() -> None:
    kind, agent, method = of(Hooked, "do")
    agent.trace = ["x" * 1_000]
    with pytest.raises(StateTooLarge, match="1,000"):
        keep(kind, agent, method, None, "done")
    undo(kind, agent, method, None, StateTooLarge())
    assert agent.trace == []


def test_what_the_handler_of_an_error_changes_is_taken_back_even_when_it_fails_itself() -> None:
    kind, agent, method = of(Hooked, "do")
    undo(kind, agent, method, None, ValueError())
    assert agent.trace == []
    agent.trace.append("spoiled")
    with pytest.raises(RuntimeError, match="too"):
        undo(kind, agent, method, None, KeyError())
    assert agent.trace == []


# -- the value ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [None, True, 0, 2**64 - 1, -(2**63), 1.5, "é", [1, [2]], {"a": None}, [], "x" * REPLY_BYTES, "x" * (REPLY_BYTES - 1)],
)
def test_a_value_of_json_arrives_as_it_is(value: Any) -> None:
    sent = sendable(value)
    assert sent == value
    assert type(sent) is type(value)


@pytest.mark.parametrize("value", ["x" * (REPLY_BYTES + 1), "\0" * (REPLY_BYTES // 5), "é" * (REPLY_BYTES - 1)])
def test_a_text_is_weighed_as_json_has_it(value: str) -> None:
    with pytest.raises(BadReply, match="bytes as JSON"):
        sendable(value)


def test_a_value_is_a_copy_so_that_the_agent_may_go_on() -> None:
    value: dict[str, Any] = {"pages": [1]}
    sent = sendable(value)
    value["pages"].append(2)
    assert sent == {"pages": [1]}


def test_a_tuple_arrives_as_a_list() -> None:
    assert sendable((1, (2,))) == [1, [2]]


@pytest.mark.parametrize(
    "value",
    [
        2**64,
        -(2**63) - 1,
        math.nan,
        -math.inf,
        {1},
        b"x",
        object(),
        [math.nan],
        {1: 2},
        "\ud800",
        ["\ud800"],
        {"\ud800": 1},
        iter(()),
    ],
)
def test_a_value_that_json_cannot_say_is_refused_by_name(value: Any) -> None:
    with pytest.raises(BadReply, match="its value"):
        sendable(value)


@pytest.mark.parametrize("value", ["x" * (REPLY_BYTES + 1), ["x" * REPLY_BYTES], {"a": "x" * REPLY_BYTES}])
def test_a_value_past_its_size_is_refused_with_the_limit(value: Any) -> None:
    with pytest.raises(BadReply, match="4,194,304"):
        sendable(value)
