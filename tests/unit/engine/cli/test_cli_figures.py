"""Numbers for people have three figures and a unit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli import figures


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 µs"),
        (0.000085, "85 µs"),
        (0.0009996, "1 ms"),
        (0.0123456, "12.3 ms"),
        (0.9996, "1 s"),
        (1.9, "1.9 s"),
        (59.94, "59.9 s"),
        (59.96, "1 m 0 s"),
        (192, "3 m 12 s"),
        (3_599.6, "1 h 0 m"),
        (7_500, "2 h 5 m"),
        (86_399.9, "1 d 0 h"),
        (273_600, "3 d 4 h"),
    ],
)
def test_a_time_is_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert figures.span(seconds) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (12.3, "12.3 B"),
        (999, "999 B"),
        (999.6, "1 KB"),
        (24_100_000, "24.1 MB"),
        (1_049_000_000, "1.05 GB"),
        (5e15, "5000 TB"),
    ],
)
def test_a_size_is_in_powers_of_1000(size_bytes: float, text: str) -> None:
    assert figures.size(size_bytes) == text


@pytest.mark.parametrize(
    ("per_s", "text"),
    [
        (0, "0/s"),
        (1.234, "1.23/s"),
        (99.9, "99.9/s"),
        (1_234, "1,234/s"),
        (9_996, "10,000/s"),
        (312_345, "312,000/s"),
        (999_600, "1 million/s"),
        (12_345_678, "12.3 million/s"),
    ],
)
def test_a_rate_is_rounded_to_what_was_measured(per_s: float, text: str) -> None:
    assert figures.rate(per_s) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 agents"), (1, "1 agent"), (5_000, "5,000 agents")])
def test_a_number_of_things_has_its_thousands(number: int, text: str) -> None:
    assert figures.plural(number, "agent") == text


@given(st.floats(0, 3e9, allow_nan=False))
def test_no_time_of_a_century_has_an_exponent_or_is_long(seconds: float) -> None:
    text = figures.span(seconds)
    assert "e" not in text
    assert len(text) <= len("36525 d 23 h")
