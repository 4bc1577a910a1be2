"""The risks of a task before it is sent, and what is done against them.

Owns the rules: which risks there are, from which probability on one counts, which mitigation answers which. All that are
present are answered, none stops the others. Pure: what is known comes in, a plan goes out; who acts stands above.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pools.errors import BadArgument, BadReply
from pools.lane import sent_form
from pools.outlook import Outlook

__all__ = [
    "CONFLICTING",
    "DEPENDENCY_CONFLICT",
    "HIGH_ERROR_RATE",
    "RESOURCE_EXHAUSTION",
    "Facts",
    "Plan",
    "Risk",
    "check_dependencies",
    "find_specialist",
    "mitigate",
    "resolve_dependencies",
    "risks_of",
    "split_task",
    "will_exceed_resources",
]

HIGH_ERROR_RATE, RESOURCE_EXHAUSTION, DEPENDENCY_CONFLICT = "high_error_rate", "resource_exhaustion", "dependency_conflict"
#: How sure it is that a task fails that needs more than there is, and one whose dependencies are not done.
EXHAUSTED, CONFLICTING = 0.9, 0.8
#: A specialist fails at most this often as the task would where it would go.
BETTER = 0.5
#: Specialists that are as good as the best, but for this much, share the work.
AS_GOOD = 0.05
#: Parts that one task may be split into: they are all in flight together.
PARTS = 1_000
#: Dependencies of dependencies that are followed.
FOLLOWED = 10_000
#: States of a task for which nobody can wait.
OVER = frozenset({"done", "failed", "cancelled", "expired", None})


class Risk(NamedTuple):
    """Why a task may fail. probability: that it does.  mitigation: what is done against it.  cause: in words."""

    name: str
    probability: float
    mitigation: str
    cause: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a task before it is sent.

    place: where it would run, an agent's address or a pool's name.  size: its size class.  need, left: of each resource by name
    what it needs, and what there is.  after: the ids that it depends on.  state_of, after_of: the state of a task by its id,
    None where it is unknown, and what that one depends on.  can_split: its kind knows how to split it.
    """

    outlook: Outlook
    place: str
    size: int
    need: Mapping[str, float]
    left: Mapping[str, float]
    after: Sequence[str] = ()
    state_of: Callable[[str], str | None] = lambda _task: None
    after_of: Callable[[str], Iterable[str]] = lambda _task: ()
    can_split: bool = False


class Plan(NamedTuple):
    """What is done with a task: where it runs instead, whether in parts, which tasks have to end before.

    specialists: places that are equally good; empty leaves it where it would go.
    """

    specialists: tuple[str, ...] = ()
    is_split: bool = False
    first: tuple[str, ...] = ()


def will_exceed_resources(need: Mapping[str, float], left: Mapping[str, float]) -> tuple[str, ...]:
    """The names of the resources of which a task needs more than is left; what is not limited is always enough."""
    return tuple(name for name, amount in need.items() if name in left and amount > left[name])


def check_dependencies(after: Iterable[str], state_of: Callable[[str], str | None]) -> tuple[str, ...]:
    """The dependencies that conflict with a start now: unknown, not ended, or ended otherwise than done."""
    return tuple(task for task in after if state_of(task) != "done")


def find_specialist(outlook: Outlook, size: int, probability: float) -> tuple[str, ...]:
    """The places that are best at a task, and good enough; the best first, those that are as good behind it.

    probability: that it fails where it would go; a specialist fails at most half as often.
    """
    known = sorted(outlook.best(size).items(), key=lambda each: each[1])
    most = min([probability * BETTER, *(rate + AS_GOOD for _, rate in known[:1])])
    return tuple(place for place, rate in known if rate <= most)


def split_task(answer: Any) -> list[Any]:
    """The arguments of each part, as they are sent, from what a kind's `split` answered; one part is no split.

    Each part is a list of arguments, or an object of them by name.  Raises BadReply.
    """
    if type(answer) is not list or len(answer) > PARTS:
        raise BadReply(f"split answers a list of up to {PARTS:,} parts, got {type(answer).__name__}")
    if any(type(part) not in (list, dict) for part in answer):
        raise BadReply("each part that split answers is a list of arguments, or an object of them by name")
    return [(part or None) if type(part) is dict else sent_form(part) for part in answer]


def resolve_dependencies(
    after: Iterable[str], state_of: Callable[[str], str | None], after_of: Callable[[str], Iterable[str]]
) -> tuple[str, ...]:
    """Everything that has to end before, each behind what it depends on itself; what has ended or is unknown is left out.

    Raises BadArgument for a cycle, naming it, and past FOLLOWED tasks.
    """
    order: dict[str, None] = {}
    path: dict[str, None] = {}
    walk: list[tuple[str, bool]] = [(task, False) for task in reversed(list(after))]
    while walk:
        task, is_left = walk.pop()
        if is_left:
            del path[task]
            order[task] = None
            continue
        if task in path:
            ids = list(path)
            raise BadArgument(f"these wait for each other: {' → '.join([*ids[ids.index(task) :], task])}")
        if task in order or state_of(task) in OVER:
            continue
        if len(order) + len(path) >= FOLLOWED:
            raise BadArgument(f"more than {FOLLOWED:,} tasks would have to end before")
        path[task] = None
        walk.append((task, True))
        walk += [(each, False) for each in reversed(list(after_of(task)))]
    return tuple(order)


def risks_of(facts: Facts, threshold: float) -> list[Risk]:
    """All risks of a task whose probability is the threshold or more."""
    rate = facts.outlook.expect(facts.place, facts.size)
    risks = [Risk(HIGH_ERROR_RATE, rate, "assign_to_specialist", f"{rate:.0%} of such tasks fail in {facts.place}")]
    exceeded = will_exceed_resources(facts.need, facts.left)
    if exceeded:
        risks.append(Risk(RESOURCE_EXHAUSTION, EXHAUSTED, "split_task", f"it needs more than is left: {', '.join(exceeded)}"))
    conflicts = check_dependencies(facts.after, facts.state_of)
    if conflicts:
        said = f"these are not done: {', '.join(conflicts[:3])}{', …' if len(conflicts) > 3 else ''}"
        risks.append(Risk(DEPENDENCY_CONFLICT, CONFLICTING, "resolve_deps_first", said))
    return [risk for risk in risks if risk.probability >= threshold]


def mitigate(facts: Facts, risks: Iterable[Risk]) -> Plan:
    """What is done against the risks of a task: every one that something can be done against.

    Raises BadArgument for dependencies that wait for each other.
    """
    plan = Plan()
    for risk in risks:
        plan = _MITIGATIONS[risk.mitigation](facts, risk, plan)
    return plan


def _assign(facts: Facts, risk: Risk, plan: Plan) -> Plan:
    found = find_specialist(facts.outlook, facts.size, risk.probability)
    return plan._replace(specialists=() if facts.place in found else found)


def _split(facts: Facts, _risk: Risk, plan: Plan) -> Plan:
    return plan._replace(is_split=facts.can_split)


def _resolve(facts: Facts, _risk: Risk, plan: Plan) -> Plan:
    return plan._replace(first=resolve_dependencies(facts.after, facts.state_of, facts.after_of))


_MITIGATIONS: Mapping[str, Callable[[Facts, Risk, Plan], Plan]] = {
    "assign_to_specialist": _assign,
    "split_task": _split,
    "resolve_deps_first": _resolve,
}
