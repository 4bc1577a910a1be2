"""One table in shared memory: what a worker stores, everybody reads."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from pools import gauges
from pools.gauges import CELLS, DONE, HISTOGRAM, TICKS, Gauges, bucket_of, bucket_top_us, key_half, percentile_us, who_is

BUCKETS = CELLS - HISTOGRAM


def test_no_two_gauges_share_a_cell() -> None:
    names = [name for name in gauges.__all__ if name.isupper() and name not in ("CELLS", "HISTOGRAM")]
    cells = [getattr(gauges, name) for name in names]
    assert len(set(cells)) == len(cells)
    assert max(cells) < HISTOGRAM < CELLS


def test_a_row_is_seen_through_the_descriptor() -> None:
    ours = Gauges(3)
    theirs = Gauges(3, os.dup(ours.descriptor))
    theirs.row(1)[DONE] = 7
    theirs.row(2)[TICKS] = 2**64 - 1
    assert ours.row(1)[DONE] == 7
    assert ours.row(2)[TICKS] == 2**64 - 1
    assert list(ours.row(0)) == [0] * CELLS
    table = ours.table()
    assert table.shape == (3, CELLS)
    assert int(table[1, DONE]) == 7
    for side in (ours, theirs):
        side.close()


def test_a_row_outlives_the_descriptor() -> None:
    table = Gauges(1)
    row = table.row(0)
    table.close()
    table.close()
    row[DONE] = 1
    assert row[DONE] == 1


def test_the_table_is_a_copy() -> None:
    held = Gauges(1)
    table = held.table()
    held.row(0)[DONE] = 5
    assert int(table[0, DONE]) == 0
    held.close()


def test_another_process_writes_into_the_same_memory() -> None:
    held = Gauges(2)
    program = f"from pools.gauges import Gauges; Gauges(2, {held.descriptor}).row(1)[4] = 42"
    root = str(Path(gauges.__file__).parents[1])
    subprocess.run(
        [sys.executable, "-P", "-c", program], check=True, pass_fds=[held.descriptor], env={**os.environ, "PYTHONPATH": root}
    )
    assert held.row(1)[4] == 42
    held.close()


@pytest.mark.parametrize("elapsed_us", [-5, 0, 1, 3, 4, 5, 7, 8, 9, 10, 15, 16, 1_000, 999_999, 2**28 - 1, 2**28])
def test_a_time_falls_into_the_bucket_whose_top_is_at_most_a_quarter_above_it(elapsed_us: int) -> None:
    top = bucket_top_us(bucket_of(elapsed_us))
    assert top >= elapsed_us
    assert top <= max(elapsed_us, 0) * 1.25


def test_buckets_stand_in_order_without_gaps() -> None:
    tops = [bucket_top_us(bucket) for bucket in range(BUCKETS)]
    assert tops == sorted(set(tops))
    for bucket, top in enumerate(tops[:-1]):
        assert bucket_of(top) == bucket
        assert bucket_of(top + 1) == bucket + 1


def test_the_last_bucket_takes_every_longer_time() -> None:
    assert bucket_of(10**15) == BUCKETS - 1


def test_percentiles_agree_with_the_sorted_times(chance: Random) -> None:
    for _ in range(50):
        times = [int(chance.lognormvariate(6, 2)) for _ in range(chance.randrange(1, 500))]
        counts = [0] * BUCKETS
        for elapsed_us in times:
            counts[bucket_of(elapsed_us)] += 1
        times.sort()
        for share in (0.5, 0.9, 0.99, 1.0):
            exact = times[max(math.ceil(share * len(times)) - 1, 0)]
            assert percentile_us(counts, share) == bucket_top_us(bucket_of(exact))


def test_nothing_counted_has_no_percentile() -> None:
    assert percentile_us([0] * BUCKETS, 0.5) is None


def test_a_single_answer_is_every_percentile() -> None:
    counts = [0] * BUCKETS
    counts[bucket_of(100)] = 1
    assert {percentile_us(counts, share) for share in (0.0, 0.5, 0.99, 1.0)} == {bucket_top_us(bucket_of(100))}


def test_the_pages_are_there_before_they_are_used() -> None:
    held = Gauges(100)
    assert os.fstat(held.descriptor).st_blocks * 512 >= 100 * CELLS * 8
    held.close()


def test_an_agent_is_a_number_from_which_it_is_found_again(chance: Random) -> None:
    keys = [0, 1, 2**31 - 1, 2**31, 10**15, "0", "1", "a", "ü", "", None]
    told = {who_is(kind, key) for kind in ("counter", "scout") for key in keys}
    assert len(told) == 2 * len(keys)
    for number in [chance.randrange(2**31) for _ in range(100)]:
        assert who_is("counter", number) == who_is("counter", 0) | key_half(number)
        assert key_half(number) == number
    assert max(told) < 2**64
