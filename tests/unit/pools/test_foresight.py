"""Risks from the threshold on, and an answer to every one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pools.errors import BadArgument, BadReply
from pools.foresight import (
    DEPENDENCY_CONFLICT,
    HIGH_ERROR_RATE,
    PARTS,
    RESOURCE_EXHAUSTION,
    Facts,
    Plan,
    check_dependencies,
    find_specialist,
    mitigate,
    resolve_dependencies,
    risks_of,
    split_task,
    will_exceed_resources,
)
from pools.history import Record
from pools.outlook import Outlook
from pools.spec import ForesightSpec


def outlook(**failed: int) -> Outlook:
    """Failures of a hundred tasks, by place."""
    record = Record(0.0)
    for place, count in failed.items():
        record.learn((place, 1), 100, count, 0.0)
    return Outlook(record, 0.0)


STATES = {"a": "done", "b": "running", "c": "waiting", "d": "failed"}
AFTER = {"c": ["b"], "e": ["c", "a"]}


def facts(**changed: Any) -> Facts:
    plain = Facts(outlook(bad=95, good=1, fair=3, poor=40), "good", 1, need={}, left={})
    return replace(plain, state_of=STATES.get, after_of=lambda task: AFTER.get(task, ()), **changed)


def test_the_threshold_is_seven_tenths_unless_it_is_set_otherwise() -> None:
    assert ForesightSpec() == ForesightSpec(is_on=True, threshold=0.7, control=0.05)


def test_a_task_without_risks_has_none() -> None:
    assert risks_of(facts(), 0.7) == []
    assert mitigate(facts(), []) == Plan()


def test_the_probability_of_a_high_error_rate_is_the_error_rate() -> None:
    (risk,) = risks_of(facts(place="bad"), 0.7)
    assert (risk.name, risk.mitigation) == (HIGH_ERROR_RATE, "assign_to_specialist")
    assert risk.probability == pytest.approx(0.95, abs=0.01)
    assert risk.cause == "95% of such tasks fail in bad"


@pytest.mark.parametrize(("threshold", "is_risky"), [(0.699999, True), (0.7, True), (0.700001, False)])
def test_a_risk_counts_from_the_threshold_on(threshold: float, is_risky: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Outlook, "expect", lambda *_: 0.7)
    assert bool(risks_of(facts(), threshold)) is is_risky


@pytest.mark.parametrize(("threshold", "names"), [(0.8, 2), (0.81, 1), (0.9, 1), (0.91, 0)])
def test_the_threshold_holds_for_every_risk(threshold: float, names: int) -> None:
    """Exhaustion is certain by 0.9, a conflict by 0.8."""
    assert len(risks_of(facts(need={"mem_bytes": 2}, left={"mem_bytes": 1}, after=["b"]), threshold)) == names


def test_will_exceed_resources_names_what_there_is_not_enough_of() -> None:
    need, left = {"mem_bytes": 100, "size": 10, "gpu": 1}, {"mem_bytes": 99, "size": 10, "slots": 0}
    assert will_exceed_resources(need, left) == ("mem_bytes",)
    assert will_exceed_resources({"mem_bytes": 99}, left) == ()
    (risk,) = risks_of(facts(need=need, left=left), 0.7)
    assert (risk.name, risk.probability, risk.mitigation) == (RESOURCE_EXHAUSTION, 0.9, "split_task")


def test_check_dependencies_names_what_is_not_done() -> None:
    assert check_dependencies(["a", "b", "c", "d", "nobody"], STATES.get) == ("b", "c", "d", "nobody")
    assert check_dependencies(["a"], STATES.get) == ()
    (risk,) = risks_of(facts(after=["a", "b"]), 0.7)
    assert (risk.name, risk.probability, risk.mitigation) == (DEPENDENCY_CONFLICT, 0.8, "resolve_deps_first")
    assert risk.cause == "these are not done: b"


def test_find_specialist_takes_the_best_and_those_that_are_as_good() -> None:
    known = outlook(bad=95, good=1, fair=3, poor=40)
    assert find_specialist(known, 1, 0.95) == ("good", "fair")


def test_a_specialist_has_to_be_good_enough_and_known() -> None:
    assert find_specialist(outlook(bad=95, worse=99, poor=80), 1, 0.95) == ()
    assert find_specialist(outlook(poor=40), 1, 0.95)[0] == "poor"
    assert find_specialist(Outlook(None, 0.0), 1, 0.95) == ()
    record = Record(0.0)
    record.learn(("bad", 1), 100, 95, 0.0)
    record.learn(("new", 1), 2, 0, 0.0)
    assert find_specialist(Outlook(record, 0.0), 1, 0.95) == ()


def test_split_task_gives_the_arguments_of_each_part_as_they_are_sent() -> None:
    assert split_task([[1], [[1, 2]], [1, 2], [], {"x": 1}, {}]) == [1, [[1, 2]], [1, 2], None, {"x": 1}, None]


@pytest.mark.parametrize("answer", [None, 3, "ab", {"x": 1}, [1], [[1], "x"], [[1]] * (PARTS + 1)])
def test_what_split_may_not_answer_is_refused(answer: Any) -> None:
    with pytest.raises(BadReply, match="split answers"):
        split_task(answer)


def test_resolve_dependencies_puts_each_behind_what_it_depends_on() -> None:
    states = {"a": "queued", "b": "queued", "c": "queued", "d": "queued", "x": "done", "y": "failed"}
    after = {"d": ["b", "c", "x"], "c": ["a", "y"], "b": ["a"]}
    order = resolve_dependencies(["d", "x", "unknown"], states.get, lambda task: after.get(task, ()))
    assert order == ("a", "b", "c", "d")


def test_a_cycle_of_dependencies_is_named() -> None:
    after = {"a": ["b"], "b": ["c"], "c": ["b"]}
    with pytest.raises(BadArgument, match="b → c → b"):
        resolve_dependencies(["a"], lambda _task: "queued", lambda task: after.get(task, ()))


def test_a_long_chain_of_dependencies_is_followed_and_an_endless_one_refused() -> None:
    def after_of(task: str) -> list[str]:
        return [str(int(task) + 1)] if int(task) < 9_000 else []

    assert len(resolve_dependencies(["0"], lambda _task: "queued", after_of)) == 9_001
    with pytest.raises(BadArgument, match="more than 10,000"):
        resolve_dependencies(["0"], lambda _task: "queued", lambda task: [str(int(task) + 1)])


def test_all_risks_are_mitigated_not_only_the_first() -> None:
    """A bad place, too little memory and an open dependency at once."""
    task = facts(place="bad", need={"mem_bytes": 2}, left={"mem_bytes": 1}, after=["c"], can_split=True)
    risks = risks_of(task, 0.7)
    assert [risk.name for risk in risks] == [HIGH_ERROR_RATE, RESOURCE_EXHAUSTION, DEPENDENCY_CONFLICT]
    whole = Plan(specialists=("good", "fair"), is_split=True, first=("b", "c"))
    assert mitigate(task, risks) == whole
    assert mitigate(task, reversed(risks)) == whole


def test_a_mitigation_that_cannot_be_applied_stops_no_other() -> None:
    task = facts(place="bad", need={"size": 2}, left={"size": 1}, after=["b"], can_split=False)
    assert mitigate(task, risks_of(task, 0.7)) == Plan(("good", "fair"), is_split=False, first=("b",))
    task = replace(task, outlook=outlook(bad=95), can_split=True)
    assert mitigate(task, risks_of(task, 0.7)) == Plan((), is_split=True, first=("b",))
