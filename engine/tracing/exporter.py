"""Where spans go: to OpenTelemetry's exporters, chosen and set by its own environment variables.

Owns the way from the engine's spans to those of the SDK, which is loaded here and nowhere else: workers and clients tell the
engine theirs. They leave in batches, from a thread; what a slow receiver does not take is dropped.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, TextIO, cast

from engine import __version__
from engine.errors import ConfigError, Unavailable
from engine.logs.file import LogFile
from pools.span import Span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = ["EXPORTERS", "MISSING", "Exporter"]

MISSING = "unavailable: traces need the extra `otel`: pip install 'microagent-engine[otel]'"
#: What OTEL_TRACES_EXPORTER may say: over OTLP/HTTP, to standard output, to `traces.jsonl` beside the log, nowhere.
EXPORTERS = ("otlp", "console", "file", "none")
#: The file of spans, bytes of one, and how many there are at once.
FILE, FILE_BYTES, FILES = "traces.jsonl", 10 * 1024 * 1024, 4
#: Seconds that the end waits for what was not sent yet; a receiver that takes longer does not get it.
FLUSH_S = 2.0
#: What the SDK's own words are logged under.
LOGGER = "opentelemetry"


class Exporter:
    """Shows the spans of one engine.

    environ: what OpenTelemetry's variables say.  name: of the engine.  folder: where files go; None for the current one.
    told: called, from any thread, with what the SDK says: that spans could not be sent, or were too many.
    Raises Unavailable without the SDK, ConfigError for an exporter that there is not.
    """

    def __init__(self, environ: Mapping[str, str], name: str, folder: Path | None, told: Callable[[str], None]) -> None:
        self._words = _Words(told)
        with _said(environ):
            self._open(environ, name, folder)

    def _open(self, environ: Mapping[str, str], name: str, folder: Path | None) -> None:
        try:
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise Unavailable(MISSING) from error
        facts = {"service.version": __version__, "service.instance.id": name}
        if not environ.get("OTEL_SERVICE_NAME"):
            facts["service.name"] = "engine"
        self._resource = Resource.create(facts)
        exporter = _exporter(environ.get("OTEL_TRACES_EXPORTER") or "otlp", folder)
        self._processor = None if exporter is None else BatchSpanProcessor(exporter)
        logging.getLogger(LOGGER).addHandler(self._words)

    def take(self, span: Span) -> None:
        """Show a span that has ended."""
        if self._processor is not None:
            self._processor.on_end(_readable(span, self._resource))

    def close(self) -> None:
        """Send what is left, as far as that is possible in FLUSH_S, and end."""
        ending = Thread(target=self._end, name="traces end", daemon=True)  # which nobody waits for for ever
        ending.start()
        ending.join(FLUSH_S)
        logging.getLogger(LOGGER).removeHandler(self._words)

    def _end(self) -> None:
        if self._processor is not None:
            self._processor.force_flush(int(FLUSH_S * 1000))
            self._processor.shutdown()  # type: ignore[no-untyped-call]


class _Words(logging.Handler):
    """Takes what the SDK logs."""

    def __init__(self, told: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it."""
        self._told(record.getMessage())


@contextmanager
def _said(environ: Mapping[str, str]) -> Iterator[None]:
    """Have the SDK find OpenTelemetry's variables where it looks, within the block: they may be said elsewhere."""
    before = {name: text for name, text in os.environ.items() if name.startswith("OTEL_")}
    wanted = {name: text for name, text in environ.items() if name.startswith("OTEL_")}
    for name in before.keys() - wanted.keys():
        del os.environ[name]
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name in wanted.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _exporter(named: str, folder: Path | None) -> SpanExporter | None:
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter

    if named == "console":
        return ConsoleSpanExporter(formatter=_line)
    if named == "file":
        return ConsoleSpanExporter(out=cast(TextIO, _Paper((folder or Path()) / FILE)), formatter=_line)
    if named == "none":
        return None
    if named != "otlp":
        raise ConfigError(f"{named!r} is none of {', '.join(EXPORTERS)}", key="OTEL_TRACES_EXPORTER")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise Unavailable(MISSING) from error
    return OTLPSpanExporter()


def _line(span: ReadableSpan) -> str:
    return f"{span.to_json(indent=None)}\n"


class _Paper(io.TextIOBase):
    """A file of spans that is bounded as a log is; one that cannot be written harms nobody."""

    def __init__(self, path: Path) -> None:
        self._file = LogFile(path, FILE_BYTES, FILES)

    def write(self, text: str, /) -> int:
        self._file.write(text.encode())
        return len(text)

    def flush(self) -> None:
        """Everything is there."""


def _readable(span: Span, resource: Any) -> ReadableSpan:
    """A span as the SDK has it."""
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    sampled, trace = TraceFlags(TraceFlags.SAMPLED), int(span.trace, 16)
    parent = SpanContext(trace, int(span.parent, 16), is_remote=True, trace_flags=sampled) if span.parent else None
    return ReadableSpan(
        name=span.name,
        context=SpanContext(trace, int(span.span, 16), is_remote=False, trace_flags=sampled),
        parent=parent,
        resource=resource,
        attributes=dict(span.attributes),
        kind=SpanKind[span.kind.upper()],
        status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
        start_time=span.start_ns,
        end_time=span.end_ns,
        instrumentation_scope=InstrumentationScope("engine", __version__),
    )
