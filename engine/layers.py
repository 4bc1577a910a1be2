"""The sources of the configuration, each as settings under their key paths.

Owns how a file, the environment, a `.env` file and flags name a key: `pools.p1.cpu` is that in a file and as a flag and
ENGINE_POOLS__P1__CPU in the environment. Refuses a key that nobody reads, with the nearest one that somebody does. Does
not decide which source wins: the configuration above does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.breakerkeys import BREAKER_KEYS
from engine.document import Branch, Leaf, Row
from engine.dotenv import PREFIX
from engine.keys import ENGINE_KEYS, FORESIGHT_KEYS, POOL_KEYS, PRICE_KEYS
from engine.limitkeys import LIMIT_KEYS, LIMIT_WHOSE
from engine.logkeys import LOG_KEYS
from engine.setting import Setting, nearest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from engine.document import Node

__all__ = ["Layer", "every_key", "from_document", "from_flags", "from_variables", "pools_of", "strangers_of", "variable_of"]

Layer = dict[str, Setting]

#: Variables that are no setting: where everything is kept, and which pools.yaml is read.
OTHER_VARIABLES = ("ENGINE_HOME", "ENGINE_POOLS")

#: What a pool's key is written as, said to who writes something else.
POOLS_SHAPE = "a mapping of pool names, such as `p1: {agents: 2500}`"
LIMITS_SHAPE = "a mapping of whose they are, such as `kinds: {scout: {rate: 100/s}}`"
KINDS_SHAPE = "a mapping of kinds to classes, such as `counter: pools.counter:Counter`"
#: The sections with keys of their own, what one is written as, and what is said of a key that it does not have.
SECTIONS: dict[str, tuple[Collection[str], str, str]] = {
    "breaker": (BREAKER_KEYS, "a mapping of its keys, such as `failure_rate: 50%`", "a breaker has no such key"),
    "foresight": (FORESIGHT_KEYS, "a mapping of its keys, such as `threshold: 0.7`", "foresight has no such key"),
    "log": (LOG_KEYS, "a mapping of its keys, such as `format: json`", "a log has no such key"),
    "price": (PRICE_KEYS, "a mapping of its keys, such as `cpu_hour: 0.04`", "a price has no such key"),
}


def from_document(tree: Branch, file: Path) -> Layer:
    """The settings of a file; each pool also has one of its own, `pools.p1`, so that its place is known.

    Raises ConfigError for an unknown key and for a value of the wrong shape.
    """
    layer: Layer = {}

    def put(key: str, node: Node, line: int) -> Setting:
        layer[key] = Setting(key, _value(node), f"{file}:{line}", file.parent, file, line)
        return layer[key]

    for key, node in tree.items.items():
        line = tree.lines[key]
        place = Setting(key, "", f"{file}:{line}", file.parent, file, line)
        if key in ENGINE_KEYS:
            _flat(put(key, node, line), node)
        elif key == "kinds":
            kinds = _branch(node, place, KINDS_SHAPE)
            for name, inner in kinds.items.items():
                _flat(put(f"kinds.{name}", inner, kinds.lines[name]), inner)
        elif key in SECTIONS:
            keys, shape, stranger = SECTIONS[key]
            section = _branch(node, place, shape)
            for name, inner in section.items.items():
                setting = put(f"{key}.{name}", inner, section.lines[name])
                _known(name, keys, setting, stranger)
                _flat(setting, inner)
        elif key == "limits":
            _limits(_branch(node, place, LIMITS_SHAPE), put)
        elif key == "pools":
            pools = _branch(node, place, POOLS_SHAPE)
            for name, inner in pools.items.items():
                pool = put(f"pools.{name}", Leaf("", node.line), pools.lines[name])
                body = _branch(inner, pool, "a mapping of a pool's keys, such as `agents: 2500`")
                for one, leaf in body.items.items():
                    setting = put(f"pools.{name}.{one}", leaf, body.lines[one])
                    _known(one, POOL_KEYS, setting, "a pool has no such key")
                    _flat(setting, leaf)
        else:
            _known(key, (*ENGINE_KEYS, *SECTIONS, "kinds", "limits", "pools"), place, _unknown(key))
    return layer


def _limits(whose: Branch, put: Callable[[str, Node, int], Setting]) -> None:
    """The settings of the `limits` section: whose they are, then a name, then the keys."""
    for part, node in whose.items.items():
        path = f"limits.{part}"
        place = put(path, Leaf("", node.line), whose.lines[part])
        _known(part, LIMIT_WHOSE, place, "limits are of kinds or of tenants")
        inner = _branch(node, place, "a mapping, such as `scout: {rate: 100/s}`")
        bodies = {"": inner} if part == "default_tenant" else inner.items
        for name, body in bodies.items():
            one = place if part == "default_tenant" else put(f"{path}.{name}", Leaf("", body.line), inner.lines[name])
            section = _branch(body, one, "a mapping of limits, such as `rate: 100/s`")
            for key, leaf in section.items.items():
                setting = put(f"{path}.{name}.{key}" if name else f"{path}.{key}", leaf, section.lines[key])
                _known(key, LIMIT_KEYS, setting, "there is no such limit")
                _flat(setting, leaf)


def from_variables(
    variables: Mapping[str, str],
    pools: Collection[str],
    cwd: Path,
    *,
    file: Path | None = None,
    lines: Mapping[str, int] | None = None,
    named: Iterable[str] = (),
) -> Layer:
    """The settings of the environment, or of a `.env` file with its lines; an empty variable counts as not set.

    named: keys of a file, whose names of tenants may have letters that a variable cannot have.
    Other programs may own variables that begin with ENGINE_, so one that is unknown is passed over; not so where a
    double underscore makes it one of a pool, a kind or a section. Raises ConfigError for such a one.
    """
    layer: Layer = {}
    known = {variable_of(key): key for key in [*every_key(pools), *_limits_of(named)]}
    for name, text in variables.items():
        key = known.get(name) or _free_key(name)
        line = None if lines is None else lines[name]
        origin = name if file is None else f"{name} in {file}:{line}"
        setting = Setting(key or name, text, origin, cwd, file, line)
        if key is None and name.startswith(f"{PREFIX}POOLS__"):
            raise setting.wrong("no pool of the file has such a key", _upper_nearest(name, known))
        for section, (_, _, stranger) in SECTIONS.items():
            if key is None and name.startswith(f"{PREFIX}{section.upper()}__"):
                raise setting.wrong(stranger, _upper_nearest(name, known))
        if key is None and name.startswith(f"{PREFIX}LIMITS__"):
            raise setting.wrong("there is no such limit; for example: ENGINE_LIMITS__KINDS__COUNTER__RATE")
        if key is not None and text:
            layer[key] = setting
    return layer


def from_flags(flags: Mapping[str, object], pools: Collection[str], cwd: Path) -> Layer:
    """The settings of flags, given under key paths; None counts as not given. Raises ConfigError for an unknown key."""
    layer: Layer = {}
    known = every_key(pools)
    for key, given in flags.items():
        if given is None:
            continue
        setting = Setting(key, _text(given), "a flag", cwd)
        if not key.startswith("kinds.") and not _is_limit(key):
            _known(key, known, setting, "there is no such key")
        layer[key] = setting
    return layer


def strangers_of(variables: Iterable[str], pools: Collection[str]) -> dict[str, str | None]:
    """Variables that begin with ENGINE_ but are nothing to the engine, each with the one that may have been meant."""
    known = [variable_of(key) for key in every_key(pools)] + list(OTHER_VARIABLES)
    strangers = [name for name in variables if name.startswith(PREFIX) and name not in known]
    return {name: _upper_nearest(name, known) for name in strangers if _free_key(name) is None}


def pools_of(layer: Layer) -> list[str]:
    """The names of the pools that a file's layer makes, in its order."""
    return [key.removeprefix("pools.") for key in layer if key.startswith("pools.") and key.count(".") == 1]


def variable_of(key: str) -> str:
    """The environment variable of a key path: ENGINE_POOLS__P1__CPU for `pools.p1.cpu`."""
    return PREFIX + key.replace(".", "__").replace("-", "_").upper()


def every_key(pools: Iterable[str]) -> list[str]:
    """The key paths of everything but kinds and limits, which have names that anybody may choose."""
    of_pools = [f"pools.{pool}.{key}" for pool in pools for key in POOL_KEYS]
    of_sections = [f"{section}.{key}" for section, (keys, _, _) in SECTIONS.items() for key in keys]
    return [*ENGINE_KEYS, *of_sections, *of_pools]


def _free_key(name: str) -> str | None:
    """The key of a variable in whose middle stands a name that anybody may choose: of a kind, or of whose a limit is."""
    if name.startswith(f"{PREFIX}KINDS__"):
        return f"kinds.{name.removeprefix(f'{PREFIX}KINDS__').lower()}"
    whose, _, rest = name.removeprefix(f"{PREFIX}LIMITS__").lower().partition("__")
    owner, _, limit = rest.rpartition("__")
    key = ".".join(part for part in ("limits", whose, owner, limit) if part)
    return key if name.startswith(f"{PREFIX}LIMITS__") and _is_limit(key) else None


def _is_limit(key: str) -> bool:
    """Whether a key path is that of a limit: `limits.kinds.counter.rate`, `limits.default_tenant.open`."""
    section, _, rest = key.partition(".")
    whose, _, named = rest.partition(".")
    owner, _, limit = named.rpartition(".")
    has_owner = bool(owner) is (whose != "default_tenant")
    return section == "limits" and whose in LIMIT_WHOSE and limit in LIMIT_KEYS and has_owner


def _limits_of(keys: Iterable[str]) -> list[str]:
    return [key for key in keys if _is_limit(key)]


def _known(key: str, known: Collection[str], place: Setting, message: str) -> None:
    if key not in known:
        raise place.wrong(message, nearest_of(key, known))


def _unknown(key: str) -> str:
    return "stands beside the pools, but is a pool's key" if key in POOL_KEYS else "there is no such key"


def _upper_nearest(name: str, known: Iterable[str]) -> str | None:
    found = nearest_of(name, [one.lower() for one in known])
    return None if found is None else found.upper()


def _branch(node: Node, place: Setting, shape: str) -> Branch:
    """The mapping that must stand here; nothing at all is an empty one."""
    if isinstance(node, Leaf) and not node.text:
        return Branch({}, {}, node.line)
    if not isinstance(node, Branch):
        raise place.wrong(f"is {_shape_of(node)}, but takes {shape}")
    return node


def _flat(setting: Setting, node: Node) -> None:
    """Refuse a mapping where a value stands, and a list of anything but values."""
    if isinstance(node, Branch):
        raise setting.wrong("is a mapping, but takes one value")
    if isinstance(node, Row) and not all(isinstance(item, Leaf) and item.text for item in node.items):
        raise setting.wrong("is a list in which not every entry is a single value")


def _value(node: Node) -> str | tuple[str, ...] | None:
    if isinstance(node, Leaf):
        return node.text
    items = node.items if isinstance(node, Row) else ()
    return tuple(item.text or "" for item in items if isinstance(item, Leaf))


def _shape_of(node: Node) -> str:
    return "a list" if isinstance(node, Row) else f"{node.text!r}" if isinstance(node, Leaf) else "a mapping"


def _text(given: object) -> str | tuple[str, ...]:
    """A flag's value as text: a number or a truth may come as itself."""
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, list | tuple):
        return tuple(str(item) for item in given)
    return str(given)
