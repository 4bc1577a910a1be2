"""The traces of one engine: what begins spans, what takes those of its workers and clients, and where all of them go.

Owns these for the time that the engine runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from engine.order import Order
from engine.tracing.exporter import Exporter
from engine.tracing.sampling import tracer_of
from pools.errors import BadArgument
from pools.span import Span, read_span

__all__ = ["Tracing"]

#: Spans that a client may tell at once.
SPANS = 10_000


class Tracing:
    """As `Exporter`, whose arguments these are, and `tracer`, which begins spans."""

    def __init__(self, environ: Mapping[str, str], name: str, folder: Path | None, told: Callable[[str], None]) -> None:
        self.tracer = tracer_of(environ, self._take)
        self._exporter = Exporter(environ, name, folder, told)

    def _take(self, span: Span) -> None:
        self._exporter.take(span)

    def hear(self, text: str) -> None:
        """Take a span that a worker has told."""
        span = read_span(text)
        if span is not None:
            self._exporter.take(span)

    async def told(self, order: Order) -> None:
        """Take the spans of a client. Raises BadArgument."""
        spans = order.texts("spans")
        if len(spans) > SPANS:
            raise BadArgument(f"up to {SPANS:,} spans are told at once")
        for span in spans:
            self.hear(span)

    def close(self) -> None:
        """Send what is left."""
        self._exporter.close()
