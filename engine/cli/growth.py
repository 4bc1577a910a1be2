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
    from engine.client import Client
    from engine.config import Config
    from engine.daemon import StartReport
    from engine.paths import Paths
    from engine.spawned import Spawned

__all__ = ["Grown", "Wish", "grow"]

#: Seconds that an engine which somebody else starts may take to listen, and between two looks at it.
PATIENCE_S, LOOK_S = 30.0, 0.02


class Wish(NamedTuple):
    """What shall be there.

    references: classes to load, `module:Class` or `/folder/file.py:Class`.  paths: folders where workers find modules.
    warm: make the objects now.
    """

    orders: Sequence[Order]
    references: Sequence[str]
    paths: Sequence[str]
    warm: bool


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
    from asyncio import run  # after the fork of a daemon, which has its own to import

    return Grown(started, run(_talk(config, environ, paths, wish, is_ours=started is not None)))


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


async def _talk(config: Config, environ: Mapping[str, str], paths: Paths, wish: Wish, *, is_ours: bool) -> list[Spawned]:
    from engine.client import Client

    client = Client(config.name, environ)
    await _connect(client, paths)
    try:
        return await _spawn(client, config, wish)
    except BaseException:
        if is_ours:
            await client.stop(emergency=True)
        raise
    finally:
        await client.close()


async def _connect(client: Client, paths: Paths) -> None:
    """Connect to an engine that may be starting. Raises NotRunning, and Unavailable where it runs but does not listen."""
    from asyncio import sleep

    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            await client.connect()
        except NotRunning as absent:
            pid = is_running(paths)
            if pid is None:
                raise
            if time.monotonic() > deadline_s:
                mend = command(paths.name, "stop --emergency")
                raise Unavailable(f"{called(paths.name)} (pid {pid}) runs, but does not listen; end it: {mend}") from absent
            await sleep(LOOK_S)
        else:
            return


async def _spawn(client: Client, config: Config, wish: Wish) -> list[Spawned]:
    loaded = [(await client.spawn(one, 0, reference=one, paths=wish.paths)).kind for one in wish.references]
    default = loaded[0] if loaded else config.default_kind
    orders = [order._replace(kind=order.kind or default) for order in wish.orders]
    for kind in await _missing_kinds(client, config, orders):
        await client.spawn(kind, 0, reference=config.kinds[kind], paths=wish.paths)
    if len(orders) > 1:
        await _check_all(client, orders)
    return [
        await client.spawn(str(order.kind), order.wanted, add=order.add, keys=order.keys, warm=wish.warm) for order in orders
    ]


async def _missing_kinds(client: Client, config: Config, orders: Sequence[Order]) -> list[str]:
    """The kinds that the engine has to load first, all of which the configuration knows. Raises UnknownKind."""
    known = await client.kinds()
    missing = [str(order.kind) for order in orders if order.kind not in known]
    for kind in missing:
        if kind not in config.kinds:
            raise _unknown(kind, {**config.kinds, **known})
    return missing


async def _check_all(client: Client, orders: Sequence[Order]) -> None:
    """Refuse several orders together where their sum does not fit."""
    pools, agents = await client.pools(), (await client.stats())["agents"]
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
