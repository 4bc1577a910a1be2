"""The keys of the `limits` section, and what a text under each of them means.

Owns the table and the reading of one section. Knows no file and no order of precedence: it is given settings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from engine import units
from pools.quota import Quota, Quotas

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from engine.setting import Setting

__all__ = ["LIMIT_KEYS", "LIMIT_WHOSE", "read_limits"]

_RATE = re.compile(r"([0-9][0-9_.]*)\s*/\s*(s|m|h)", re.ASCII)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def _rate(text: str) -> float:
    """`100/s`, `30/m`, or a number a second. Raises ValueError."""
    found = _RATE.fullmatch(text.strip())
    if found is None:
        return units.parse_number(text)
    return units.parse_number(found[1].replace("_", "")) / _SECONDS[found[2]]


#: Each key with the field of `Quota` that it sets, and what reads its text.
LIMIT_KEYS: dict[str, tuple[str, Callable[[str], int | float]]] = {
    "rate": ("rate", _rate),
    "burst": ("burst", units.parse_count),
    "open": ("open", units.parse_count),
    "concurrency": ("concurrency", units.parse_count),
}
#: Whose limits a section may hold: by name, or of each tenant without a name there.
LIMIT_WHOSE = ("kinds", "tenants", "default_tenant")


def read_limits(settings: Mapping[str, Setting], kinds: Collection[str]) -> Quotas:
    """What the settings under `limits.` say: `limits.kinds.NAME.rate` and so on. Raises ConfigError."""
    values: dict[tuple[str, str], dict[str, Any]] = {}
    places: dict[tuple[str, str], Setting] = {}
    for path, setting in settings.items():
        if not path.startswith("limits."):
            continue
        whose, _, rest = path.removeprefix("limits.").partition(".")
        name, dot, key = rest.rpartition(".")
        if key not in LIMIT_KEYS or bool(dot) is (whose == "default_tenant"):
            continue  # the place of a whole mapping
        if whose == "kinds" and name not in kinds:
            raise setting.wrong(f"{name!r} is no kind here; known: {', '.join(sorted(kinds))}")
        field, read = LIMIT_KEYS[key]
        if whose != "kinds" and field == "concurrency":
            raise setting.wrong("a kind has a concurrency, a tenant has none")
        try:
            values.setdefault((whose, name), {})[field] = read(setting.one())
            Quota(**{**({"rate": 1.0} if field == "burst" else {}), field: values[whose, name][field]})
        except ValueError as refused:
            raise setting.wrong(str(refused)) from refused
        places[whose, name] = setting
    quotas: dict[tuple[str, str], Quota] = {}
    for one, given in values.items():
        try:
            quotas[one] = Quota(**given)
        except ValueError as refused:
            raise places[one].wrong(str(refused)) from refused
    return Quotas(
        kinds={name: quota for (whose, name), quota in quotas.items() if whose == "kinds"},
        tenants={name: quota for (whose, name), quota in quotas.items() if whose == "tenants"},
        default_tenant=quotas.get(("default_tenant", "")),
    )
