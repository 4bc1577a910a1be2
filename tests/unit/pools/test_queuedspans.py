"""Tasks that wait are parts of traces until they leave."""

from __future__ import annotations

import pytest

from pools import queuedspans as module
from pools.queuedspans import QueuedSpans
from pools.span import Parent, Span, Tracer

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_task_waits_until_it_leaves_and_then_is_a_part_of_that() -> None:
    spans: list[Span] = []
    queued = QueuedSpans(Tracer(spans.append))
    token = object()
    queued.put(token, PARENT, "counter", 1, "add")
    assert spans == []
    left = Parent.read(queued.leave(token))
    (span,) = spans
    assert (span.trace, span.parent, span.name) == (PARENT.split("-")[1], PARENT.split("-")[2], "queue counter")
    assert span.attributes["engine.agent.id"] == "counter/1"
    assert left == Parent(span.trace, span.span)
    assert queued.leave(token) is None
    assert queued.leave(None) is None


def test_where_no_trace_may_begin_only_parts_of_others_are_recorded() -> None:
    spans: list[Span] = []
    queued = QueuedSpans(Tracer(spans.append), is_first=False)
    one, two = object(), object()
    queued.put(one, None, "counter", None, "add")
    queued.put(two, PARENT, "counter", None, "add")
    assert queued.leave(one) is None
    assert queued.leave(two) is not None
    assert "engine.agent.id" not in spans[0].attributes


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING", 3)
    queued = QueuedSpans(Tracer(lambda _span: None))
    tokens = [object() for _ in range(5)]
    for token in tokens:
        queued.put(token, None, "counter", 1, "add")
    assert [queued.leave(token) is not None for token in tokens] == [False, False, True, True, True]
