"""Which items a sprint takes, and which of its waves does them.

Pure: the same backlog, capacity and history give the same plan. Who exactly does an item is decided when it is sent, by load;
or beforehand, by `sprints/assignment.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from sprints.backlog import Backlog, Role
from sprints.fitting import fitting
from sprints.item import Item
from sprints.order import ordered
from sprints.shape import Shape, split_shares

__all__ = ["Capacity", "Plan", "WavePlan", "plan_sprint"]


@dataclass(frozen=True, slots=True)
class WavePlan:
    """What one wave does. items: ids, the first ones first.  agents: how many of each role."""

    items: tuple[str, ...]
    agents: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sprint does. left: how many open items it does not, by why."""

    waves: tuple[WavePlan, ...]
    left: Mapping[str, int]

    @property
    def items(self) -> tuple[str, ...]:
        """All that the sprint takes, in its order."""
        return tuple(item for wave in self.waves for item in wave.items)


#: How many items are taken: of all roles, or of those of each kind.
Capacity = int | Mapping[str, int]


def plan_sprint(backlog: Backlog, capacity: Capacity, done: Collection[str] = (), *, shape: Shape | None = None) -> Plan:
    """The plan of the next sprint.

    capacity: each role has its share of it by its agents, and gives away what it has no items for, to roles of the same kind
    where kinds have capacities of their own.
    done: ids of what is done already.  shape: other than the backlog's.  An item goes into no earlier wave than what it waits
    for, and is not taken without it. No more are taken than a line of the ledger can name.
    """
    order = ordered(backlog.items, done)
    taken, full = _taken(backlog, order, capacity, done)
    is_labelled = any(item.feature is not None or item.bug is not None for item in order)
    named = fitting(taken, (lambda name: _labels(backlog, name)) if is_labelled else None)
    unnamed = len(taken) - named
    del taken[named:]
    waves = (shape or backlog.shape).waves
    ends = list(accumulate(split_shares(len(taken), [wave.tasks for wave in waves])))
    parts = [tuple(taken[begin:end]) for begin, end in zip([0, *ends], ends, strict=False)]
    agents = [_agents(backlog.roles, wave.agents) for wave in waves]
    left = {
        "over the capacity": full,
        "more than one sprint can name": unnamed,
        "waits for what is not taken": len(order) - len(taken) - full - unnamed,
    }
    return Plan(
        tuple(WavePlan(items, roles) for items, roles in zip(parts, agents, strict=True)),
        {why: count for why, count in left.items() if count},
    )


def _labels(backlog: Backlog, name: str) -> tuple[str, ...]:
    """What is counted beside an item in the first line of a ledger."""
    item = backlog.items[name]
    return tuple(label for label in (item.feature, item.bug) if label is not None)


def _taken(backlog: Backlog, order: Sequence[Item], capacity: Capacity, done: Collection[str]) -> tuple[list[str], int]:
    """The ids of the items that are taken, and how many were not as their role was full."""
    least = capacity if isinstance(capacity, int) else min(capacity.values())
    if least >= len(order):
        return [item.id for item in order], 0
    wanted = Counter([item.role for item in order])
    rooms: dict[str, int] = {}
    for roles, most in _sharing(backlog.roles, capacity):
        rooms |= _rooms(backlog.roles, {role: count for role, count in wanted.items() if role in roles}, most)
    if all(rooms[role] >= count for role, count in wanted.items()):
        return [item.id for item in order], 0
    taken: list[str] = []
    there = set(done)
    full = 0
    for item in order:
        if item.after and not there.issuperset(item.after):
            continue
        if rooms[item.role]:
            rooms[item.role] -= 1
            taken.append(item.id)
            there.add(item.id)
        else:
            full += 1
    return taken, full


def _sharing(roles: Mapping[str, Role], capacity: Capacity) -> list[tuple[list[str], int]]:
    """Roles that share a capacity, with what that is."""
    if isinstance(capacity, int):
        return [([*roles], capacity)]
    return [([name for name, role in roles.items() if role.kind == kind], most) for kind, most in capacity.items()]


def _rooms(roles: Mapping[str, Role], wanted: Mapping[str, int], capacity: int) -> dict[str, int]:
    """How many items each of some roles may do: by its agents, and what one has no use for goes to the others, by theirs."""
    rooms = dict.fromkeys(wanted, 0)
    free = min(capacity, sum(wanted.values()))
    while free:
        short = [role for role in wanted if wanted[role] > rooms[role]]
        shares = split_shares(free, [roles[role].agents for role in short])
        for role, share in zip(short, shares, strict=True):
            given = min(share, wanted[role] - rooms[role])
            rooms[role] += given
            free -= given
    return rooms


def _agents(roles: Mapping[str, Role], share: float) -> dict[str, int]:
    """How many of each role a wave has: its share of all, at least one of each role."""
    total = round(sum(role.agents for role in roles.values()) * share)
    parts = split_shares(total, [role.agents for role in roles.values()])
    return {name: max(part, 1) for name, part in zip(roles, parts, strict=True)}
