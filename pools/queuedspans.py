"""The time that tasks wait between where they came from and their worker, as parts of traces.

Owns the spans of those that have not left yet. What a task is a part of beyond that is its sender's knowledge.
"""

from __future__ import annotations

from typing import Any

from pools.address import Key
from pools.span import INTERNAL, Open, Parent, Tracer

__all__ = ["QueuedSpans"]

#: Tasks that may wait at once and be parts of traces; of more, the oldest are not.
WAITING = 100_000


class QueuedSpans:
    """The spans of one gateway. is_first: whether a trace may begin here."""

    def __init__(self, tracer: Tracer, *, is_first: bool = True) -> None:
        self._tracer = tracer
        self._is_first = is_first
        self._open: dict[int, tuple[Any, Open]] = {}

    def put(self, token: Any, parent: str | None, kind: str, key: Key, method: str) -> None:
        """A task waits. token: stands for it.  parent: what it is a part of, as it came."""
        read = Parent.read(parent)
        if read is None and not self._is_first:
            return
        agent = "" if key is None else f"{kind}/{key}"
        span = self._tracer.begin("queue", INTERNAL, read, kind, agent=agent, method=method)
        if span is not None:
            self._open[id(token)] = token, span  # the token is kept, so that no other has its number
            if len(self._open) > WAITING:
                del self._open[next(iter(self._open))]

    def leave(self, token: Any) -> str | None:
        """The traceparent of a task that leaves, which waits no more."""
        found = self._open.pop(id(token), None)
        if found is None:
            return None
        found[1].end()
        return str(found[1].place)
