"""What the next sprint should do otherwise: who, in which order, for how long, and how much at once; each with its reason.

Pure. It reads the facts of the sprints that were, and of each only what was counted. It proposes, and never by more than one
step: half the way to what was measured, one place of priority, a quarter of the time. Whoever plans takes it or leaves it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sprints.chronicle import Chronicle
from sprints.item import Item
from sprints.shape import split_shares
from sprints.spec import ITEMS_OUT_AN_AGENT, PRIORITIES, SPRINT_S

__all__ = ["Advice", "optimize_next"]

#: A sprint that had nothing to do for this share of its exec was too long; one that left this share of its items for want of
#: time was too short.
IDLE, CARRIED = 0.25, 0.1
#: How much longer or shorter the next one may be, and between which lengths in seconds it stays: 15 to 30 minutes.
LENGTH_STEP, SHORTEST_S, LONGEST_S = 1.25, SPRINT_S, 2 * SPRINT_S
#: Waiting before an agent beyond so many times the run itself is a queue; below the lower bound there is room for more.
QUEUED, ROOM = 2.0, 0.25
#: The least and the most items out at once for each agent.
LEAST_OUT, MOST_OUT = 1, 64
#: Workers that are busy for less of exec than this have room.
BUSY = 0.75
#: Failures of an item after which it is no longer tried first; and items behind one that make it go first.
FAILURES, BEHIND = 3, 3


@dataclass(frozen=True, slots=True)
class Advice:
    """What the next sprint should be.

    allocation: agents by role, as many as there were.  priorities: of items by id, those that change.  seconds: how long.
    out_an_agent: items on their way at once, for each agent.  reasons: a sentence for each of the four, by its name.
    """

    allocation: Mapping[str, int]
    priorities: Mapping[str, str]
    seconds: float
    out_an_agent: int
    reasons: Mapping[str, str]


def optimize_next(
    history: Sequence[Chronicle],
    items: Sequence[Item],
    allocation: Mapping[str, int],
    seconds: float,
    out_an_agent: int = ITEMS_OUT_AN_AGENT,
) -> Advice:
    """The advice for the next sprint.

    history: the sprints of this backlog, the oldest first.  items: those that are open.  allocation, seconds, out_an_agent: as
    the last sprint had them.
    """
    agents, why_agents = _allocation(history, items, allocation)
    priorities, why_priorities = _priorities(history, items)
    length_s, why_length = _length(history, seconds)
    out, why_out = _parallelism(history, out_an_agent)
    reasons = {"allocation": why_agents, "priorities": why_priorities, "seconds": why_length, "out_an_agent": why_out}
    return Advice(agents, priorities, length_s, out, reasons)


def _allocation(
    history: Sequence[Chronicle], items: Sequence[Item], allocation: Mapping[str, int]
) -> tuple[dict[str, int], str]:
    """Agents in the proportion of the work that is left for each role, half the way from what they were."""
    total = sum(allocation.values())
    work_s = _work_s(history, items, allocation)
    whole_s = sum(work_s.values())
    if not whole_s or len(allocation) < 2 or total < len(allocation):
        return dict(allocation), "The roles stay as they are: no work is left to share out, or nobody to share it."
    wanted = [max(0.5 * allocation[role] / total + 0.5 * work_s[role] / whole_s, 0.0) for role in allocation]
    parts = split_shares(total - len(allocation), wanted)
    found = {role: part + 1 for role, part in zip(allocation, parts, strict=True)}
    moved = max(allocation, key=lambda role: abs(found[role] - allocation[role]))
    if found == dict(allocation):
        return found, "The roles stay as they are: their agents are in the proportion of the work that is left."
    return found, (
        f"Role {moved} goes from {allocation[moved]:,} to {found[moved]:,} agents: "
        f"{work_s[moved] / whole_s:.0%} of the work left is its own, and {allocation[moved] / total:.0%} of the agents were."
    )


def _work_s(history: Sequence[Chronicle], items: Sequence[Item], roles: Mapping[str, int]) -> dict[str, float]:
    """Seconds that the open items of each role will need: as they were measured, else as they were estimated.

    Estimates of a role that nothing is known of are taken as those of the other roles have turned out: all may be in another
    unit than the clock's, and a role is not to be the largest for want of a measurement.
    """
    ran: dict[str, list[float]] = {}
    for told in history:
        for receipt in told.receipts:
            if receipt.ran_s:
                ran.setdefault(receipt.role, []).append(receipt.ran_s)
    each_s = {role: sum(known) / len(known) for role, known in ran.items()}
    known_s = [(each_s[item.role], item.size_s) for item in items if item.role in each_s]
    factor = sum(ran_s for ran_s, _ in known_s) / sum(size_s for _, size_s in known_s) if known_s else 1.0
    work_s = dict.fromkeys(roles, 0.0)
    for item in items:
        if item.role in work_s:
            work_s[item.role] += each_s.get(item.role, item.size_s * factor)
    return work_s


def _priorities(history: Sequence[Chronicle], items: Sequence[Item]) -> tuple[dict[str, str], str]:
    """One place up for what others wait for or what was carried twice, one down for what fails again and again."""
    carried = Counter(item for told in history for left in told.carried.values() for item in left)
    failed = Counter(receipt.item for told in history for receipt in told.receipts if receipt.verdict in ("failed", "unproven"))
    behind = Counter(other for item in items for other in item.after)
    changed: dict[str, str] = {}
    raised = lowered = 0
    for item in items:
        step = (behind[item.id] >= BEHIND or carried[item.id] > 1) - (failed[item.id] >= FAILURES)
        place = min(max(PRIORITIES.index(item.priority) + step, 0), len(PRIORITIES) - 1)
        if PRIORITIES[place] != item.priority:
            changed[item.id] = PRIORITIES[place]
            raised += step > 0
            lowered += step < 0
    if not changed:
        return {}, "The priorities stay as they are: nothing holds up others, was carried twice or fails again and again."
    return changed, (
        f"{raised:,} items go up, as others wait for them or they were carried twice; "
        f"{lowered:,} go down, as they failed {FAILURES} times or more."
    )


def _length(history: Sequence[Chronicle], seconds: float) -> tuple[float, str]:
    """A quarter longer where items were left for want of time, a quarter shorter where exec was over early."""
    if not history:
        return seconds, "The time stays as it is: there is no sprint yet to learn from."
    told = history[-1]
    planned_s = sum(span.planned_s for span in told.spans if span.phase == "exec")
    late = sum(len(items) for why, items in told.carried.items() if "time was up" in why or "in time" in why)
    share = late / len(told.planned) if told.planned else 0.0
    idle = 1 - told.exec_s / planned_s if planned_s else 0.0
    least_s, most_s = min(SHORTEST_S, seconds), max(LONGEST_S, seconds)
    late_text, used_text = f"{share:.0%} of its items were left for want of time", f"exec took {1 - idle:.0%} of its time"
    if share > CARRIED and seconds < most_s:
        longer_s = min(seconds * LENGTH_STEP, most_s)
        return longer_s, f"The sprint gets {longer_s:,.0f} s in place of {seconds:,.0f} s: {late_text}."
    if idle > IDLE and seconds > least_s:
        shorter_s = max(seconds / LENGTH_STEP, least_s)
        return shorter_s, f"The sprint gets {shorter_s:,.0f} s in place of {seconds:,.0f} s: {used_text}."
    return seconds, f"The time stays at {seconds:,.0f} s: {late_text}, and {used_text}."


def _parallelism(history: Sequence[Chronicle], out_an_agent: int) -> tuple[int, str]:
    """Half as many at once where items queue before busy agents, twice as many where workers have room and nothing queues."""
    if not history or not history[-1].ran_s:
        return out_an_agent, "As many items stay out at once: it was not measured how long any of them ran."
    told = history[-1]
    waits = sum(receipt.waited_s for receipt in told.receipts if not receipt.error) / told.ran_s
    busy = min(told.ran_s / told.room_s, 1.0) if told.room_s else 0.0
    why = f"they waited {waits:.1f} times as long as they ran, and workers were busy for {busy:.0%} of exec."
    if waits > QUEUED and busy >= BUSY and out_an_agent > LEAST_OUT:
        fewer = max(out_an_agent // 2, LEAST_OUT)
        return fewer, f"{fewer} items an agent are out at once in place of {out_an_agent}: {why}"
    if waits < ROOM and busy < BUSY and out_an_agent < MOST_OUT and told.left:
        more = min(out_an_agent * 2, MOST_OUT)
        return more, f"{more} items an agent are out at once in place of {out_an_agent}: {why}"
    return out_an_agent, f"{out_an_agent} items an agent stay out at once: {why}"
