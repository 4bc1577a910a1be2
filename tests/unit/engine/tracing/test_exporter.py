"""Where spans go is said by OpenTelemetry's variables, which stay as they were."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from engine.errors import ConfigError, Unavailable
from engine.tracing.exporter import Exporter
from pools.span import Span
from tests.support.otlp import receiver

TRACE, ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SPAN_ = Span(TRACE, ID, "", "send k", "client", 10**18, 10**18 + 5, {"a": "b"}, "why")


def test_a_file_of_spans(tmp_path: Path) -> None:
    exporter = Exporter({"OTEL_TRACES_EXPORTER": "file", "OTEL_SERVICE_NAME": "mine"}, "main", tmp_path, print)
    exporter.take(SPAN_)
    exporter.take(SPAN_._replace(span="1" * 16, parent=SPAN_.span, error=""))
    exporter.close()
    first, second = (json.loads(line) for line in (tmp_path / "traces.jsonl").read_text().splitlines())
    assert (first["name"], first["kind"], first["attributes"]) == ("send k", "SpanKind.CLIENT", {"a": "b"})
    assert first["status"] == {"status_code": "ERROR", "description": "why"}
    assert first["resource"]["attributes"]["service.name"] == "mine"
    assert first["resource"]["attributes"]["service.instance.id"] == "main"
    assert (first["parent_id"], second["parent_id"]) == (None, f"0x{SPAN_.span}")


def test_to_a_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with receiver() as collector:
        exporter = Exporter(collector.environ, "main", None, print)
        exporter.take(SPAN_)
        exporter.close()
    (span,) = collector.spans
    assert (span.trace, span.span, span.kind, span.error, span.end_ns - span.start_ns) == (*SPAN_[:2], "client", "why", 5)
    assert os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:9"
    assert "OTEL_BSP_SCHEDULE_DELAY" not in os.environ


def test_nowhere() -> None:
    exporter = Exporter({"OTEL_TRACES_EXPORTER": "none"}, "main", None, print)
    exporter.take(SPAN_)
    exporter.close()


def test_an_exporter_that_there_is_not() -> None:
    with pytest.raises(ConfigError, match="zipkin"):
        Exporter({"OTEL_TRACES_EXPORTER": "zipkin"}, "main", None, print)


@pytest.mark.parametrize("module", ["opentelemetry.sdk.resources", "opentelemetry.exporter.otlp.proto.http.trace_exporter"])
def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Unavailable, match="pip install"):
        Exporter({"OTEL_TRACES_EXPORTER": "otlp"}, "main", None, print)
