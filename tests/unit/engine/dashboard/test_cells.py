"""Figures as cells show them."""

from __future__ import annotations

from datetime import UTC

import pytest

from engine.dashboard import cells


@pytest.mark.parametrize(
    ("form", "values"),
    [
        (cells.count, {None: "–", 0: "0", 1_247: "1,247", 9_999_999: "9,999,999", 12_340_000: "12.3 M", 2e9: "2.00 G"}),
        (cells.percent, {None: "–", 0.0: "0 %", 8_654 / 8_781: "98.5 %", 0.9999: "99.9 %", 1.0: "100 %", 0.29: "29.0 %"}),
        (cells.bytes_of, {None: "–", 0: "0 B", 1_240_000_000: "1.24 GB"}),
        (cells.per_s, {None: "–", 2_140_000.0: "2.14 MB/s"}),
        (cells.minutes, {None: "–", 0: "00:00", 461.9: "07:41", 3_725: "1:02:05", -4: "00:00"}),
        (cells.ago, {None: "–", 0.04: "0.0 s", 12.4: "12 s", 89: "89 s", 720: "12 min", 7_500: "2 h 5 min"}),
        (cells.said, {None: "–", "": "–", "a\x1b[31mb": "ab", 3: "3"}),
    ],
)
def test_a_figure_is_short_and_a_dash_where_it_is_not_known(form: object, values: dict[object, str]) -> None:
    assert callable(form)
    assert {value: form(value) for value in values} == values


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (None, "USD", "–"),
        (0.42, "USD", "$0.42"),
        (0.0, "USD", "$0.00"),
        (0.0031, "EUR", "€0.0031"),
        (1_200.0, "CHF", "CHF 1,200.00"),
    ],
)
def test_money_has_its_sign_or_the_letters_of_its_currency(amount: float | None, currency: str, text: str) -> None:
    assert cells.money(amount, currency) == text


def test_a_time_of_day_is_that_of_the_zone() -> None:
    assert cells.clock(1_795_344_847.9, UTC) == "10:54:07"
    assert cells.moment(1_795_344_847.9, UTC) == "11-22 10:54"
