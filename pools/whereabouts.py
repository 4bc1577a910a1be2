"""Why a task was not begun: its agent is not here, or about to go.

Owns the words, so that who hears of such a failure can tell it from one that the task itself ended with, whose method may have
asked an agent that is not here. Pure.
"""

from __future__ import annotations

from pools.address import Key, address_of
from pools.errors import AgentMoving, Failure, UnknownAgent

__all__ = ["is_elsewhere", "moving", "numbered", "removed", "unknown"]

#: What follows the address in each text.
UNSPAWNED, MOVING, NUMBERED = ";", " is on its way to another engine", ": numbered agents are spawned as a range"
REMOVED = " was removed before this task ended"


def unknown(kind: str, key: Key, more: str) -> UnknownAgent:
    """There is no such agent. more: what there is, or what to do."""
    return UnknownAgent(f"no agent {address_of(kind, key)}{UNSPAWNED} {more}")


def numbered(kind: str, key: Key) -> UnknownAgent:
    """There is no such agent, and it is not made on use."""
    return UnknownAgent(f"{address_of(kind, key)}{NUMBERED}; give this one a name")


def removed(kind: str, key: Key) -> UnknownAgent:
    """The agent was there when the task came."""
    return UnknownAgent(f"agent {address_of(kind, key)}{REMOVED}")


def moving(kind: str, key: Key) -> AgentMoving:
    """The agent takes no tasks here any more."""
    return AgentMoving(f"{address_of(kind, key)}{MOVING}")


def is_elsewhere(failure: Failure, kind: str, key: Key) -> bool:
    """Whether a task for this agent failed since it is not here, or about to go; what it asked of others is none of it."""
    address = address_of(kind, key)
    if failure.type == AgentMoving.__name__:
        return failure.message.startswith(f"{address}{MOVING}")
    texts = (f"no agent {address}{UNSPAWNED}", f"{address}{NUMBERED}", f"agent {address}{REMOVED}")
    return failure.type == UnknownAgent.__name__ and failure.message.startswith(texts)
