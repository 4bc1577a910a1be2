"""`planning`: a sprint planned from nothing but its backlog: which tasks it takes, in which order and wave, and which agent
does each. A task waits for one other on average, so that the order is not for free."""

from __future__ import annotations

import gc
import random
import time
from typing import TYPE_CHECKING

from bench.figures import Metric, Reading
from bench.workload import Size, Workload
from sprints.assignment import Place, assign_optimal
from sprints.backlog import Backlog, Role, ShipSpec
from sprints.item import Item
from sprints.plan import plan_sprint
from sprints.shape import SHAPES
from sprints.spec import PRIORITIES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sprints.plan import Plan

__all__ = ["WORKLOAD"]

TASKS, AGENTS, ROLES = 100_000, 5_000, 10
QUICK_TASKS = 5_000
#: what is drawn by chance, the same each time.
SEED = 5
#: how far back a task may look for what it waits for.
BACK = 5_000


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: all tasks, then half of them, where each must be weighed against the capacity."""
    chance = random.Random(SEED if size.seed is None else size.seed)
    count = size.pick(TASKS, QUICK_TASKS)
    backlog = _backlog(count, chance)
    places = [Place(f"a{at}", f"r{at % ROLES}", chance.random()) for at in range(AGENTS)]
    for _ in range(size.runs):
        readings = {}
        for name, capacity in (("all", count), ("half", count // 2)):
            gc.collect()
            start = time.perf_counter()
            plan = plan_sprint(backlog, {"worker": capacity})
            chosen = assign_optimal([backlog.items[item] for item in plan.items], places)
            seconds = time.perf_counter() - start
            _check(backlog, plan, capacity, list(chosen.values()))
            readings[name] = Reading(seconds, None, capacity)
        yield readings


def _backlog(count: int, chance: random.Random) -> Backlog:
    items = {}
    for at in range(count):
        waits = chance.randrange(3) if at else 0
        after = tuple({f"t{chance.randrange(max(0, at - BACK), at)}" for _ in range(waits)})
        items[f"t{at}"] = Item(
            f"t{at}",
            "a task",
            f"r{at % ROLES}",
            "run",
            priority=chance.choice(PRIORITIES),
            after=after,
            value=chance.random(),
            size_s=0.1 + chance.random(),
        )
    roles = {f"r{at}": Role("worker", AGENTS // ROLES) for at in range(ROLES)}
    return Backlog("bench", "", roles, SHAPES["waves"], ShipSpec(), items)


def _check(backlog: Backlog, plan: Plan, capacity: int, chosen: Sequence[str | None]) -> None:
    """Raises ValueError if the plan is not one."""
    taken = dict.fromkeys(plan.items)
    before: set[str] = set()
    for name in taken:
        if not before.issuperset(backlog.items[name].after):
            raise ValueError(f"{name} is planned before what it waits for")
        before.add(name)
    if len(taken) != len(plan.items) or len(taken) > capacity or len(taken) + sum(plan.left.values()) != len(backlog.items):
        raise ValueError(f"{len(plan.items):,} tasks were planned of {len(backlog.items):,}, for a capacity of {capacity:,}")
    if len(chosen) != len(taken) or None in chosen:
        raise ValueError("a task has no agent")


WORKLOAD = Workload(
    name="planning",
    about="100,000 tasks, one dependency each, in 4 waves over 5,000 agents of 10 roles",
    metrics=(
        Metric("all", "s", "all tasks taken, ordered, assigned", against="none", reach="≤ 0.5 s"),
        Metric("half", "s", "a capacity of half of them", against="none", reach="≤ 0.5 s"),
    ),
    rounds=rounds,
    runs=5,
)
