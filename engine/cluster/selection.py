"""Which node a task that names no agent would best go to.

Owns what makes a node able, and which of the able ones is first. A node that is full, draining, or not heard is never among
them. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.cluster.membership import FRESH, Member
from engine.cluster.subjects import ANY

__all__ = ["able", "has_skill", "rank"]

#: Share of a node's room that is kept for tasks above normal priority, by priority from low to critical.
KEPT = (0.25, 0.1, 0.0, 0.0)
#: The place of normal tasks among the priorities.
NORMAL = 1


def has_skill(member: Member, kind: str, capability: str = ANY) -> bool:
    """Whether a node has a kind, and a capability."""
    info = member.heartbeat.info
    return kind in info.kinds and (capability == ANY or capability in info.capabilities)


def able(members: Mapping[str, Member], kind: str, capability: str = ANY) -> list[str]:
    """The nodes that are heard, take tasks, and have the kind and the capability, full or not; in the order of ids."""
    return sorted(
        node
        for node, member in members.items()
        if member.state in FRESH and member.state != "draining" and has_skill(member, kind, capability)
    )


def rank(members: Mapping[str, Member], kind: str, capability: str = ANY, priority: int = NORMAL) -> list[str]:
    """The nodes that have room for a task of a priority (0 low to 3 critical), the one with the largest free share first.

    Of low and normal tasks a node is left some room for those that are more urgent.
    """
    scored = []
    for node in able(members, kind, capability):
        heartbeat = members[node].heartbeat
        free = heartbeat.room - heartbeat.running
        if members[node].state == "online" and free > heartbeat.room * KEPT[priority]:
            scored.append((-free / heartbeat.room, -free, node))
    return [node for _, _, node in sorted(scored)]
