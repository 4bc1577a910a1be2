"""One attempt at a task: the call, and what is kept or taken back after it.

Owns the order of an agent's verbs around a call and the check of its value. When it runs, and who hears of it, is the
executor's business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from pools import values
from pools.agent import Agent
from pools.context import Context
from pools.errors import BadReply
from pools.kind import Kind
from pools.method import Method

__all__ = ["CAUGHT", "bind", "call", "keep", "sendable", "undo", "weight_of"]

#: What an agent's method may end with and leave the worker alive: everything. The run loop is the edge.
CAUGHT = BaseException
#: Bytes of one value as JSON: a quarter of a frame.
REPLY_BYTES = 4 * 1024 * 1024
#: Characters up to which a text is not encoded to be weighed; of a longer one each may have up to six bytes as JSON.
SHORT_CHARS = 1_024
_LOW, _HIGH = values.SMALL


def bind(method: Method, agent: Agent, argument: Any, context: Context | None) -> Callable[[], Any]:
    """The call of a method with what was sent, which takes no argument. Raises BadArgument, naming the parameter."""
    bound = method.bind(argument)
    if context is None:
        return lambda: method.function(agent, *bound)
    names = [parameter.name for parameter in method.parameters]
    return lambda: method.function(agent, ctx=context, **dict(zip(names, bound, strict=True)))


def call(kind: Kind, agent: Agent, method: Method, bound: Callable[[], Any]) -> Any:
    """Begin a task and call its method, through the agent's own hooks where it has some."""
    if not kind.has_hooks:
        return bound()
    agent.run(method.name)
    return agent.execute(method.name, bound)


def keep(kind: Kind, agent: Agent, method: Method, before: Any, value: Any, *, is_seen: bool = False) -> None:
    """Make the change of a task that succeeded the agent's state. Raises BadField, StateTooLarge.

    is_seen: the agent's own hook has been called already.
    """
    if kind.has_hooks and not is_seen:
        agent.checkpoint(method.name, value)
    if kind.is_light:
        kind.check(before, kind.mark(agent))
    else:
        agent._committed = kind.commit(agent)


def undo(kind: Kind, agent: Agent, method: Method, before: Any, error: BaseException, *, is_seen: bool = False) -> None:
    """Take back what a failed task changed. is_seen: the agent's own hook has been called already."""
    try:
        if kind.has_hooks and not is_seen:
            agent.handle_error(method.name, error)
    finally:
        if kind.is_light:
            kind.restore(agent, before)
        else:
            kind.rollback(agent)


def sendable(value: Any) -> Any:
    """The value as it will arrive: a copy, so that the agent may go on changing its lists. Raises BadReply."""
    if value is None or type(value) is bool or (type(value) is int and _LOW <= value <= _HIGH):
        return value
    wrong = values.fault(value, "its value")
    if wrong is not None:
        raise BadReply(wrong)
    if type(value) is str:
        size_bytes = weight_of(value)
    elif type(value) in (list, dict, tuple):
        encoded = values.dumps(value)
        size_bytes = len(encoded)
        value = orjson.loads(encoded)
    else:
        return value
    if size_bytes > REPLY_BYTES:
        raise BadReply(f"its value has {size_bytes:,} bytes as JSON, an answer holds {REPLY_BYTES:,}")
    return value


def weight_of(value: Any) -> int:
    """The bytes that a value has as JSON; of what is small, about."""
    kind = type(value)
    if kind is str:
        return len(value) if len(value) <= SHORT_CHARS else len(values.dumps(value)) - 2  # without its quotes
    return len(values.dumps(value)) if kind is list or kind is dict else 0
