"""A client's spans are told to its engine, some at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.tracing.client import AT_ONCE, ClientTracing, is_wanted
from pools.span import CLIENT, read_span


@pytest.mark.parametrize(
    ("said", "wanted"), [("true", True), ("YES", True), ("on", True), ("false", False), ("", False), ("1", False)]
)
def test_whether_the_environment_wants_it(said: str, wanted: bool) -> None:
    assert is_wanted({"ENGINE_TRACING": said}) is wanted
    assert not is_wanted({})


def test_spans_are_told_together() -> None:
    told: list[list[str]] = []
    soon: list[Callable[[], None]] = []
    tracing = ClientTracing({}, told.append, soon.append)

    def ask() -> None:
        span = tracing.tracer.begin("send", CLIENT, None, "k")
        assert span is not None
        span.end()

    ask()
    ask()
    assert (told, len(soon)) == ([], 1)
    soon.pop()()
    assert [read_span(text) is not None for text in told[0]] == [True, True]
    for _ in range(AT_ONCE):
        ask()
    assert len(told[1]) == AT_ONCE
    tracing.flush()
    assert len(told) == 2


def test_a_submission_has_a_span() -> None:
    tracing = ClientTracing({"OTEL_TRACES_SAMPLER": "always_off"}, lambda _spans: None, lambda _call: None)
    assert tracing.submitted("counter") is None
    tracing = ClientTracing({}, lambda _spans: None, lambda _call: None)
    span = tracing.submitted("counter")
    assert span is not None
    assert str(span.place).startswith("00-")
