"""Where a task goes: to the node that its agent lives on, to whoever does its kind, or nowhere else than here.

Owns the choice; what is heard of the nodes, and how tasks travel, is others'. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.cluster.access import FabricAway
from engine.cluster.membership import Member
from engine.cluster.plan import Plan
from engine.cluster.selection import rank
from engine.cluster.subjects import ANY, Subjects
from engine.submission import Submission

__all__ = ["HERE", "where"]

#: Stands for the engine of this node, and for a node where there is none.
HERE = ""


def where(
    submission: Submission,
    subjects: Subjects,
    plan: Plan,
    members: Mapping[str, Member],
    *,
    is_away: bool,
    node: str,
    kinds: frozenset[str],
    capability: str = ANY,
) -> str:
    """The subject that a task goes to; HERE for the engine of this node.

    plan: where agents are placed.  members: those that were heard of.  node, kinds: this one, HERE for none, and what its
    engine has.  Raises FabricAway where it cannot go anywhere while the fabric is away.
    """
    kind, slash, _ = submission.address.partition("/")
    if slash:
        home = plan.now(submission.address)
        if not is_away:
            return subjects.build("task.assign", home)
        if home == node:
            return HERE
        raise FabricAway(f"{submission.address} lives on {home}, and the fabric is away")
    can_here = kind in kinds and capability == ANY
    if can_here and (is_away or not rank(members, kind, capability, submission.options.priority)):
        return HERE
    if is_away:
        raise FabricAway(f"no engine here does tasks of {kind} with the capability {capability}, and the fabric is away")
    return subjects.build("task.queue", capability, kind)
