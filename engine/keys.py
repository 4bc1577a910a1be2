"""Every key that the configuration knows, and what a text under it means.

Owns the tables: the engine's own keys, a pool's keys with the limit each one sets, and the texts each takes. Knows no
file and no order of precedence: it is given one setting at a time. The layers and the configuration stand above it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from engine import units
from engine.setting import nearest_of
from pools.address import valid_kind
from pools.errors import BadAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from engine.machine import Machine
    from engine.setting import Setting

__all__ = [
    "DURABILITIES",
    "ENGINE_KEYS",
    "FORESIGHT_KEYS",
    "LIFTED",
    "OWN_PATHS",
    "POOL_KEYS",
    "PRICE_KEYS",
    "read_count",
    "read_durability",
    "read_foresight",
    "read_kind",
    "read_known_kind",
    "read_limit",
    "read_price",
    "read_truth",
]

#: The engine's own keys; `breaker`, `foresight`, `kinds` and `pools` are mappings beside them.
ENGINE_KEYS = ("name", "durability", "default_kind", "agents", "tracing")
#: Those under `foresight`, each with the field of `ForesightSpec` that it sets.
FORESIGHT_KEYS = {"enabled": "is_on", "threshold": "threshold", "control": "control"}
#: Characters of a currency, and what an hour may cost at most: what nobody means by accident.
CURRENCY_CHARS, MOST_PRICE = 8, 1e6
#: Those under `price`: what a sprint's cost is computed from.
PRICE_KEYS = ("currency", "cpu_hour", "machine_hour")
#: Every key path of an engine's own.
OWN_PATHS = (*ENGINE_KEYS, *(f"foresight.{key}" for key in FORESIGHT_KEYS), *(f"price.{key}" for key in PRICE_KEYS))
#: A pool's keys, each with the field of `PoolSpec` that it sets.
POOL_KEYS = {
    "agents": "agents",
    "cpu": "cpu",
    "cpu_hard": "cpu_hard",
    "mem": "mem_bytes",
    "workers": "workers",
    "shards": "shards",
    "kinds": "kinds",
    "mailbox": "mailbox",
    "window": "window",
    "sleep_after": "sleep_after_s",
    "weight": "weight",
}
#: The word that lifts a limit, for the keys whose limit can be lifted; a written null says the same.
LIFTED = {"cpu": "none", "mem": "none", "sleep_after": "never"}
#: Ways to keep state: in the workers' memory, in the kernel's, on the disk.
DURABILITIES = ("memory", "os", "sync")

_CLASS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)


def read_limit(setting: Setting, key: str, machine: Machine) -> int | float | bool | None:
    """What a text says under one of a pool's keys other than `kinds`. Raises ConfigError."""
    if key in LIFTED and setting.value in {None, LIFTED[key]}:
        return None
    readers: dict[str, Callable[[str], int | float | bool]] = {
        "cpu": lambda text: units.parse_cpu_share(text, machine.cores),
        "cpu_hard": units.parse_truth,
        "mem": units.parse_size_bytes,
        "sleep_after": units.parse_seconds,
        "weight": units.parse_number,
    }
    text = setting.one()
    try:
        return readers.get(key, units.parse_count)(text)
    except ValueError as refused:
        lifted = f", or {LIFTED[key]}" if key in LIFTED else ""
        raise setting.wrong(f"{refused}{lifted}") from refused


def read_truth(setting: Setting) -> bool:
    """Whether a setting says yes. Raises ConfigError."""
    try:
        return units.parse_truth(setting.one())
    except ValueError as refused:
        raise setting.wrong(str(refused)) from refused


def read_count(setting: Setting) -> int:
    """The whole number of a setting. Raises ConfigError."""
    try:
        return units.parse_count(setting.one())
    except ValueError as refused:
        raise setting.wrong(str(refused)) from refused


def read_foresight(setting: Setting, key: str) -> float | bool:
    """What a text says under one of the keys of foresight. Raises ConfigError."""
    try:
        if key == "enabled":
            return units.parse_truth(setting.one())
        share = units.parse_share(setting.one())
    except ValueError as refused:
        raise setting.wrong(str(refused)) from refused
    if key == "threshold" and not share:
        raise setting.wrong("is 0, from which on every task is risky; give more than that, up to 1")
    return share


def read_price(setting: Setting, key: str) -> str | float:
    """What a text says under one of the keys of a price. Raises ConfigError."""
    text = setting.one()
    if key == "currency":
        if not 0 < len(text) <= CURRENCY_CHARS:
            raise setting.wrong(f"{text!r} is not a currency such as USD")
        return text
    try:
        price = float(text)
    except ValueError:
        price = -1.0
    if not 0 <= price <= MOST_PRICE:
        raise setting.wrong(f"{text!r} is not a price of an hour, from 0 to {MOST_PRICE:,.0f}")
    return price


def read_durability(setting: Setting) -> str:
    """How state is kept. Raises ConfigError."""
    said = setting.one()
    if said not in DURABILITIES:
        raise setting.wrong(f"{said!r} is not {' or '.join(DURABILITIES)}", nearest_of(said, DURABILITIES))
    return said


def read_kind(setting: Setting, name: str) -> str:
    """Where a kind's class stands: `module:Class`, or `/folder/file.py:Class` with the whole path.

    Raises ConfigError, also for a file that does not exist; a module is looked for only when it is loaded.
    """
    try:
        valid_kind(name)
    except BadAddress as refused:
        raise setting.wrong(str(refused)) from refused
    home, colon, class_name = setting.one().rpartition(":")
    if not colon or _CLASS.fullmatch(class_name) is None:
        raise setting.wrong(f"{setting.value!r} is neither module:Class nor file.py:Class")
    if home.endswith(".py"):
        file = setting.folder / Path(home).expanduser()
        if not file.is_file():
            raise setting.wrong(f"there is no file {file}")
        return f"{file.resolve()}:{class_name}"
    if _CLASS.fullmatch(home) is None:
        raise setting.wrong(f"{setting.value!r} is neither module:Class nor file.py:Class")
    return f"{home}:{class_name}"


def read_known_kind(setting: Setting, name: str, known: Collection[str]) -> str:
    """The name itself, if a kind of that name is known. Raises ConfigError with the nearest one."""
    if name not in known:
        raise setting.wrong(f"{name!r} is no kind here; known: {', '.join(sorted(known))}", nearest_of(name, known))
    return name
