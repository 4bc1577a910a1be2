"""Single tasks that are parts of traces.

Owns the span of each question, from its sending to its answer. Everything else is `asks`'s.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from typing import Any

from pools.asks import Asks
from pools.duelane import DueLane
from pools.lane import Lane, Sink
from pools.link import Link
from pools.span import CLIENT, INTERNAL, Open, Parent, Tracer
from pools.tracedlane import TracedDueLane, TracedLane

__all__ = ["SentSpans", "TracedAsks", "elsewhere"]


def elsewhere() -> Parent | None:
    """The span that OpenTelemetry's own interface says is under way; None where nobody has loaded that, or none is."""
    import sys

    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return Parent(f"{context.trace_id:032x}", f"{context.span_id:016x}", bool(context.trace_flags & 1))


class SentSpans:
    """The spans of questions that have no answer yet, by the token of each."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[Open, Open | None]] = {}
        #: Of the question that is being asked.
        self.held: Open | None = None
        #: Of the time until it leaves, where that is told apart.
        self.queue: Open | None = None

    def put(self, token: Any, future: Future[Any], span: Open) -> None:
        """A question is sent. token: stands for it until it has left; future: gets its answer."""
        number = id(token)
        queue, self.queue = self.queue, None
        self._open[number] = span, queue

        def ended(done: Future[Any]) -> None:
            self._open.pop(number, None)
            if queue is not None:
                queue.end()  # it has never left
            error = None if done.cancelled() else done.exception()
            span.end("cancelled" if done.cancelled() else "" if error is None else f"{type(error).__name__}: {error}")

        future.add_done_callback(ended)

    def leave(self, token: Any) -> str | None:
        """The traceparent of a question that leaves."""
        span, queue = (self.held, self.queue) if token is None else self._open.get(id(token), (None, None))
        if queue is not None:
            queue.end()
            return str(queue.place)
        return None if span is None else str(span.place)


class TracedAsks(Asks):
    """Asks of which some are parts of traces. tracer: begins their spans.  parent: what the next one is a part of.

    is_first: whether a trace may begin here.  has_queue: whether they wait here for their worker, which is told apart.
    """

    def __init__(
        self,
        *arguments: Any,
        tracer: Tracer,
        parent: Callable[[], Parent | None] = elsewhere,
        is_first: bool = True,
        has_queue: bool = False,
        **named: Any,
    ) -> None:
        self._has_queue = has_queue
        self._tracer = tracer
        self._parent = parent
        self._is_first = is_first
        self._spans = SentSpans()
        super().__init__(*arguments, **named)

    def _lane(self, link: Link, kind: str, sink: Sink) -> Lane:
        lane = TracedLane(link, kind, sink, self._spans.leave)
        lane.priority = self._priority
        return lane

    def _new_due_lane(self, link: Link, kind: str, sink: Sink) -> DueLane:
        return TracedDueLane(link, kind, sink, self._loop.time, self._spans.leave)

    def ask(self, address: str, method: str, *arguments: Any, timeout_s: float | None = None, **named: Any) -> Future[Any]:
        """As for every sender."""
        spans = self._spans
        parent = self._parent() if spans.held is None else spans.held.place
        if (parent is None and not self._is_first) or type(address) is not str or type(method) is not str:
            return super().ask(address, method, *arguments, timeout_s=timeout_s, **named)
        kind, _, key = address.partition("/")
        agent = address if key else ""
        span = self._tracer.begin("send", CLIENT, parent, kind, agent=agent, method=method)
        if span is None:
            return super().ask(address, method, *arguments, timeout_s=timeout_s, **named)
        before, spans.held = spans.held, span
        if self._has_queue:
            spans.queue = self._tracer.begin("queue", INTERNAL, span.place, kind, agent=agent, method=method)
        try:
            future = super().ask(address, method, *arguments, timeout_s=timeout_s, **named)
        finally:
            spans.held = before
        spans.put(future, future, span)
        return future
