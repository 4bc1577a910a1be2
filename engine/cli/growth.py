"""Growing an engine: start it if none runs, load kinds, make agents, all or nothing where that can be known before.

Owns the order of these steps. What is refused is refused before anything is started or spawned, and an engine that was
started for a spawn that then failed is ended again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.cli.misuse import meant
from engine.cli.orders import Order
from engine.cli.session import called, command
from engine.daemon import is_running, start
from engine.errors import AlreadyRunning, NotRunning, Unavailable, UnknownKind
from engine.paths import find_paths
from pools.placement import Placement
from pools.spec import PoolSpec

if TYPE_CHECKING:
    from engine.config import Config
    from engine.daemon import StartReport
    from engine.line import Line
    from engine.paths import Paths
    from engine.spawned import Spawned

__all__ = ["Grown", "Wish", "grow"]

#: Seconds that an engine which somebody else starts may take to listen, and between two looks at it.
PATIENCE_S, LOOK_S = 30.0, 0.02


class Wish(NamedTuple):
    """What shall be there.

    references: classes to load, `module:Class` or `/folder/file.py:Class`.  paths: folders where workers find modules.
    warm: make the objects now.  skills: of those that are made.
    """

    orders: Sequence[Order]
    references: Sequence[str]
    paths: Sequence[str]
    warm: bool
    skills: Sequence[str] = ()


class Grown(NamedTuple):
    """What was done. started: None where the engine ran already."""

    started: StartReport | None
    spawned: list[Spawned]


def grow(config: Config, environ: Mapping[str, str], wish: Wish) -> Grown:
    """Make a wish true. Raises TooManyAgents, UnknownKind and KindNotLoaded, with nothing spawned, and as `start` does."""
    paths = find_paths(config.name, environ)
    started = None
    if is_running(paths) is None:
        _check_new(config, wish)
        try:
            started = start(config, environ=environ, folder=config.folder)
        except AlreadyRunning:
            started = None  # somebody else was faster
    return Grown(started, _talk(config, environ, paths, wish, is_ours=started is not None))


def _check_new(config: Config, wish: Wish) -> None:
    """Refuse what an engine of this configuration could not hold, before it is started."""
    if not wish.references:
        for order in wish.orders:
            if order.kind is not None and order.kind not in config.kinds:
                raise _unknown(order.kind, config.kinds)
    _check_room(Placement(config.pools, config.agents_limit), wish.orders, {}, config.default_kind)


def _check_room(placement: Placement, orders: Sequence[Order], there: Mapping[str, int], default_kind: str) -> None:
    """Place every order on trial. there: agents of each kind. Raises TooManyAgents, UnknownKind."""
    for order in orders:
        kind = order.kind or default_kind
        if order.keys is not None:
            placement.add_names(kind, order.keys)
        else:
            missing = order.add if order.add is not None else max((order.wanted or 0) - there.get(kind, 0), 0)
            placement.add_range(kind, missing)


def _talk(config: Config, environ: Mapping[str, str], paths: Paths, wish: Wish, *, is_ours: bool) -> list[Spawned]:
    with _connected(config.name, environ, paths) as line:
        try:
            return _spawn(line, config, wish)
        except BaseException:
            if is_ours:
                line.request("stop", emergency=True)
            raise


def _connected(name: str, environ: Mapping[str, str], paths: Paths) -> Line:
    """A line to an engine that may be starting. Raises NotRunning, and Unavailable where it runs but does not listen."""
    from engine.line import Line  # after the fork of a daemon, whose workers need the time

    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return Line(name, environ)
        except NotRunning as absent:
            pid = is_running(paths)
            if pid is None:
                raise
            if time.monotonic() > deadline_s:
                mend = command(name, "stop --emergency")
                raise Unavailable(f"{called(name)} (pid {pid}) runs, but does not listen; end it: {mend}") from absent
            time.sleep(LOOK_S)


def _spawn(line: Line, config: Config, wish: Wish) -> list[Spawned]:
    loaded = [_spawned(line, kind=one, count=0, reference=one, paths=wish.paths).kind for one in wish.references]
    default = loaded[0] if loaded else config.default_kind
    orders = [order._replace(kind=order.kind or default) for order in wish.orders]
    for kind in _missing_kinds(line, config, orders):
        _spawned(line, kind=kind, count=0, reference=config.kinds[kind], paths=wish.paths)
    if len(orders) > 1:
        _check_all(line, orders)
    return [
        _spawned(
            line,
            kind=str(order.kind),
            count=order.wanted,
            add=order.add,
            keys=order.keys,
            warm=wish.warm,
            skills=list(wish.skills),
        )
        for order in orders
    ]


def _spawned(line: Line, **facts: Any) -> Spawned:
    from engine.spawned import Spawned

    return Spawned(**line.request("spawn", measure=True, **facts))


def _missing_kinds(line: Line, config: Config, orders: Sequence[Order]) -> list[str]:
    """The kinds that the engine has to load first, all of which the configuration knows. Raises UnknownKind."""
    known = line.request("kinds")
    missing = [str(order.kind) for order in orders if order.kind not in known]
    for kind in missing:
        if kind not in config.kinds:
            raise _unknown(kind, {**config.kinds, **known})
    return missing


def _check_all(line: Line, orders: Sequence[Order]) -> None:
    """Refuse several orders together where their sum does not fit."""
    pools, agents = line.request("pools"), line.request("stats")["agents"]
    specs = [PoolSpec(pool["name"], agents=pool["agents_limit"], kinds=tuple(pool["kinds"])) for pool in pools]
    placement = Placement(specs, agents["limit"])
    placement.used[:] = [pool["agents"] for pool in pools]
    placement.count = agents["total"]
    _check_room(placement, orders, agents["kinds"], "")


def _unknown(kind: str, known: Mapping[str, Any]) -> UnknownKind:
    nearest = meant(kind, known)
    names = "" if nearest else f"; known: {', '.join(sorted(known))}"
    return UnknownKind(
        f"there is no kind {kind!r}{nearest}{names}; a new one is loaded by --use module:Class or --use file.py:Class"
    )
