"""The workload reads its times from the breaker's own events, and says so where there are none."""

from __future__ import annotations

import pytest

from bench import breaker
from bench.workload import Size
from engine import BreakerSpec


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lives of a few seconds; with fewer good ends before it, foresight would spare the pool before its breaker opens."""
    monkeypatch.setattr(breaker, "WELL_S", 1.0)
    monkeypatch.setattr(breaker, "QUICK_ILL_S", 1.0)
    monkeypatch.setattr(breaker, "QUICK_AGAIN_S", 2.0)


async def test_a_life_has_a_reading_for_each_metric() -> None:
    spec = BreakerSpec(open_s=0.3, open_most_s=1.0, jitter=0.0)
    breaker_spec, breaker.SPEC = breaker.SPEC, spec
    try:
        (found,) = [reading async for reading in breaker.rounds(Size(1, is_quick=True))]
    finally:
        breaker.SPEC = breaker_spec
    assert set(found) == {metric.name for metric in breaker.WORKLOAD.metrics}
    assert 0 <= found["opens"].value < spec.window_s == found["opens"].raw
    assert found["closes"].value >= 0
    assert found["closes"].raw in (0.3, 0.6, 1.0)
    assert 5 <= found["failed"].value < found["failed"].n


async def test_a_breaker_that_never_opens_is_no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "SPEC", BreakerSpec(is_on=False))
    with pytest.raises(ValueError, match="did not open and close"):
        _ = [reading async for reading in breaker.rounds(Size(1, is_quick=True))]
