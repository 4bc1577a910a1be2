"""A time of its own: told within the block, and nowhere else."""

from __future__ import annotations

import time

import pytest

from engine.testing.clock import Clock


def test_the_time_is_that_of_the_clock_within_the_block_only() -> None:
    clock, real = Clock(500.0), (time.time, time.time_ns, time.monotonic, time.monotonic_ns)
    with clock.told():
        before = time.monotonic()
        assert (time.time(), time.time_ns()) == (500.0, 500_000_000_000)
        clock.now_s = 2.5
        assert (time.time(), time.monotonic() - before, time.monotonic_ns()) == (502.5, 2.5, round((before + 2.5) * 1e9))
    assert (time.time, time.time_ns, time.monotonic, time.monotonic_ns) == real
    with pytest.raises(ValueError, match="as told"), clock.told():
        raise ValueError("as told")
    assert time.time is real[0]
