"""An instant is read as people type it, in the zone of who types; what is none is refused with what would be one."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from engine.cli.moment import FORMS, read_moment, show_moment

#: 2026-11-22 14:30:05.250 in Berlin, where it is an hour later than in UTC.
NOW_S = 1_795_354_205.25


@pytest.fixture(autouse=True)
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "ago_s"),
    [
        ("now", 0),
        ("NOW", 0),
        ("10 minutes ago", 600),
        ("  10   Minutes  ago ", 600),
        ("1 minute ago", 60),
        ("an hour ago", 3_600),
        ("a minute ago", 60),
        ("90s ago", 90),
        ("1h30m ago", 5_400),
        ("1h 30m ago", 5_400),
        ("2 hours and 5 minutes ago", 7_500),
        ("2 hours, 5 minutes ago", 7_500),
        ("1.5 h ago", 5_400),
        ("2 days ago", 172_800),
        ("-90s", 90),
        ("-1h30m", 5_400),
        ("- 5 min", 300),
        ("14:30", 5.25),
        ("14:30:05", 0.25),
        ("14:30:05.250", 0),
        ("9:15", 5 * 3_600 + 15 * 60 + 5.25),
        ("14:31", 86_400 - 54.75),
        ("23:59:59", 14 * 3_600 + 30 * 60 + 6.25),
        ("today 14:30", 5.25),
        ("yesterday 14:30:05", 86_400.25),
        ("2026-11-22T14:30:05", 0.25),
        ("2026-11-22 14:30:05", 0.25),
        ("2026-11-22t14:30", 5.25),
        ("2026-11-22T13:30:05Z", 0.25),
        ("2026-11-22T13:30:05.250+00:00", 0),
        ("2026-11-22", 14 * 3_600 + 30 * 60 + 5.25),
        ("1795354205.25", 0),
        ("1795354200", 5.25),
        ("@1795354200", 5.25),
        ("1795354205250", 0),
        ("just now", 0),
        ("10 min", 600),
        ("90s", 90),
        ("500ms ago", 0.5),
        ("ten minutes ago", 600),
        ("two hours earlier", 7_200),
        ("half an hour ago", 1_800),
        ("a quarter of an hour ago", 900),
        ("a week ago", 604_800),
        ("now-1h30m", 5_400),
        ("now - 10 minutes", 600),
        ("\u22125m", 300),
        ("2:30pm", 5.25),
        ("2:30 p.m.", 5.25),
        ("2pm", 1_805.25),
        ("9 AM", 5 * 3_600 + 30 * 60 + 5.25),
        ("12am", 14 * 3_600 + 30 * 60 + 5.25),
        ("noon", 2 * 3_600 + 30 * 60 + 5.25),
        ("midnight", 14 * 3_600 + 30 * 60 + 5.25),
        ("at 14:30", 5.25),
        ("14:30 yesterday", 86_405.25),
        ("yesterday at 2:30pm", 86_405.25),
        ("yesterday", 86_400),
        ("today", 0),
        ("sunday 14:30", 5.25),
        ("last sunday at 14:31", 7 * 86_400 - 54.75),
        ("sat 14:30", 86_405.25),
        ("22 Nov 14:30", 5.25),
        ("Nov 22nd, 2:30pm", 5.25),
        ("22 november 2026", 14 * 3_600 + 30 * 60 + 5.25),
        ("23 nov 14:30", 364 * 86_400 + 5.25),
        ("22.11.2026 14:30", 5.25),
        ("2026-11-22 13:30 UTC", 5.25),
        ("13:30 utc", 5.25),
        ("14:30 CET", 5.25),
        ("2026-11-22 14:30:05.079+0100", 0.171),
        ("Sun Nov 22 14:30:05 CET 2026", 0.25),
        ("Sun, 22 Nov 2026 13:30:05 GMT", 0.25),
        ("Sun, 22 Nov 2026 13:30:05 +0000", 0.25),
    ],
)
def test_an_instant_is_read(text: str, ago_s: float) -> None:
    assert read_moment(text, NOW_S) == pytest.approx(NOW_S - ago_s, abs=1e-6)


def test_what_was_before_all_clocks_is_their_beginning() -> None:
    for text in ("999999999 days ago", "1066-10-14", "0001-01-01T00:00:00+14:00"):
        assert read_moment(text, NOW_S) == 0.0
    assert show_moment(0.0) == "1970-01-01 01:00:00.000"


def test_what_lies_ahead_is_read_too_and_is_for_others_to_refuse() -> None:
    assert read_moment("2026-11-23", NOW_S) > NOW_S
    assert read_moment("today 23:00", NOW_S) > NOW_S


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "ago", "-", "later", "tomorrow", "90", "ten", "10 fortnights ago", "25:00", "13pm", "0am", "24:00",
        "14:60", "14:30:60", "1:2", "2026-13-01", "2026-02-30", "30 Feb 2026", "11/22/2026", "12345678901234", "999999999",
        "nan", "inf", "-1", "5 ago", "٣ minutes ago", "x" * 10_000, "1s " * 5_000, "22 nov 23 nov", "14:30 15:30", "noon 14:30",
        "22 14:30", "2026 14:30", "nov 14:30", "2026-11-22 22 nov", "14:30 XYZ", "14:30 +99:99", "9" * 99, "a few moments ago",
        "-10:00", "abc ago", "31 jun 2026 14:30",
    ],
)  # fmt: skip
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no instant; give one such as") as refused:
        read_moment(text, NOW_S)
    assert FORMS in str(refused.value)


def test_an_instant_is_shown_as_it_can_be_typed() -> None:
    for time_ms in range(int(NOW_S * 1000), int(NOW_S * 1000) + 1_000, 7):
        shown = show_moment(time_ms / 1000)
        assert round(read_moment(shown, NOW_S) * 1000) == time_ms
    assert show_moment(NOW_S) == "2026-11-22 14:30:05.250"


#: 2026-10-25, when Berlin's clocks went back from 3 to 2 at 01:00 UTC.
BACK_S = 1_792_890_000


@pytest.mark.parametrize(
    ("text", "now_s", "meant_s"),
    [
        ("02:30", BACK_S + 2_400, BACK_S + 1_800),  # the second 2:30, ten minutes ago
        ("02:30", BACK_S + 600, BACK_S - 1_800),  # the second is still to come
        ("02:30", BACK_S + 40_000, BACK_S + 1_800),
        ("today 02:30", BACK_S + 600, BACK_S - 1_800),
        ("2026-10-25T02:30", BACK_S + 40_000, BACK_S + 1_800),
        ("2026-10-25T02:30+02:00", BACK_S + 40_000, BACK_S - 1_800),
        ("yesterday 02:30", BACK_S + 90_000, BACK_S + 1_800),
        ("01:30", BACK_S + 2_400, BACK_S - 5_400),
    ],
)
def test_where_the_clock_says_it_twice_the_last_that_has_passed_is_meant(text: str, now_s: float, meant_s: float) -> None:
    assert read_moment(text, now_s) == meant_s


def test_an_hour_that_comes_twice_is_shown_so_that_it_can_be_typed() -> None:
    now_s = BACK_S + 7_200
    for time_s in range(BACK_S - 7_200, BACK_S + 7_200, 300):
        assert read_moment(show_moment(time_s), now_s) == time_s
    assert show_moment(BACK_S + 1_800) == "2026-10-25 02:30:00.000+01:00"
    assert show_moment(BACK_S + 3_600) == "2026-10-25 03:00:00.000"


def test_a_time_that_a_clock_left_out_is_not_ahead() -> None:
    forth_s = 1_774_746_000  # 2026-03-29, from 2 to 3
    assert read_moment("02:30", forth_s + 600) <= forth_s + 600
