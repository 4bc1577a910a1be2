"""The traces of one engine: its own spans, those of workers and those of clients."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.order import Order
from engine.tracing.tracing import SPANS, Tracing
from pools.errors import BadArgument
from pools.span import CLIENT, Span

TRACE, ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SPAN_ = Span(TRACE, ID, "", "send k", "client", 10**18, 10**18 + 5, {"a": "b"}, "why")


async def test_spans_of_workers_and_clients_go_the_same_way(tmp_path: Path) -> None:
    tracing = Tracing({"OTEL_TRACES_EXPORTER": "file"}, "main", tmp_path, lambda _text: None)
    tracing.hear(SPAN_.encoded())
    tracing.hear("no span")
    await tracing.told(Order({"verb": "spans", "spans": [SPAN_._replace(name="told").encoded(), "[]"]}))
    span = tracing.tracer.begin("queue", CLIENT, None, "k")
    assert span is not None
    span.end()
    with pytest.raises(BadArgument, match="at once"):
        await tracing.told(Order({"verb": "spans", "spans": [""] * (SPANS + 1)}))
    tracing.close()
    names = [json.loads(line)["name"] for line in (tmp_path / "traces.jsonl").read_text().splitlines()]
    assert names == ["send k", "told", "queue k"]
