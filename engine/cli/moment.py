"""An instant as people type it: `now`, `10 minutes ago`, `-90s`, `2:30pm`, `yesterday 14:30`, `2026-11-22T14:30:05`.

Owns that grammar, and how an instant is shown. What a clock says without a zone is meant in the zone of whoever types it; where
it says the same twice, as on the night when it is set back, the last time that has passed is meant.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as clock

from engine.rewind.scribe import milliseconds

__all__ = ["FORMS", "read_moment", "show_moment"]

FORMS = "'10 minutes ago', -90s, 14:30, 'yesterday 2:30pm', '22 Nov 14:30', 2026-11-22T14:30:05, or the time_s of a snapshot"
#: Characters of an instant, at most.
MOST_CHARS = 100
#: Seconds of each unit, and how it may be written.
UNITS = {
    0.001: ("ms", "millisecond", "milliseconds"),
    1.0: ("s", "sec", "secs", "second", "seconds"),
    60.0: ("m", "min", "mins", "minute", "minutes"),
    3_600.0: ("h", "hr", "hrs", "hour", "hours"),
    86_400.0: ("d", "day", "days"),
    604_800.0: ("w", "wk", "wks", "week", "weeks"),
}
_UNIT_S = {name: seconds for seconds, names in UNITS.items() for name in names}
#: Numbers that are written in words.
WORDS = {"half a": 0.5, "half an": 0.5, "quarter of an": 0.25, "a quarter of an": 0.25, "a": 1.0, "an": 1.0, "a couple of": 2.0}
WORDS |= {"fifteen": 15.0, "twenty": 20.0, "thirty": 30.0, "forty": 40.0, "fifty": 50.0, "sixty": 60.0, "ninety": 90.0}
WORDS |= {
    name: float(number)
    for number, name in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"), 1
    )
}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
#: What may stand between the parts of an instant.
FILLERS = frozenset({"at", "on", "of", "last", "this", "the", "st", "nd", "rd", "th"})
#: Seconds since 1970 from which on a number alone is an instant, and that in milliseconds.
LEAST_S, LEAST_MS = 1e9, 1e12

_AMOUNT = "|".join(sorted(WORDS, key=len, reverse=True))
_SPAN = re.compile(rf"(\d{{1,9}}(?:\.\d{{1,6}})?|(?:{_AMOUNT})(?= ))\s*([a-z]+?)(?:\s*(?:,|\band\b)\s*|(?![a-z])\s*)", re.ASCII)
_AGO = re.compile(r"(?:(?:now ?)?- ?(?P<before>.+)|(?P<after>.+?) ?(?:ago|earlier|back|before now)|(?P<alone>.+))", re.ASCII)
_NUMBER = re.compile(r"@?(\d{10,13}(?:\.\d{1,9})?)", re.ASCII)
_TOKEN = re.compile(r"[ ,]*(\d{4}-\d\d-\d\d|\d+(?:\.\d+){2}|[+-]\d\d:?\d\d|\d[\d:]*(?:\.\d+)?(?:[ap]m)?|[a-z]+)\.?", re.ASCII)
#: The parts of a day and a time, each of which may come once.
_PARTS = {
    "clock": re.compile(
        r"(?=.*[:m])(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<parts>\.\d{1,6})?)?)?(?P<half>[ap]m)?"
    ),
    "word": re.compile("noon|midnight"),
    "date": re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"),
    "dotted": re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})"),
    "year": re.compile(r"\d{4}"),
    "number": re.compile(r"\d{1,2}"),
    "month": re.compile("|".join(f"{name[:3]}(?:t|{name[3:]})?" for name in MONTHS)),
    "weekday": re.compile("|".join(f"{name[:3]}(?:{name[3:]})?" for name in DAYS)),
    "near": re.compile("today|yesterday"),
    "offset": re.compile(r"(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)"),
}
_Parts = dict[str, "re.Match[str]"]


def read_moment(text: str, now_s: float) -> float:
    """The instant that a text means, in seconds since 1970. now_s: the clock.

    A time without a day is the last one that has passed, and so is a day without a year.  Raises ValueError.
    """
    said = " ".join(text[: MOST_CHARS + 1].lower().replace("\u2212", "-").replace("a.m.", "am").replace("p.m.", "pm").split())
    if said in ("now", "just now") and len(text) <= MOST_CHARS:
        return now_s
    for read in (_ago, _number, _date, _day) if len(text) <= MOST_CHARS else ():
        try:
            found = read(said, now_s)
        except (ValueError, OverflowError, OSError):  # no such day, or none that a clock has
            found = None
        if found is not None:
            return max(found, 0.0)
    raise ValueError(f"{text!r:.{MOST_CHARS}} is no instant; give one such as {FORMS}")


def show_moment(time_s: float) -> str:
    """An instant in the zone of whoever looks, to the millisecond and never later: 2026-11-22 14:30:05.123.

    Where the clock says that twice, the zone's offset is behind it: 2026-10-25 02:30:00.000+01:00.
    """
    seen = datetime.fromtimestamp(milliseconds(time_s) / 1000, UTC).astimezone()
    plain = seen.replace(tzinfo=None)
    return (plain if len(_instants(plain)) == 1 else seen).isoformat(" ", "milliseconds")


def _ago(said: str, now_s: float) -> float | None:
    """`10 minutes ago`, `an hour earlier`, `-90s`, `now-1h30m`, `5m`."""
    found = _AGO.fullmatch(said)
    span = "" if found is None else next(part for part in found.groups() if part is not None)
    total_s, at = 0.0, 0
    while at < len(span):
        part = _SPAN.match(span, at)
        if part is None or part[2] not in _UNIT_S:
            return None
        total_s += (WORDS[part[1]] if part[1] in WORDS else float(part[1])) * _UNIT_S[part[2]]
        at = part.end()
    return now_s - total_s if at else None


def _number(said: str, _now_s: float) -> float | None:
    """Seconds since 1970, or milliseconds."""
    found = _NUMBER.fullmatch(said)
    if found is None or float(found[1]) < LEAST_S:
        return None
    return float(found[1]) / (1000 if float(found[1]) >= LEAST_MS else 1)


def _date(said: str, now_s: float) -> float:
    """ISO 8601, with a zone or in that of whoever types."""
    meant = datetime.fromisoformat(said.upper())
    return meant.timestamp() if meant.tzinfo is not None else _passed([meant], now_s)


def _day(said: str, now_s: float) -> float | None:
    """A day, a time or both, in any order."""
    parts, zone = _parts_of(re.sub(r"(?<=\d) (?=[ap]m\b)", "", said))
    if not parts or ("year" in parts and "month" not in parts) or ("month" in parts) != ("number" in parts):
        return None
    now = datetime.fromtimestamp(now_s, UTC).astimezone(zone).replace(tzinfo=None)
    if parts.keys() == {"near"}:  # as late in the day as it is now
        return _passed([now - timedelta(days=parts["near"][0] == "yesterday")], now_s, zone)
    if sum(name in parts for name in ("date", "dotted", "month", "near")) > 1 or {"clock", "word"} <= parts.keys():
        return None
    at = _clock(parts)
    return _passed([datetime.combine(day, at) for day in _days(parts, now)], now_s, zone)


def _parts_of(said: str) -> tuple[_Parts, tzinfo | None]:
    """What a text consists of, nothing where that is no instant; and the zone, None for that of whoever types."""
    parts: _Parts = {}
    zone: tzinfo | None = None
    at = 0
    while at < len(said):
        token = _TOKEN.match(said, at)
        if token is None:
            return {}, None
        at = token.end()
        name, found = next(
            ((name, found) for name, part in _PARTS.items() if (found := part.fullmatch(token[1])) is not None), ("", None)
        )
        if found is not None and name not in parts:
            parts[name] = found
        elif found is not None or (token[1] not in FILLERS and not _is_zone(token[1])):
            return {}, None
        elif token[1] in ("utc", "gmt", "z"):
            zone = UTC
    offset = parts.pop("offset", None)
    return parts, zone if offset is None else datetime.strptime(offset[0].replace(":", ""), "%z").tzinfo


def _is_zone(word: str) -> bool:
    return word in ("utc", "gmt", "z", *(name.lower() for name in time.tzname))


def _clock(parts: _Parts) -> clock:
    """The time of day, midnight where none is said. Raises ValueError."""
    found = parts.get("clock")
    if found is None:
        return clock(12 if "word" in parts and parts["word"][0] == "noon" else 0)
    hour = int(found["hour"])
    if found["half"] is not None:
        if not 1 <= hour <= 12:
            raise ValueError("a half of the day has twelve hours")
        hour = hour % 12 + (12 if found["half"] == "pm" else 0)
    millionths = round(float(found["parts"] or 0) * 1e6)
    return clock(hour, int(found["minute"] or 0), int(found["second"] or 0), millionths)


def _days(parts: _Parts, now: datetime) -> list[date]:
    """The days that may be meant. Raises ValueError."""
    found = parts.get("date") or parts.get("dotted")
    if found is not None:
        return [date(int(found["year"]), int(found["month"]), int(found["day"]))]
    if "near" in parts:
        return [now.date() - timedelta(days=parts["near"][0] == "yesterday")]
    if "month" in parts:
        month, number = [name[:3] for name in MONTHS].index(parts["month"][0][:3]) + 1, int(parts["number"][0])
        years = [int(parts["year"][0])] if "year" in parts else [now.year, now.year - 1]
        return [date(year, month, number) for year in years]
    if "weekday" in parts:
        back = (now.weekday() - [name[:3] for name in DAYS].index(parts["weekday"][0][:3])) % 7
        return [now.date() - timedelta(days=back), now.date() - timedelta(days=back + 7)]
    return [now.date(), now.date() - timedelta(days=1)]


def _passed(said: Iterable[datetime], now_s: float, zone: tzinfo | None = None) -> float:
    """The last instant of some that has passed, else the first that has not. said: without a zone."""
    instants = sorted(instant for one in said for instant in _instants(one, zone))
    return max((instant for instant in instants if instant <= now_s), default=instants[0])


def _instants(plain: datetime, zone: tzinfo | None = None) -> list[float]:
    """When the clock says so: once, or twice if it is set back; where it is set forth, when it would have."""
    if zone is not None:
        return [plain.replace(tzinfo=zone).timestamp()]
    both = [plain.replace(fold=0).timestamp(), plain.replace(fold=1).timestamp()]
    return both if both[0] < both[1] else both[:1]
