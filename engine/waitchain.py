"""What an accepted task waits for in the end: over those that it depends on, the agent that each is for, and whom that asks.

Owns the words, and which task stands behind a node of the graph of waits. Pure: the graph and the register are handed in. A
task that depends on others holds no agent until they have ended, so such a chain is never a circle by itself: where it ends in
one, that is one of asks, and is broken as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from engine.options import Reference
from engine.register import Register
from engine.task import Task
from pools.waitgraph import ASK, DEPENDENCY, LOCK, Wait

__all__ = ["chain_of", "told"]

#: Steps of a chain that are told: of a longer one the first and the last.
TOLD = 16
#: What comes before an accepted task's name in the graph: no agent is called so.
ACCEPTED = "task "

#: The way in the graph of waits: from a node, with what else nodes wait for.
Way = Callable[[str, Callable[[str], Iterable[Wait]]], list[Wait]]


def chain_of(task: Task, register: Register, way: Way) -> list[Wait]:
    """What a task waits for, step by step, up to an agent that asks nobody; empty where no ask holds it up."""
    known: dict[str, Task] = {}

    def node_of(one: Task) -> str:
        node = f"{ACCEPTED}{one.name or register.id_of(one.number)}"
        known[node] = one
        return node

    def waits(node: str) -> Iterator[Wait]:
        one = known.get(node)
        if one is None or one.ended_s is not None:
            return
        if one.state != "waiting":
            yield Wait(node, one.agent, LOCK)
        else:
            others: list[Reference] = register.dependencies.waiting_for(one)
            yield from (Wait(node, node_of(other), DEPENDENCY) for name in others if (other := register.newest(name)))

    return way(node_of(task), waits)


def told(chain: list[Wait]) -> str:
    """The chain in words."""
    steps = [_words(wait) for wait in chain if wait.kind != LOCK or wait.waiter.startswith(ACCEPTED)]
    if len(steps) > TOLD:
        steps = [*steps[: TOLD // 2], f"({len(steps) - TOLD:,} more)", *steps[-TOLD // 2 :]]
    return "; ".join(steps)


def _words(wait: Wait) -> str:
    if wait.kind == ASK:
        return f"{wait.waiter.partition(' ')[0]} waits for an answer of {wait.holder}"
    return f"{wait.waiter} {'is for' if wait.kind == LOCK else 'waits for'} {wait.holder}"
