"""How many items a sprint takes: so many an agent, corrected by what earlier sprints got through, for each kind of agents.

Pure: it is told what earlier sprints did, how many agents there are and how long they have. Roles of one kind share its agents,
so they share what these can do; those of another kind can do nothing of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sprints.backlog import Backlog
from sprints.chronicle import Chronicle
from sprints.spec import RATE_STEP, TASKS_AN_AGENT

__all__ = ["Rate", "capacities_of", "capacity_of", "rates_of"]


class Rate(NamedTuple):
    """What a sprint got through. items: an agent and second.  is_least: nothing was left to do, so it could have been more."""

    items: float
    is_least: bool = False


def capacities_of(backlog: Backlog, exec_s: float, rates: Mapping[str, Sequence[Rate]]) -> dict[str, int]:
    """How many items the agents of each kind are given, by the kind. rates: of earlier sprints, as for `capacity_of`."""
    agents: Counter[str] = Counter()
    for role in backlog.roles.values():
        agents[role.kind] += role.agents
    return {kind: capacity_of(count, exec_s, rates.get(kind, ())) for kind, count in agents.items()}


def capacity_of(agents: int, exec_s: float, rates: Iterable[Rate] = ()) -> int:
    """How many items so many agents are given for a sprint that has so many seconds of exec; at least 1.

    Ten an agent while nothing was measured. rates: of earlier sprints, the oldest first: each moves the number half the way to
    what it got through, so never below its half, and at most to its double; one that had nothing left to do never down.
    """
    each = TASKS_AN_AGENT
    for rate in rates:
        moved = min((each + rate.items * exec_s) / 2, each * RATE_STEP)
        each = max(moved, each) if rate.is_least else moved
    return max(round(agents * each), 1)


def rates_of(told: Chronicle, backlog: Backlog) -> dict[str, Rate]:
    """Items that ended, an agent and second of exec, by the kind of the agents; nothing of kinds of which nothing ended.

    backlog: whose sprint it was. Time of a pause is no time, and the time of a kind is up with its last item where nothing of
    its own was left: it waits for other kinds then.
    """
    ends: dict[str, list[float]] = {}
    for receipt in told.receipts:
        if receipt.role in backlog.roles:
            ends.setdefault(backlog.roles[receipt.role].kind, []).append(receipt.at_s)
    agents: Counter[str] = Counter()
    for role, count in (told.header.get("roles") or {}).items():
        if role in backlog.roles:
            agents[backlog.roles[role].kind] += count
    late = _late(told, backlog)
    rates = {}
    for kind, at in ends.items():
        seconds = told.exec_s if kind in late else told.exec_until_s(at)
        if agents[kind] and seconds:
            rates[kind] = Rate(len(at) / agents[kind] / seconds, kind not in late)
    return rates


def _late(told: Chronicle, backlog: Backlog) -> set[str]:
    """Kinds that had no time for all that they could have done."""
    carried = [name for why, items in told.carried.items() if "time was up" in why or "aborted" in why for name in items]
    return {backlog.roles[backlog.items[name].role].kind for name in carried if name in backlog.items}
