"""Whether pools can exist together on a machine.

Owns the least and the most of every limit, and the totals: agents, hard shares of cpu, memory. It is asked for pools
from a file and for pools made in code alike; who asks says how an error names its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine import units
from engine.errors import ConfigError
from engine.keys import POOL_KEYS
from engine.paths import valid_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.machine import Machine
    from pools.spec import PoolSpec

__all__ = ["check_agents_limit", "check_pools"]

#: Least and most of each limit. Memory: less than one megabyte is a forgotten unit. Workers: past a thousand processes
#: a machine only schedules. Sleep: a year is never; a millisecond is the shortest that a timer keeps.
#: Weight: a thousand times more or less is as good as all or nothing.
BOUNDS: dict[str, tuple[float, float]] = {
    "agents": (1, 1_000_000_000),
    "mem_bytes": (1_000_000, 2**50),
    "workers": (1, 1_024),
    "shards": (1, 4_096),
    "mailbox": (1, 10_000_000),
    "window": (1, 1_000_000),
    "sleep_after_s": (0.001, 366 * 86_400.0),
    "cpu": (1e-6, 1.0),
    "weight": (0.001, 1_000.0),
}
#: Share past 100% that rounding alone can make of a sum.
ROUNDING = 1e-9
#: Pools of one engine: each is at least one process.
POOLS_MOST = 1_024

#: Makes the error for a key path and a message.
Wrong = Callable[[str, str], ConfigError]


def _plainly(key: str, message: str) -> ConfigError:
    return ConfigError(message, key=key)


def check_agents_limit(limit: int, wrong: Wrong = _plainly) -> None:
    """Raises ConfigError for a total of agents out of bounds."""
    _check_bounds("agents", "agents", limit, wrong)


def check_pools(pools: Sequence[PoolSpec], agents_limit: int, machine: Machine, wrong: Wrong = _plainly) -> None:
    """Raises what `wrong(key, message)` makes for the first pool that cannot exist beside those before it.

    The key is the path that pools.yaml has for the value, such as `pools.p3.cpu`.
    """
    if not pools:
        raise wrong("pools", "there is no pool: give at least one, such as `p1: {agents: 2500}`")
    if len(pools) > POOLS_MOST:
        raise wrong("pools", f"there are {len(pools):,} pools, more than {POOLS_MOST:,}")
    names: set[str] = set()
    for pool in pools:
        _check_name(pool.name, names, wrong)
        for key, field in POOL_KEYS.items():
            value = getattr(pool, field)
            if field in BOUNDS and value is not None:
                _check_bounds(f"pools.{pool.name}.{key}", field, value, wrong)
        if pool.cpu_hard and pool.cpu is None:
            raise wrong(f"pools.{pool.name}.cpu_hard", "asks for a cap, but the pool has no cpu share: add `cpu: 25%`")
    _check_totals(pools, agents_limit, machine, wrong)


def _check_name(name: str, names: set[str], wrong: Wrong) -> None:
    try:
        valid_name(name)
    except ConfigError as refused:
        raise wrong(f"pools.{name}", str(refused).partition(": ")[2]) from refused
    if name in names:
        raise wrong(f"pools.{name}", "two pools have this name")
    names.add(name)


def _check_bounds(key: str, field: str, value: float, wrong: Wrong) -> None:
    least, most = BOUNDS[field]
    if not least <= value <= most:
        shows = {"mem_bytes": _bytes, "sleep_after_s": units.show_seconds, "cpu": units.show_cpu_share, "weight": _plain}
        show = shows.get(field, _number)
        raise wrong(key, f"{show(value)} is not between {show(least)} and {show(most)}")


def _check_totals(pools: Sequence[PoolSpec], agents_limit: int, machine: Machine, wrong: Wrong) -> None:
    agents, hard, mem_bytes = 0, 0.0, 0
    wanted = sum(pool.agents for pool in pools)
    for pool in pools:
        key = f"pools.{pool.name}"
        agents += pool.agents
        hard += (pool.cpu or 0) if pool.cpu_hard else 0
        mem_bytes += pool.mem_bytes or 0
        if agents > agents_limit:
            said = f"up to here the pools hold {agents:,} agents, the engine's limit is {agents_limit:,}"
            raise wrong(f"{key}.agents", f"{said}; lower the pools or set `agents: {wanted}` beside them")
        if hard > 1 + ROUNDING:
            said = f"up to here the hard shares are {units.show_cpu_share(hard)} of the machine"
            raise wrong(f"{key}.cpu", f"{said}; lower them or drop cpu_hard")
        if mem_bytes > machine.mem_bytes:
            said = f"up to here the pools may use {_bytes(mem_bytes)}, the machine has {_bytes(machine.mem_bytes)}"
            raise wrong(f"{key}.mem", f"{said}; lower them")


def _number(value: float) -> str:
    return f"{int(value):,}"


def _plain(value: float) -> str:
    return f"{value:g}"


def _bytes(value: float) -> str:
    """A size for reading: exact where a unit says it exactly, else in whole megabytes."""
    exact = units.show_size(int(value))
    return exact if len(exact) <= len("1000MiB") else f"{value / 1e6:,.0f}MB"
