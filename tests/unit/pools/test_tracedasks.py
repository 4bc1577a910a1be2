"""A question that is part of a trace has a span from its sending to its answer, and says so to whom it goes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pools.errors import Failure
from pools.link import Link
from pools.span import Parent, Span, Tracer
from pools.tracedasks import TracedAsks, elsewhere

PARENT = Parent("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


class Rig:
    """Asks over a link whose wire keeps what is sent."""

    def __init__(self, parent: Parent | None = None, **facts: Any) -> None:
        self.spans: list[Span] = []
        self.sections: list[dict[str, Any]] = []
        loop = asyncio.get_running_loop()
        self.link = Link(window=100, clock=loop.time, later=loop.call_later)
        self.link.attach(self)
        told: Any = (lambda _count: None), (lambda _count, _failures: None)
        tracer = Tracer(self.spans.append)
        self.asks = TracedAsks(self._resolve, loop, *told, tracer=tracer, parent=lambda: parent, **facts)

    def _resolve(self, address: str) -> Any:
        kind, _, key = address.partition("/")
        return self.link, kind, int(key)

    def send(self, _letter: str, data: Any) -> None:
        self.sections += data

    def answer(self, section: dict[str, Any], error: Failure | None = None) -> None:
        count = len(section["i"])
        errors = {"e": [[0, *error]]} if error is not None else {}
        self.link.take([{"n": section["n"], "v": [None] * count, **errors}])


async def test_one_that_leaves_at_once_and_those_that_leave_together() -> None:
    rig = Rig(PARENT)
    futures = [rig.asks.ask(f"k/{key}", "add", 5) for key in range(3)]
    await asyncio.sleep(0)
    assert [len(section["i"]) for section in rig.sections] == [1, 2]
    for section in rig.sections:
        rig.answer(section)
    await asyncio.gather(*futures)
    await asyncio.sleep(0)
    sent = [parent for section in rig.sections for parent in section["tp"]]
    assert sorted(sent) == sorted(str(Parent(span.trace, span.span)) for span in rig.spans)
    assert {(span.trace, span.parent, span.name, span.kind) for span in rig.spans} == {(*PARENT[:2], "send k", "client")}
    assert {span.attributes["engine.agent.id"] for span in rig.spans} == {"k/0", "k/1", "k/2"}


async def test_the_time_until_it_leaves_is_told_apart_where_that_is_wanted() -> None:
    rig = Rig(has_queue=True)
    future = rig.asks.ask("k/1", "add", 5, timeout_s=10)
    await asyncio.sleep(0)
    rig.answer(rig.sections[0])
    await future
    await asyncio.sleep(0)
    queue, send = sorted(rig.spans, key=lambda span: span.name)
    assert (queue.name, queue.parent, send.parent) == ("queue k", send.span, "")
    assert rig.sections[0]["tp"] == [str(Parent(queue.trace, queue.span))]


@pytest.mark.parametrize("parent", [None, PARENT._replace(is_sampled=False)])
async def test_one_that_is_part_of_no_trace_says_nothing(parent: Parent | None) -> None:
    rig = Rig(parent, is_first=False)
    futures = [rig.asks.ask(f"k/{key}", "add", 5) for key in range(3)]
    await asyncio.sleep(0)
    assert all("tp" not in section and "fx" not in section for section in rig.sections)
    for section in rig.sections:
        rig.answer(section)
    await asyncio.gather(*futures)
    assert rig.spans == []


async def test_how_it_failed_is_said() -> None:
    rig = Rig()
    failing, cancelled = rig.asks.ask("k/1", "add", 5), rig.asks.ask("k/2", "add", 5)
    await asyncio.sleep(0)
    rig.answer(rig.sections[0], Failure("ValueError", "no", None))
    cancelled.cancel()
    with pytest.raises(Exception, match="no"):
        await failing
    await asyncio.sleep(0)
    assert sorted(span.error for span in rig.spans) == ["TaskFailed: ValueError: no", "cancelled"]


async def test_one_that_cannot_be_sent_is_over_at_once() -> None:
    rig = Rig(has_queue=True)
    with pytest.raises(Exception, match="by place or by name"):
        await rig.asks.ask("k/1", "add", 5, x=1)
    await asyncio.sleep(0)
    assert {span.name for span in rig.spans} == {"queue k", "send k"}
    assert rig.sections == []


def test_what_a_program_traces_itself_is_found_where_it_has_loaded_that() -> None:
    from opentelemetry import trace
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

    assert elsewhere() is None
    context = SpanContext(int(PARENT.trace, 16), int(PARENT.span, 16), is_remote=False, trace_flags=TraceFlags(1))
    with trace.use_span(NonRecordingSpan(context)):
        assert elsewhere() == PARENT
