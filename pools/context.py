"""What a task may ask of the engine while it runs: `ctx`.

Owns the outbox of one task. Messages leave only when the task has succeeded: one that raises, is cancelled or runs out of
time has told nobody anything. An `ask` leaves at once, since the task waits for its answer.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Generator
from typing import Any, Protocol

from pools import values
from pools.address import key_of, parse, valid_kind
from pools.errors import BadArgument, OutboxFull
from pools.lane import Named, sent_form
from pools.spec import OUTBOX_MESSAGES

__all__ = ["Context", "Office", "Outgoing"]

#: What a task sends when it succeeds: ("tell", address, method, argument), ("spawn", kind, key) or
#: ("timer", seconds, method, argument).
Outgoing = tuple[Any, ...]


class Office(Protocol):
    """The part of a worker that a context uses."""

    def ask(self, address: str, method: str, arguments: tuple[Any, ...]) -> Future[Any]:
        """Send a task to an agent; the future gets its answer."""
        ...

    def log(self, address: str, task_id: str, text: str) -> None:
        """Write a line into the engine's log."""
        ...


def _sent(method: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Arguments as they are sent, a copy of their own. Raises BadArgument for what cannot be sent."""
    if arguments and named:
        raise BadArgument(f"{method}: give the arguments by place or by name, not both")
    sent = sent_form((Named(named),) if named else arguments)
    wrong = values.fault(sent, "the argument")
    if wrong is not None:
        raise BadArgument(f"{method}: {wrong}")
    return values.copied(sent)


class _Done:
    """An awaitable that is done: `await` costs nothing and gives None."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


_DONE = _Done()


class Context:
    """The engine as one task sees it.

    agent_id: the agent's address.  task_id: stable name of this task while it is open.
    """

    __slots__ = ("_office", "agent_id", "outbox", "task_id")

    def __init__(self, office: Office, agent_id: str, task_id: str) -> None:
        self._office = office
        self.agent_id = agent_id
        self.task_id = task_id
        self.outbox: list[Outgoing] = []

    def tell(self, address: str, method: str, *arguments: Any, **named: Any) -> _Done:
        """Send a task without waiting for its answer, once this task has succeeded. Awaiting it is allowed, not needed.

        address: `kind/key`, or `kind` alone for any agent of it.

        Raises BadAddress, OutboxFull.
        """
        if "/" in address:
            parse(address)
        else:
            valid_kind(address)
        return self._put(("tell", address, method, _sent(method, arguments, named)))

    def ask(self, address: str, method: str, *arguments: Any, **named: Any) -> Future[Any]:
        """Send a task now; await the result for its value. Raises what the task failed with.

        Two agents that ask each other wait for ever: give one of them a tell. An agent that asks itself is refused.
        """
        if address == self.agent_id:
            raise BadArgument(f"{address} asks itself, and would wait for ever; call the method, or tell")
        if arguments and named:
            raise BadArgument(f"{method}: give the arguments by place or by name, not both")
        return self._office.ask(address, method, (Named(named),) if named else arguments)

    def spawn(self, kind: str, key: str | int) -> _Done:
        """Make one more agent exist, once this task has succeeded; one that exists already stays as it is.

        Raises BadAddress, OutboxFull.
        """
        return self._put(("spawn", valid_kind(kind), key_of(key)))

    def timer(self, after_s: float, method: str, *arguments: Any) -> _Done:
        """Send this agent a task of its own after some seconds, counted from the success of this task.

        after_s: 0 to 366 days.  Raises BadArgument, OutboxFull.
        """
        if not 0 <= after_s <= 366 * 86_400:
            raise BadArgument(f"timer: after_s must be 0 to 366 days in seconds, got {after_s!r}")
        return self._put(("timer", float(after_s), method, _sent(method, arguments, {})))

    def log(self, text: str) -> None:
        """Write a line into the engine's log, with the agent's name, at once."""
        self._office.log(self.agent_id, self.task_id, text)

    def _put(self, outgoing: Outgoing) -> _Done:
        if len(self.outbox) >= OUTBOX_MESSAGES:
            raise OutboxFull(f"one task may send {OUTBOX_MESSAGES:,} messages")
        self.outbox.append(outgoing)
        return _DONE
