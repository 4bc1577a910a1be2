"""The keys of the `breaker` section, and what a text under each of them means.

Owns the table and the reading of one section. Knows no file and no order of precedence: it is given settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine import units
from engine.setting import section
from pools.breaker import BOUNDS, BreakerSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.setting import Setting

__all__ = ["BREAKER_KEYS", "read_breaker"]

#: Each key with the field of `BreakerSpec` that it sets, and what reads its text.
BREAKER_KEYS: dict[str, tuple[str, Callable[[str], int | float | bool]]] = {
    "enabled": ("is_on", units.parse_truth),
    "failure_rate": ("failure_rate", units.parse_rate),
    "in_a_row": ("in_a_row", units.parse_count),
    "minimum_calls": ("minimum", units.parse_count),
    "window": ("window_s", units.parse_seconds),
    "window_calls": ("window_calls", units.parse_count),
    "slow_rate": ("slow_rate", units.parse_rate),
    "slow_factor": ("slow_factor", units.parse_number),
    "slow_least": ("slow_least_s", units.parse_seconds),
    "slow": ("slow_s", units.parse_seconds),
    "open": ("open_s", units.parse_seconds),
    "open_most": ("open_most_s", units.parse_seconds),
    "jitter": ("jitter", units.parse_rate),
    "probes": ("probes", units.parse_count),
    "probe": ("probe_s", units.parse_seconds),
}


def read_breaker(settings: Mapping[str, Setting]) -> BreakerSpec:
    """What the settings under `breaker.` make of the defaults. Raises ConfigError."""
    values: dict[str, Any] = {}
    for field, (values[field], setting) in section(settings, "breaker", BREAKER_KEYS).items():
        least, most = BOUNDS.get(field, (0, 1))
        if not least <= values[field] <= most:
            raise setting.wrong(f"{setting.value!r} is not between {least:g} and {most:g}")
    return BreakerSpec(**values)
