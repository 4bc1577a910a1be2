"""`deadlock`: 50 wait cycles, planted among 10,000 agents while 10,000 asks wait long for good reasons. From the ask that
closes a cycle to the error of the one that gives way; each cycle must be named, and nobody else may fail."""

from __future__ import annotations

import asyncio
import time
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.circles import Arc, Ring
from bench.figures import Metric, Reading
from bench.workload import Size, Workload
from engine import Engine, PoolSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

__all__ = ["WORKLOAD"]

AGENTS = 10_000
CYCLES, QUICK_CYCLES = 50, 10
#: agents of a cycle.
LENGTHS = (2, 7)
#: asks that wait long and are answered; each sleeper has at most so many in its mailbox.
WAITS, QUICK_WAITS = 10_000, 1_000
MOST_BEHIND = 400
#: agents of a chain that waits for a sleeper.
CHAIN = 20
#: seconds for which sleepers sleep: the cycles are planted meanwhile, over so many seconds.
NAP_S, QUICK_NAP_S = 12, 5
SPAN_S, QUICK_SPAN_S = 4.0, 1.0
#: seconds from an order to the moment at which crossed agents ask, all of which are held by then.
HOLD_S = 0.3
SEED = 4
#: a wait that was not broken after so many seconds never is.
GIVE_UP_S = 60.0


class _Found(NamedTuple):
    """One cycle: milliseconds from the closing ask to the error, None where none came. is_named: by its agents, in order."""

    took_ms: float | None
    is_named: bool


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: an engine of its own, its long waits, its cycles."""
    for number in range(size.runs):
        yield await _round(size, Random(SEED + number))


async def _round(size: Size, chance: Random) -> dict[str, Reading]:
    pools = [PoolSpec(name=name, agents=AGENTS, workers=2, sleep_after_s=None) for name in ("one", "two")]
    async with Engine(kinds=[Ring, Arc], pools=pools, agents_limit=2 * AGENTS) as engine:
        agents = [f"{kind.kind}/{key}" for key in range(AGENTS // 2) for kind in (Ring, Arc)]
        for kind in (Ring, Arc):
            await engine.spawn(kind, AGENTS // 2)
        chance.shuffle(agents)
        cycles = [_cut(agents, chance.randint(*LENGTHS)) for _ in range(size.pick(CYCLES, QUICK_CYCLES))]
        waits = _long_waits(engine, agents, size.pick(WAITS, QUICK_WAITS), size.pick(NAP_S, QUICK_NAP_S))
        await _standing(engine, size.pick(WAITS, QUICK_WAITS))
        span_s = QUICK_SPAN_S if size.is_quick else SPAN_S
        found = await asyncio.gather(*(_plant(engine, cycle, at, span_s, chance) for at, cycle in enumerate(cycles)))
        ended = await asyncio.gather(*waits, return_exceptions=True)
        wrong = sum(isinstance(one, BaseException) for one in ended)
        more = engine.stats().waits["deadlocks"] - sum(one.took_ms is not None for one in found)
    took_ms = sorted(one.took_ms for one in found if one.took_ms is not None)
    unnamed = [cycle for cycle, one in zip(cycles, found, strict=True) if not one.is_named]
    if unnamed:
        raise ValueError(f"{len(unnamed)} of {len(cycles)} cycles were not broken, or not named: {unnamed[0]}")
    return {
        "slowest": Reading(took_ms[-1], None, len(took_ms)),
        "p50": Reading(took_ms[len(took_ms) // 2], None, len(took_ms)),
        "false_alarms": Reading(wrong + more, None, size.pick(WAITS, QUICK_WAITS)),
    }


def _cut(agents: list[str], count: int) -> list[str]:
    taken = agents[-count:]
    del agents[-count:]
    return taken


def _long_waits(engine: Engine, agents: list[str], count: int, nap_s: float) -> list[asyncio.Future[Any]]:
    """Tasks with so many asks that wait: behind a sleeper, in chains to one, for one of two sleepers within a time limit."""
    sleepers = _cut(agents, 2 * count // MOST_BEHIND)
    waits = [engine.ask(sleeper, "nap", nap_s) for sleeper in sleepers]
    asks, sort = 0, 0
    while asks < count:
        sleeper = sleepers[sort % len(sleepers)]
        if sort % 3 == 0:
            first, *rest = _cut(agents, CHAIN)
            waits.append(engine.ask(first, "wait", [*rest, sleeper]))
            asks += CHAIN
        elif sort % 3 == 1:
            for asker in _cut(agents, CHAIN // 2):
                waits.append(engine.ask(asker, "wait", [sleeper]))
                asks += 1
        else:
            for asker in _cut(agents, CHAIN // 2):
                waits.append(engine.ask(asker, "either", sleeper, sleepers[(sort + 1) % len(sleepers)], GIVE_UP_S))
                asks += 2
        sort += 1
    return waits


async def _standing(engine: Engine, count: int) -> None:
    """Wait until so many long waits are known."""
    deadline_s = time.monotonic() + GIVE_UP_S
    while engine.swarm.deadlocks.blocked < count:
        if time.monotonic() > deadline_s:
            raise ValueError(f"of {count:,} long waits only {engine.swarm.deadlocks.blocked:,} are known")
        await asyncio.sleep(0.01)


async def _plant(engine: Engine, cycle: Sequence[str], at: int, span_s: float, chance: Random) -> _Found:
    """Close a cycle at some moment: by a chain of asks that comes back, or by tasks that hold each other's agents."""
    first_s = chance.uniform(0, span_s)
    await asyncio.sleep(first_s)
    if at % 2:
        asked = [engine.ask(cycle[0], "chain", [*cycle[1:], cycle[0]], timeout_s=GIVE_UP_S)]
    else:
        moment_ns = time.monotonic_ns() + int(HOLD_S * 1e9)
        pairs = zip(cycle, [*cycle[1:], cycle[0]], strict=True)
        asked = [engine.ask(agent, "cross", other, moment_ns, timeout_s=GIVE_UP_S) for agent, other in pairs]
    ended = await asyncio.gather(*asked, return_exceptions=True)
    rows = [row for one in ended if not isinstance(one, BaseException) for row in one]
    broken = [row for row in rows if row[1]]
    if len(broken) != 1:
        return _Found(None, is_named=False)
    [(_, failed_ns, text)] = broken
    return _Found((failed_ns - max(row[0] for row in rows)) / 1e6, is_named=any(name in text for name in _names(cycle)))


def _names(cycle: Sequence[str]) -> list[str]:
    """How a cycle may be named, by where it begins."""
    return [" -> ".join([*cycle[at:], *cycle[:at], cycle[at]]) for at in range(len(cycle))]


WORKLOAD = Workload(
    name="deadlock",
    about="50 wait cycles of 2 to 7 agents among 10,000, while 10,000 asks wait long",
    metrics=(
        Metric("slowest", "ms", "from the ask that closes a cycle to the error that breaks it; n is cycles", reach="≤ 100"),
        Metric("p50", "ms", "the same, the middle one"),
        Metric("false_alarms", "count", "waits that failed without a deadlock; n is long waits", reach="0"),
    ),
    rounds=rounds,
    runs=3,
)
