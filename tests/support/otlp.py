"""A receiver of traces over OTLP/HTTP."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

__all__ = ["Receiver", "Seen", "receiver"]

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")


class Seen(NamedTuple):
    """A span as it came."""

    trace: str
    span: str
    parent: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    attributes: dict[str, str]
    error: str
    resource: dict[str, str]


class Receiver(ThreadingHTTPServer):
    """Decodes what comes, and keeps it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Seen] = []
        self.paths: set[str] = set()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def environ(self) -> dict[str, str]:
        """What tells an exporter of it."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_TRACES_EXPORTER": "otlp"}

    def until(self, claim: Callable[[list[Seen]], Any], within_s: float = 20.0) -> list[Seen]:
        """Wait until something is true of all spans; returns them."""
        deadline_s = time.monotonic() + within_s
        while not claim(self.spans):
            assert time.monotonic() < deadline_s, [(span.name, span.attributes) for span in self.spans]
            time.sleep(0.02)
        return list(self.spans)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        request = ExportTraceServiceRequest.FromString(body)
        self.server.paths.add(self.path)
        for part in request.resource_spans:
            resource = _facts(part.resource.attributes)
            for scope in part.scope_spans:
                self.server.spans += [_seen(span, resource) for span in scope.spans]
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""


def _facts(attributes: Any) -> dict[str, str]:
    return {one.key: one.value.string_value for one in attributes}


def _seen(span: Any, resource: dict[str, str]) -> Seen:
    return Seen(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.name,
        KINDS[span.kind],
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _facts(span.attributes),
        span.status.message if span.status.code == 2 else "",
        resource,
    )


@contextmanager
def receiver() -> Iterator[Receiver]:
    """One that is there for a while."""
    made = Receiver()
    thread = Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()
        thread.join(5)
