"""What one node decides in a step of the plan: which of its agents go where, which may come, and when it is done.

Owns the argument for "in exactly one place". An agent that leaves takes no tasks on its old node from the moment in which it is
given out, durably, until it is removed there; it is removed only after its new node has said that it is there, durably. The new
node takes it in at that version only, and only if nobody had that address there when the step began: who is there then has come
in this step, and stays as it is. A node that gives an agent away has seen the later version, keeps that in mind over its own
death, and takes nothing of an earlier one from then on. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from engine.cluster.plan import Plan
from engine.keyset import RANGES, KeySet, keyset

__all__ = ["STAYS", "Verdict", "belonging", "goes_to", "leaving", "strangers", "verdict"]

#: Stands for the node of an agent that goes nowhere.
STAYS = ""

#: What becomes of agents that are offered: they come, the step is over, or this node has not heard of it yet.
Verdict = Literal["take", "late", "early"]


def leaving(node: str, plan: Plan, agents: Iterable[str]) -> dict[str, list[str]]:
    """Those of a node's agents that are to go, by the node that they go to.

    Who did not belong here before is not the cluster's: somebody spawned it on this node alone, and it stays.
    """
    found: dict[str, list[str]] = {}
    if not plan.is_settled and node in plan.parties:
        for address in agents:
            if plan.former(address) == node and (home := plan.home(address)) != node:
                found.setdefault(home, []).append(address)
    return found


def strangers(node: str, plan: Plan, agents: Iterable[str]) -> list[str]:
    """Agents that are on a node before anything of a step came, and that another node is going to give to it."""
    if plan.is_settled or node not in plan.nodes:
        return []
    return [address for address in agents if plan.home(address) == node != plan.former(address)]


def goes_to(node: str, plan: Plan, address: str) -> str:
    """Where an agent of a node goes until all is as it is wanted; STAYS where it does not go, or is not the cluster's."""
    goal = plan.goal(address)
    return goal if goal != node and node in (plan.home(address), plan.former(address)) else STAYS


def belonging(node: str, plan: Plan, kind: str, count: int, names: Iterable[str]) -> Iterator[KeySet]:
    """Those of `kind/0` to `kind/COUNT-1`, and of these names, that belong on a node, in parts that can be asked for."""
    for start in range(0, count, RANGES):
        numbers = range(start, min(start + RANGES, count))
        yield keyset(number for number in numbers if plan.home(f"{kind}/{number}") == node)
    if found := [name for name in names if plan.home(f"{kind}/{name}") == node]:
        yield keyset(found)


def verdict(node: str, plan: Plan, version: int, *, is_ready: bool) -> Verdict:
    """What a node says to agents that are offered to it in a step. is_ready: it has looked for strangers in this step."""
    if version > plan.version or (version == plan.version and not is_ready):
        return "early"
    return "take" if version == plan.version and not plan.is_settled and node in plan.nodes else "late"
