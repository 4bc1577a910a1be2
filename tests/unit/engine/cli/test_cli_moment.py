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
        "", " ", "ago", "-", "later", "tomorrow", "90", "90s", "10 minutes", "10 fortnights ago", "ten minutes ago", "25:00",
        "14:60", "14:30:60", "1:2", "2026-13-01", "2026-02-30", "22.11.2026", "12345678901234", "999999999", "nan", "inf",
        "-1", "5 ago", "٣ minutes ago", "x" * 10_000, "1s " * 5_000,
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
