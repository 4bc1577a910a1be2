"""A figure as a cell shows it: short, and a dash where it is not known.

Owns the forms; nothing is guessed, a figure that is not there stays away.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from engine.cli.figures import size, span
from engine.cli.screen import clean

__all__ = ["UNKNOWN", "ago", "bytes_of", "clock", "count", "minutes", "moment", "money", "per_s", "percent", "said"]

#: What stands where nothing is known.
UNKNOWN = "\N{EN DASH}"
#: From here on a count is shown with three figures and a letter: it has nine characters before.
LONG = 10_000_000
#: Signs of currencies; others are shown by their letters.
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def count(number: float | None) -> str:
    """A whole number with its thousands: 5,000; from ten million on 12.3 M."""
    if number is None:
        return UNKNOWN
    if number < LONG:
        return f"{number:,.0f}"
    return f"{number / 1e6:,.1f} M" if number < 1e9 else f"{number / 1e9:,.2f} G"


def percent(share: float | None) -> str:
    """A share of 1 in percent: 98.5 %. Cut, not rounded up: 100 % is all."""
    if share is None:
        return UNKNOWN
    tenths = int(share * 1000 + 1e-9)
    return f"{tenths / 10:.1f} %" if tenths % 1000 else f"{tenths // 10} %"


def bytes_of(number: float | None) -> str:
    """Bytes: 24.1 MB."""
    return UNKNOWN if number is None else size(number)


def per_s(number: float | None) -> str:
    """Bytes in a second: 2.1 MB/s."""
    return UNKNOWN if number is None else f"{size(number)}/s"


def money(amount: float | None, currency: str | None) -> str:
    """An amount: $0.42; what is less than a cent with four digits."""
    if amount is None:
        return UNKNOWN
    sign = SIGNS.get(currency or "", f"{currency} " if currency else "")
    return f"{sign}{amount:,.4f}" if 0 < amount < 0.01 else f"{sign}{amount:,.2f}"


def minutes(seconds: float | None) -> str:
    """A time that runs, mm:ss; from an hour on h:mm:ss."""
    if seconds is None:
        return UNKNOWN
    whole = int(max(seconds, 0))
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{whole // 60 % 60:02}:{whole % 60:02}"


def ago(seconds: float | None) -> str:
    """A span of time in words: 0.4 s, 12 min, 2 h 5 min."""
    if seconds is None:
        return UNKNOWN
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return span(seconds).replace(" m", " min")


def clock(time_s: float, zone: tzinfo | None = None) -> str:
    """The time of day: 10:42:07. zone: None for this machine's."""
    return datetime.fromtimestamp(time_s, UTC).astimezone(zone).strftime("%H:%M:%S")


def moment(time_s: float, zone: tzinfo | None = None) -> str:
    """A day and its time: 11-22 10:42."""
    return datetime.fromtimestamp(time_s, UTC).astimezone(zone).strftime("%m-%d %H:%M")


def said(text: object) -> str:
    """What somebody else wrote, without anything that commands a terminal; a dash for nothing."""
    return clean(str(text)) if text not in (None, "") else UNKNOWN
