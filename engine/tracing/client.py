"""A client's part of traces: what it asks and submits.

Owns its spans, which it tells the engine it speaks to: no exporter runs in a client.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.tracing.sampling import tracer_of
from pools.span import PRODUCER, Open, Span
from pools.tracedasks import elsewhere

__all__ = ["ClientTracing", "is_wanted"]

#: The variable that has every client begin traces.
VARIABLE = "ENGINE_TRACING"
#: Spans that are told together at most.
AT_ONCE = 100


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Whether the environment wants clients to begin traces."""
    return environ.get(VARIABLE, "").lower() in ("true", "yes", "on")


class ClientTracing:
    """The traces of one client. tell: sends the engine spans.  soon: calls a function in the next turn of the loop."""

    def __init__(
        self,
        environ: Mapping[str, str],
        tell: Callable[[list[str]], None],
        soon: Callable[[Callable[[], None]], Any],
    ) -> None:
        self.tracer = tracer_of(environ, self._take)
        self._tell = tell
        self._soon = soon
        self._ended: list[str] = []

    def _take(self, span: Span) -> None:
        if not self._ended:
            self._soon(self.flush)
        self._ended.append(span.encoded())
        if len(self._ended) >= AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Tell the engine what has ended."""
        ended, self._ended = self._ended, []
        if ended:
            self._tell(ended)

    def submitted(self, kind: str) -> Open | None:
        """Begin the span of a submission. kind: of the agents that its tasks are for, empty for several."""
        return self.tracer.begin("send", PRODUCER, elsewhere(), kind)
