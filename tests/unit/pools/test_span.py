"""Spans, the form in which their ids travel, and which traces are recorded."""

from __future__ import annotations

import time

import pytest

from pools.span import ATTRIBUTES, CLIENT, Parent, Span, Tracer, read_span

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Rig:
    """A tracer and what it has recorded."""

    def __init__(self, ratio: float = 1.0, *, is_parental: bool = True) -> None:
        self.spans: list[Span] = []
        self.tracer = Tracer(self.spans.append, ratio, is_parental=is_parental)


def test_a_traceparent_is_read_and_written_as_w3c_says() -> None:
    parent = Parent.read(f"00-{TRACE}-{SPAN}-01")
    assert parent == Parent(TRACE, SPAN, True)
    assert str(parent) == f"00-{TRACE}-{SPAN}-01"
    assert Parent.read(f"00-{TRACE}-{SPAN}-00") == Parent(TRACE, SPAN, False)
    assert Parent.read(f"cc-{TRACE}-{SPAN}-03-more") == Parent(TRACE, SPAN, True)


@pytest.mark.parametrize(
    "text",
    [
        None, 5, "", "00", f"00-{TRACE}-{SPAN}", f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01", f"00-{TRACE[:-1]}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01-" + "x" * 500,
    ],
)  # fmt: skip
def test_what_is_none_is_no_parent(text: object) -> None:
    assert Parent.read(text) is None


def test_a_span_has_its_place_its_times_and_attributes_by_their_conventions() -> None:
    rig = Rig()
    before_ns = time.time_ns()
    whole = rig.tracer.begin("send", CLIENT, None, "counter", agent="counter/1", method="add", task="a-1", step="")
    assert whole is not None
    part = rig.tracer.begin("step", "internal", whole.place, "counter", step="fetch")
    assert part is not None
    part.end()
    whole.end("why")
    whole.end("again")
    second, first = rig.spans
    assert (first.name, first.parent, first.error, first.kind) == ("send counter", "", "why", "client")
    assert first.attributes == {
        "messaging.system": "engine",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "counter",
        "messaging.message.id": "a-1",
        "engine.agent.id": "counter/1",
        "engine.method": "add",
    }
    assert (second.name, second.trace, second.parent) == ("step fetch", first.trace, first.span)
    assert set(first.attributes) | set(second.attributes) <= set(ATTRIBUTES)
    assert before_ns <= first.start_ns <= second.start_ns <= second.end_ns <= first.end_ns <= time.time_ns()


def test_a_span_goes_as_text_and_comes_back() -> None:
    rig = Rig()
    span = rig.tracer.begin("send", CLIENT, None)
    assert span is not None
    span.end()
    assert read_span(rig.spans[0].encoded()) == rig.spans[0]


@pytest.mark.parametrize("text", ["", "[]", "{}", '["a","b"]', '["x","y","","n","client",1,2,{},""]', "[1,2,3,4,5,6,7,8,9]"])
def test_a_text_that_is_no_span_is_none(text: str) -> None:
    assert read_span(text) is None


def test_a_share_of_traces_is_recorded_and_each_whole_or_not_at_all() -> None:
    rig = Rig(0.25)
    begun = [rig.tracer.begin("send", CLIENT, None) for _ in range(4_000)]
    assert 800 < sum(span is not None for span in begun) < 1_200
    other = Rig(0.25, is_parental=False).tracer
    for span in begun:
        if span is not None:
            assert other.begin("queue", CLIENT, span.place) is not None


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_what_began_elsewhere_is_recorded_as_was_decided_there(ratio: float) -> None:
    for is_sampled in (True, False):
        parent = Parent(TRACE, SPAN, is_sampled)
        assert (Rig(ratio).tracer.begin("send", CLIENT, parent) is not None) is is_sampled
        assert (Rig(ratio, is_parental=False).tracer.begin("send", CLIENT, parent) is not None) is (ratio == 1)
