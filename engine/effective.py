"""Every value of a configuration, with the text that said it and the place where that stands.

Owns the list and the names of the sources. What a key means, and which source wins, was decided before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from engine import units
from engine.breakerkeys import BREAKER_KEYS
from engine.dotenv import PREFIX
from engine.keys import FORESIGHT_KEYS, LIFTED, POOL_KEYS
from engine.layers import variable_of
from engine.limitkeys import LIMIT_KEYS
from engine.logkeys import LOG_KEYS

if TYPE_CHECKING:
    from engine.config import Config
    from engine.setting import Setting

__all__ = ["SOURCES", "Value", "values_of", "written"]

#: Where a value may come from, the first of them that gives it wins.
SOURCES = ("flag", "environment", ".env", "file", "default")
#: The fields of `Config` that the engine's own keys set, where they are called otherwise.
FIELDS = {"agents": "agents_limit"}
#: How numbers of these keys are written.
SHARES = frozenset({"cpu", "failure_rate", "slow_rate", "jitter", "control"})
TIMES = frozenset({"sleep_after", "window", "slow_least", "slow", "open", "open_most", "probe"})


class Value(NamedTuple):
    """One value. key: its path.  value: as the engine has it.  text: as it is written, or would be.  source: of SOURCES.

    origin: the same in words, with the place.  variable: the one that sets it, or has set it.  file, line: where it stands.
    """

    key: str
    value: Any
    text: str
    source: str
    origin: str
    variable: str
    file: str | None
    line: int | None


def values_of(config: Config) -> list[Value]:
    """Every value, in the order in which keys are told of."""
    return [_value(config, key) for key in config.origins]


def _value(config: Config, key: str) -> Value:
    setting = config.settings.get(key)
    found = _found(config, key)
    source = _source(setting)
    text = written(key, found) if setting is None or source == "default" else _text(setting)
    file = None if setting is None or setting.file is None else str(setting.file)
    line = None if setting is None else setting.line
    return Value(key, found, text, source, config.origins[key], variable_of(key), file, line)


def _source(setting: Setting | None) -> str:
    if setting is None or setting.origin == "default":
        return "default"
    if setting.origin == "a flag":
        return "flag"
    if setting.file is None:
        return "environment"
    return ".env" if setting.origin.startswith(PREFIX) else "file"


def _found(config: Config, key: str) -> Any:
    """What the configuration has under a key path."""
    section, _, rest = key.partition(".")
    readers: dict[str, Callable[[str], Any]] = {
        "kinds": lambda name: config.kinds[name],
        "breaker": lambda name: getattr(config.breaker, BREAKER_KEYS[name][0]),
        "foresight": lambda name: getattr(config.foresight, FORESIGHT_KEYS[name]),
        "log": lambda name: getattr(config.log, LOG_KEYS[name][0]),
        "price": dict(config.price or {}).get,
        "limits": lambda name: _limit(config, name),
        "pools": lambda name: _of_pool(config, name),
    }
    if section in readers and rest:
        return readers[section](rest)
    return getattr(config, FIELDS.get(key, key))


def _of_pool(config: Config, rest: str) -> Any:
    name, _, key = rest.rpartition(".")
    spec = next(pool for pool in config.pools if pool.name == name)
    found = getattr(spec, POOL_KEYS[key])
    return list(found) if isinstance(found, tuple) else found


def _limit(config: Config, rest: str) -> Any:
    whose, _, named = rest.partition(".")
    owner, _, key = named.rpartition(".")
    quotas: Mapping[str, Any] = {
        "kinds": config.quotas.kinds,
        "tenants": config.quotas.tenants,
        "default_tenant": {"": config.quotas.default_tenant},
    }[whose]
    return getattr(quotas[owner], LIMIT_KEYS[key][0])


def _text(setting: Setting) -> str:
    return ", ".join(setting.value) if isinstance(setting.value, tuple) else setting.value or "null"


def written(key: str, found: Any) -> str:
    """A value as it would be written."""
    last = key.rpartition(".")[2]
    if found is None:
        return LIFTED.get(last, "none")
    if found == []:
        return "all"
    if isinstance(found, bool):
        return "true" if found else "false"
    if last in SHARES and isinstance(found, float):
        return units.show_cpu_share(found)
    if last in TIMES and isinstance(found, float):
        return units.show_seconds(found)
    return f"{found:g}" if isinstance(found, float) else str(found)
