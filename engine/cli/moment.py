"""An instant as people type it: `now`, `10 minutes ago`, `-90s`, `14:30`, `yesterday 14:30`, `2026-11-22T14:30:05`.

Owns that grammar, and how an instant is shown. What a clock says without a zone is meant in the zone of whoever types it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from engine.rewind.scribe import milliseconds

__all__ = ["FORMS", "read_moment", "show_moment"]

FORMS = "'10 minutes ago', -90s, 14:30, 'yesterday 14:30', 2026-11-22T14:30:05, or the time_s of a snapshot"
#: Seconds of each unit, and how it may be written.
UNITS = {
    1.0: ("s", "sec", "secs", "second", "seconds"),
    60.0: ("m", "min", "mins", "minute", "minutes"),
    3_600.0: ("h", "hr", "hrs", "hour", "hours"),
    86_400.0: ("d", "day", "days"),
}
_UNIT_S = {name: seconds for seconds, names in UNITS.items() for name in names}
#: Seconds since 1970 from which on a number alone is an instant.
LEAST_S = 1e9

_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,6})?|an?)\s*([a-z]+)\s*(?:,|and\b)?\s*", re.ASCII)
_CLOCK = re.compile(r"(?:(today|yesterday)\s+)?(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d{1,6})?))?", re.ASCII)
_NUMBER = re.compile(r"\d{10,11}(?:\.\d{1,9})?", re.ASCII)


def read_moment(text: str, now_s: float) -> float:
    """The instant that a text means, in seconds since 1970. now_s: the clock.

    A clock time alone is the last one that has passed, of today or else of yesterday.  Raises ValueError.
    """
    said = " ".join(text.lower().split())
    if said == "now":
        return now_s
    for read in (_ago, _clock, _number, _date):
        found = read(said, now_s)
        if found is not None:
            return max(found, 0.0)
    raise ValueError(f"{text!r} is no instant; give one such as {FORMS}")


def show_moment(time_s: float) -> str:
    """An instant in the zone of whoever looks, to the millisecond and never later: 2026-11-22 14:30:05.123."""
    return _local(milliseconds(time_s) / 1000).isoformat(" ", "milliseconds")


def _local(time_s: float) -> datetime:
    """What the clock says then in the zone of whoever types."""
    return datetime.fromtimestamp(time_s, UTC).astimezone().replace(tzinfo=None)


def _ago(said: str, now_s: float) -> float | None:
    """`10 minutes ago`, `1h 30m ago`, `-90s`."""
    if said.endswith(" ago"):
        said = said.removesuffix(" ago")
    elif said.startswith("-"):
        said = said[1:].lstrip()
    else:
        return None
    total_s, at = 0.0, 0
    while at < len(said):
        part = _SPAN.match(said, at)
        if part is None or part[2] not in _UNIT_S:
            return None
        total_s += (1.0 if part[1].startswith("a") else float(part[1])) * _UNIT_S[part[2]]
        at = part.end()
    return now_s - total_s if at else None


def _clock(said: str, now_s: float) -> float | None:
    """`14:30`, `yesterday 14:30:05`."""
    found = _CLOCK.fullmatch(said)
    if found is None:
        return None
    day, hour, minute, seconds = found[1], int(found[2]), int(found[3]), float(found[4] or 0)
    if hour > 23 or minute > 59 or seconds >= 60:
        return None
    now = _local(now_s)
    meant = now.replace(hour=hour, minute=minute, second=int(seconds), microsecond=round(seconds % 1 * 1e6) % 1_000_000)
    if day == "yesterday" or (day is None and meant > now):
        meant -= timedelta(days=1)
    return meant.timestamp()


def _number(said: str, _now_s: float) -> float | None:
    return float(said) if _NUMBER.fullmatch(said) and float(said) >= LEAST_S else None


def _date(said: str, _now_s: float) -> float | None:
    """ISO 8601, with a zone or in that of whoever types."""
    try:
        return datetime.fromisoformat(said.upper()).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
