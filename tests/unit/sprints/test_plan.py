"""A plan takes what its sprint can do, and puts it into waves in which nothing waits for a later one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sprints import fitting
from sprints.backlog import Role
from sprints.capacity import capacities_of
from sprints.plan import plan_sprint
from sprints.shape import SHAPES
from tests.support.backlogs import backlog_of, item


def test_waves_take_their_share_of_tasks_and_agents() -> None:
    plan = plan_sprint(backlog_of(*(item(f"t{at}") for at in range(100)), agents=1_000, shape="waves"), 100)
    assert [len(wave.items) for wave in plan.waves] == [20, 60, 15, 5]
    assert [wave.agents for wave in plan.waves] == [{"worker": 200}, {"worker": 600}, {"worker": 150}, {"worker": 50}]
    assert (len(plan.items), plan.left) == (100, {})


def test_no_more_is_taken_than_the_capacity_and_the_worthiest_first() -> None:
    plan = plan_sprint(backlog_of(item("a", priority="low"), item("b"), item("c", priority="high")), 2)
    assert plan.items == ("c", "b")
    assert plan.left == {"over the capacity": 1}


def test_nothing_is_taken_without_what_it_waits_for() -> None:
    roles = ("dev", "qa")
    items = [
        *(item(f"d{at}", role="dev", priority="high") for at in range(3)),
        item("q", "d2", role="qa"),
        item("p", role="qa"),
    ]
    plan = plan_sprint(backlog_of(*items, roles=roles), 4)
    assert plan.items == ("d0", "d1", "p")
    assert plan.left == {"over the capacity": 1, "waits for what is not taken": 1}


def test_a_role_with_few_agents_takes_few_items_and_room_that_is_left_goes_to_others() -> None:
    items = [*(item(f"d{at}", role="dev") for at in range(10)), *(item(f"q{at}", role="qa") for at in range(10))]
    backlog = backlog_of(*items, roles=("dev", "qa"))
    backlog.roles["dev"], backlog.roles["qa"] = Role("d", 30), Role("q", 10)  # type: ignore[index]
    taken = plan_sprint(backlog, 8).items
    assert (sum(name[0] == "d" for name in taken), len(taken)) == (6, 8)
    taken = plan_sprint(backlog, 18).items
    assert (sum(name[0] == "d" for name in taken), len(taken)) == (10, 18)


def test_a_kind_has_a_capacity_of_its_own_which_its_roles_share_and_nobody_else_takes() -> None:
    items = [item(f"{role[0]}{at}", role=role) for role in ("dev", "qa", "ops") for at in range(50)]
    backlog = backlog_of(*items, roles=("dev", "qa", "ops"))
    backlog.roles["dev"], backlog.roles["qa"] = Role("coder", 30), Role("coder", 10)  # type: ignore[index]
    plan = plan_sprint(backlog, {"coder": 20, "ops": 1_000})
    taken = Counter(name[0] for name in plan.items)
    assert taken == {"d": 15, "q": 5, "o": 50}
    assert plan.left == {"over the capacity": 80}
    assert Counter(name[0] for name in plan_sprint(backlog, {"coder": 100, "ops": 1}).items) == {"d": 50, "q": 50, "o": 1}
    assert len(plan_sprint(backlog, {"coder": 100, "ops": 50}).items) == 150


def test_nine_thousand_tasks_for_ten_agents_are_not_planned_whole() -> None:
    items = [*(item(f"r{at}", role="reviewer") for at in range(9_000)), *(item(f"d{at}", role="dev") for at in range(1_000))]
    backlog = backlog_of(*items, roles=("reviewer", "dev"))
    backlog.roles["reviewer"], backlog.roles["dev"] = Role("reviewer", 10), Role("dev", 990)  # type: ignore[index]
    plan = plan_sprint(backlog, capacities_of(backlog, 720, {}))
    assert Counter(name[0] for name in plan.items) == {"r": 100, "d": 1_000}


def test_every_role_has_an_agent_in_every_wave() -> None:
    backlog = backlog_of(item("a"), agents=1, shape="waves", roles=("worker", "other"))
    assert all(wave.agents == {"worker": 1, "other": 1} for wave in plan_sprint(backlog, 10).waves)


def test_another_shape_than_the_backlogs_can_be_planned() -> None:
    assert len(plan_sprint(backlog_of(item("a")), 10, shape=SHAPES["waves"]).waves) == 4


def test_what_is_done_is_not_planned_and_when_all_is_the_plan_is_empty() -> None:
    backlog = backlog_of(item("a"), item("b", "a"))
    assert plan_sprint(backlog, 10, {"a"}).items == ("b",)
    assert plan_sprint(backlog, 10, {"a", "b"}).items == ()


@st.composite
def backlogs(draw: st.DrawFn) -> Any:
    items = []
    for at in range(draw(st.integers(1, 20))):
        after = draw(st.sets(st.sampled_from([f"t{other}" for other in range(at)]), max_size=3)) if at else set()
        role, priority = draw(st.sampled_from(("dev", "qa"))), draw(st.sampled_from(("low", "normal", "high")))
        items.append(item(f"t{at}", *after, role=role, priority=priority))
    return backlog_of(*items, shape=draw(st.sampled_from(("pipeline", "waves"))), roles=("dev", "qa"))


@given(backlogs(), st.integers(1, 25), st.data())
def test_a_plan_holds_what_it_promises(backlog: Any, capacity: int, data: Any) -> None:
    done = data.draw(st.sets(st.sampled_from([*backlog.items]), max_size=4))
    plan = plan_sprint(backlog, capacity, done)
    assert len(plan.items) <= capacity
    assert len(set(plan.items)) == len(plan.items)
    assert not done & set(plan.items)
    assert len(plan.items) + sum(plan.left.values()) == len(backlog.items) - len(done)
    waves = {name: at for at, wave in enumerate(plan.waves) for name in wave.items}
    for name in plan.items:
        assert all(other in done or waves[other] <= waves[name] for other in backlog.items[name].after)
    assert plan == plan_sprint(backlog, capacity, done)


def test_no_more_is_taken_than_a_line_can_name_and_nothing_without_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "IDS_BYTES", 20)
    items = [item("a", "c"), item("b"), item("c"), item("d"), item("e"), item("f", feature="of ten..!")]
    plan = plan_sprint(backlog_of(*items), 100)
    assert plan.items == ("c", "a", "b", "d", "e")
    assert plan.left == {"more than one sprint can name": 1}
    monkeypatch.setattr(fitting, "IDS_BYTES", 20 + 4 + 12)
    assert len(plan_sprint(backlog_of(*items), 100).items) == 6
