"""The histogram of answer times says what the sorted times say, within its buckets."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from pools.gauges import CELLS, HISTOGRAM, bucket_of, bucket_top_us, percentile_us

TIMES = st.integers(0, 2**28) | st.integers(0, 100)


@given(TIMES, TIMES)
def test_a_longer_time_never_falls_into_an_earlier_bucket(one: int, other: int) -> None:
    assert (bucket_of(one) <= bucket_of(other)) or one > other


@given(TIMES)
def test_a_bucket_is_at_most_a_quarter_wide(elapsed_us: int) -> None:
    assert elapsed_us <= bucket_top_us(bucket_of(elapsed_us)) <= elapsed_us * 1.25


@given(st.lists(TIMES, min_size=1, max_size=200), st.floats(0, 1))
def test_a_percentile_is_that_of_the_sorted_times(times: list[int], share: float) -> None:
    counts = [0] * (CELLS - HISTOGRAM)
    for elapsed_us in times:
        counts[bucket_of(elapsed_us)] += 1
    exact = sorted(times)[max(math.ceil(share * len(times)) - 1, 0)]
    assert percentile_us(counts, share) == bucket_top_us(bucket_of(exact))
