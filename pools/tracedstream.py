"""Many tasks of one sender that are parts of traces.

Owns the span of each, from when it is read until it is answered, and of the time until it leaves where that is told apart.
Everything else is `stream`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pools.chute import ColumnLane
from pools.duelane import DueLane
from pools.errors import Failure
from pools.lane import Columns, Section, Sink
from pools.link import Link
from pools.ranked import NORMAL
from pools.span import CLIENT, INTERNAL, Open, Tracer
from pools.stream import Stream
from pools.tracedasks import elsewhere
from pools.tracedlane import Leave, TracedDueLane, column_of

__all__ = ["TracedStream"]


class TracedColumnLane(ColumnLane):
    """A lane of columns whose tasks may be parts of traces."""

    __slots__ = ("_leave", "_left")

    def __init__(self, link: Link, kind: str, sink: Sink, *, leave: Leave) -> None:
        super().__init__(link, kind, sink)
        self._leave = leave
        self._left: Sequence[Any] = ()

    def take(self, count: int) -> Section:
        """As for every lane."""
        taken = super().take(count)
        self._left = taken[0]
        return taken

    @property
    def rank(self) -> dict[str, Any]:
        """As for every lane, and the traces of those that were just taken."""
        left, self._left = self._left, ()
        return column_of(self._leave, left) | super().rank


class TracedStream(Stream):
    """As every stream, and it records spans: parts of the one that OpenTelemetry says is under way when it is made.

    tracer: begins them.  has_queue: whether tasks wait here for their workers, which is told apart.
    """

    def __init__(self, *arguments: Any, tracer: Tracer, has_queue: bool) -> None:
        self._tracer = tracer
        self._has_queue = has_queue
        self._parent = elsewhere()
        #: Of tasks that are not answered: the whole, and the time until it leaves.
        self._spans: dict[Any, tuple[Open, Open | None]] = {}
        super().__init__(*arguments)

    def lane(self, link: Link, kind: str, sink: Sink) -> ColumnLane:
        """As for every stream."""
        return TracedColumnLane(link, kind, sink, leave=self._left)

    def due_lane(self, link: Link, kind: str, sink: Sink) -> DueLane:
        """As for every stream."""
        return TracedDueLane(link, kind, sink, self._clock, self._left)

    def _begin(self, token: Any, address: Any, method: Any) -> None:
        if type(address) is not str or type(method) is not str or token in self._spans:
            return
        kind, _, key = address.partition("/")
        facts = {"agent": address if key else "", "method": method}
        whole = self._tracer.begin("send", CLIENT, self._parent, kind, **facts)
        if whole is not None:
            queue = self._tracer.begin("queue", INTERNAL, whole.place, kind, **facts) if self._has_queue else None
            self._spans[token] = whole, queue

    def _left(self, token: Any) -> str | None:
        """The traceparent of a task that leaves. token: its own, or that with what foresight makes of it."""
        found = self._spans.get(token[0] if type(token) is tuple else token)
        if found is None:
            return None
        whole, queue = found
        if queue is None:
            return str(whole.place)
        queue.end()
        return str(queue.place)

    def send(self, tokens: Sequence[Any], tasks: Sequence[tuple[Any, ...]], priority: int = NORMAL) -> None:
        """As for every stream."""
        for token, task in zip(tokens, tasks, strict=True):
            if len(task) > 1:
                self._begin(token, task[0], task[1])
        super().send(tokens, tasks, priority)

    def send_in_time(
        self, tokens: Sequence[Any], tasks: Sequence[tuple[Any, ...]], dues: Sequence[float], priority: int = NORMAL
    ) -> None:
        """As for every stream."""
        for token, task in zip(tokens, tasks, strict=True):
            self._begin(token, task[0], task[1])
        super().send_in_time(tokens, tasks, dues, priority)

    def deal(self, kind: str, columns: Columns, priority: int, *, is_plain: bool) -> None:
        """As for every stream."""
        for token, method in zip(columns[0], columns[2], strict=True):
            self._begin(token, kind, method)
        super().deal(kind, columns, priority, is_plain=is_plain)

    def place(self, addresses: Sequence[str], columns: Columns, priority: int, *, is_plain: bool) -> None:
        """As for every stream."""
        for token, address, method in zip(columns[0], addresses, columns[2], strict=True):
            self._begin(token, address, method)
        super().place(addresses, columns, priority, is_plain=is_plain)

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """As for every stream."""
        self._end(tokens, dict(failures))
        super().answered(tokens, results, failures)

    def _end(self, tokens: Iterable[Any], failed: dict[int, Failure]) -> None:
        for at, token in enumerate(tokens):
            whole, queue = self._spans.pop(token, (None, None))
            if queue is not None:
                queue.end()
            if whole is not None:
                failure = failed.get(at)
                whole.end("" if failure is None else f"{failure.type}: {failure.message}")
