"""The configuration: flags over the environment over `.env` over pools.yaml over defaults.

Owns the order of precedence, the search for pools.yaml and the finished `Config`, in which every value has been read,
checked and given its origin. Reads the environment, the folder and the machine from its arguments only. The command
line and the engine stand above it; the layers, the keys and the capacity check below.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import keys, layers
from engine.breakerkeys import read_breaker
from engine.capacity import check_agents_limit, check_pools
from engine.document import read_document
from engine.dotenv import read_dotenv
from engine.errors import ConfigError
from engine.limitkeys import read_limits
from engine.logkeys import LogSpec, read_log
from engine.machine import Machine, read_machine
from engine.paths import valid_name
from engine.setting import Setting
from pools.breaker import BreakerSpec
from pools.quota import Quotas
from pools.spec import AGENTS_TOTAL, ForesightSpec, PoolSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.layers import Layer

__all__ = ["FILE", "VARIABLE", "Config", "environment", "find_file", "load", "load_alone", "shipped_file"]

#: The name of an engine that was not given one.
NAME = "engine"
#: The file looked for in the current folder.
FILE = "pools.yaml"
#: The variable that names another file.
VARIABLE = "ENGINE_POOLS"
#: The kinds that are always there: one to try a swarm before a class is written, and those that agents share.
KINDS = {"counter": "pools.counter:Counter", "memory": "engine.kinds.memory:Memory", "topic": "engine.kinds.topic:Topic"}
DEFAULTS = {"name": NAME, "durability": "sync", "default_kind": "counter", "agents": str(AGENTS_TOTAL), "tracing": "false"}


@dataclass(frozen=True, slots=True)
class Config:
    """Every value that an engine starts with.

    file: the pools.yaml that was read.  folder: where the user's code stands: the file's, or the current one where the
    shipped file was read.  kinds: each kind's class, `module:Class` or `/whole/path/file.py:Class`.
    agents_limit: of all pools together.  breaker: when breakers open.  quotas: what each kind and tenant may take.
    log: how its log is written.  tracing: whether traces are recorded.
    price: what cpu and machine cost, for the reports of sprints; None where it is not said.
    origins: for each key path, where its value came from.  settings: what was written, where something was.
    without: kinds whose classes are not loaded, as `Engine` has it.
    """

    file: Path
    folder: Path
    name: str
    durability: str
    default_kind: str
    kinds: Mapping[str, str]
    pools: tuple[PoolSpec, ...]
    agents_limit: int
    breaker: BreakerSpec
    foresight: ForesightSpec
    quotas: Quotas
    log: LogSpec
    price: Mapping[str, str | float] | None
    tracing: bool
    machine: Machine
    origins: Mapping[str, str]
    settings: Mapping[str, Setting] = dataclasses.field(default_factory=dict)
    without: frozenset[str] = frozenset()


def load(
    file: Path | None,
    *,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    cwd: Path,
    machine: Machine | None = None,
) -> Config:
    """The configuration of a command that runs in `cwd`.

    file: what the flag -f named, None to look for one.  flags: values under key paths (`agents`, `pools.p1.cpu`,
    `kinds.scout`); None counts as not given.  Raises ConfigError with the key and, where there is one, file and line.
    """
    machine = machine or read_machine()
    dotenv = read_dotenv(cwd / ".env")
    unset = {name: variable.text for name, variable in dotenv.items() if not environ.get(name)}
    lines = {name: variable.line for name, variable in dotenv.items()}
    file = find_file(file, {**environ, **unset}, cwd)
    found = layers.from_document(read_document(file), file)
    pools = layers.pools_of(found)
    settings = {
        **_defaults(cwd),
        **found,
        **layers.from_variables(unset, pools, cwd, file=cwd / ".env", lines=lines, named=found),
        **layers.from_variables(environ, pools, cwd, named=found),
        **layers.from_flags(flags, pools, cwd),
    }
    return _Reading(settings, file, machine).config(pools, cwd if file == shipped_file() else file.parent)


def load_alone(file: Path, machine: Machine | None = None) -> Config:
    """The configuration that a file makes by itself, whatever flags and variables say. Raises ConfigError as `load`."""
    file = file.absolute()
    if not file.is_file():
        raise ConfigError(f"there is no file {file}", key="")
    found = layers.from_document(read_document(file), file)
    reading = _Reading({**_defaults(file.parent), **found}, file, machine or read_machine())
    return reading.config(layers.pools_of(found), file.parent)


def environment(environ: Mapping[str, str], cwd: Path) -> dict[str, str]:
    """The environment with what the `.env` file of a folder adds to it; a variable that is set wins."""
    dotenv = {name: variable.text for name, variable in read_dotenv(cwd / ".env").items()}
    return {**dotenv, **{name: text for name, text in environ.items() if text or name not in dotenv}}


def find_file(flag: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """The pools.yaml of a command: the flag's, else ENGINE_POOLS's, else ./pools.yaml, else the shipped one.

    Raises ConfigError if the file that a flag or the variable names does not exist.
    """
    for named, by in ((flag, "-f"), (environ.get(VARIABLE), VARIABLE)):
        if named:
            file = cwd / Path(named).expanduser()
            if not file.is_file():
                raise ConfigError(f"there is no file {file}", key=by)
            return file.resolve()
    here = cwd / FILE
    return here.resolve() if here.is_file() else shipped_file()


def shipped_file() -> Path:
    """The pools.yaml that comes with the engine: in a source tree the one at its top, which this folder links to."""
    return (Path(__file__).parent / FILE).resolve()


def _defaults(cwd: Path) -> Layer:
    values = {**DEFAULTS, **{f"kinds.{name}": home for name, home in KINDS.items()}}
    return {key: Setting(key, value, "default", cwd) for key, value in values.items()}


class _Reading:
    """The settings on their way to a configuration."""

    def __init__(self, settings: Layer, file: Path, machine: Machine) -> None:
        self._settings = settings
        self._file = file
        self._machine = machine

    def config(self, pools: list[str], folder: Path) -> Config:
        """Read every setting, then check what they make together."""
        at = self._settings
        agents_limit = keys.read_count(at["agents"])
        check_agents_limit(agents_limit, self._wrong)
        kinds = {
            key.removeprefix("kinds."): keys.read_kind(setting, key.removeprefix("kinds."))
            for key, setting in at.items()
            if key.startswith("kinds.")
        }
        specs = tuple(self._pool(name, kinds) for name in pools)
        check_pools(specs, agents_limit, self._machine, self._wrong)
        return Config(
            file=self._file,
            folder=folder,
            name=self._name(at["name"]),
            durability=keys.read_durability(at["durability"]),
            default_kind=keys.read_known_kind(at["default_kind"], at["default_kind"].one(), kinds),
            kinds=kinds,
            pools=specs,
            agents_limit=agents_limit,
            breaker=read_breaker(at),
            foresight=self._foresight(),
            quotas=read_limits(at, kinds),
            log=read_log(at),
            price=self._price(),
            tracing=keys.read_truth(at["tracing"]),
            machine=self._machine,
            origins=self._origins(pools),
            settings={key: setting for key, setting in at.items() if setting.value != ""},
        )

    def _name(self, setting: Setting) -> str:
        try:
            return valid_name(setting.one())
        except ConfigError as refused:
            raise setting.wrong(str(refused).removeprefix("name: ")) from refused

    def _foresight(self) -> ForesightSpec:
        values: dict[str, Any] = {}
        for key, field in keys.FORESIGHT_KEYS.items():
            setting = self._settings.get(f"foresight.{key}")
            if setting is not None:
                values[field] = keys.read_foresight(setting, key)
        return ForesightSpec(**values)

    def _price(self) -> dict[str, str | float] | None:
        given = {key: self._settings.get(f"price.{key}") for key in keys.PRICE_KEYS}
        return {key: keys.read_price(setting, key) for key, setting in given.items() if setting is not None} or None

    def _pool(self, name: str, kinds: Mapping[str, str]) -> PoolSpec:
        values: dict[str, Any] = {}
        for key, field in keys.POOL_KEYS.items():
            setting = self._settings.get(f"pools.{name}.{key}")
            if setting is not None and key == "kinds":
                values[field] = tuple(keys.read_known_kind(setting, one, kinds) for one in setting.several())
            elif setting is not None:
                values[field] = keys.read_limit(setting, key, self._machine)
        return PoolSpec(name, **values)

    def _wrong(self, key: str, message: str) -> ConfigError:
        """The error at the place of a key, or of the pool or file that leaves it to its default."""
        setting = self._settings.get(key) or self._settings.get(key.rpartition(".")[0])
        if setting is None:
            return ConfigError(message, key=key, file=self._file)
        return Setting(key, "", setting.origin, setting.folder, setting.file, setting.line).wrong(message)

    def _origins(self, pools: list[str]) -> dict[str, str]:
        named = [key for key, setting in self._settings.items() if setting.value != ""]
        every = dict.fromkeys([*layers.every_key(pools), *named])
        return {key: self._settings[key].origin if key in self._settings else "default" for key in every}
