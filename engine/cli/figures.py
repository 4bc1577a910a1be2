"""Numbers for people: three figures and a unit.

Owns the rounding only; programs get the exact numbers as JSON.
"""

from __future__ import annotations

__all__ = ["count", "flow", "plural", "rate", "size", "span"]

UNITS_OF_SIZE = ("B", "KB", "MB", "GB", "TB")


def _short(number: float) -> str:
    """Three figures: 1.23, 12.3, 123."""
    digits = 2 if number < 9.995 else 1 if number < 99.95 else 0
    text = f"{number:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(number: float) -> str:
    """A whole number with its thousands: 5,000."""
    return f"{number:,.0f}"


def plural(number: int, one: str, many: str | None = None) -> str:
    """A number of things: 1 agent, 5,000 agents."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(size_bytes: float) -> str:
    """Bytes in powers of 1000: 24.1 MB."""
    at = 0
    while size_bytes >= 999.5 and at < len(UNITS_OF_SIZE) - 1:
        size_bytes /= 1000
        at += 1
    return f"{_short(size_bytes)} {UNITS_OF_SIZE[at]}"


def flow(bytes_per_s: float) -> str:
    """How many bytes in a second: 24.1 MB/s."""
    return f"{size(bytes_per_s)}/s"


def span(seconds: float) -> str:
    """A time: 85 µs, 12.3 ms, 1.9 s, 3 m 12 s, 2 h 5 m, 3 d 4 h."""
    if seconds < 0.0009995:
        return f"{_short(seconds * 1e6)} µs"
    if seconds < 0.9995:
        return f"{_short(seconds * 1e3)} ms"
    if seconds < 59.95:
        return f"{_short(seconds)} s"
    whole = round(seconds)
    for unit, below, lower, in_unit, in_lower in (("m", 3_600, "s", 60, 1), ("h", 86_400, "m", 3_600, 60)):
        if whole < below:
            return f"{whole // in_unit} {unit} {whole % in_unit // in_lower} {lower}"
    return f"{whole // 86_400} d {whole % 86_400 // 3_600} h"


def rate(per_s: float) -> str:
    """How many in a second: 12/s, 312,000/s, 1.6 million/s."""
    if per_s >= 999_500:
        return f"{_short(per_s / 1e6)} million/s"
    if per_s >= 9_995:
        return f"{round(per_s, -3):,.0f}/s"
    return f"{count(per_s) if per_s >= 99.95 else _short(per_s)}/s"
