"""A plan goes from one list of nodes to another, one step at a time, and is read as it was kept."""

from __future__ import annotations

import orjson
import pytest

from engine.cluster.passage import leaving, strangers, verdict
from engine.cluster.placement import place
from engine.cluster.plan import Plan, first_plan, read_plan
from engine.cluster.records import BadRecord
from engine.errors import ConfigError

ADDRESSES = [f"counter/{number}" for number in range(300)]


def test_a_step_begins_when_the_one_before_is_settled() -> None:
    plan = first_plan(["n2", "n1"])
    assert (plan.version, plan.nodes, plan.is_settled, plan.next({})) == (1, ("n1", "n2"), True, plan)
    wanted = plan.joined("n3").joined("n3").with_drained("n1")
    assert wanted.members == ("n1", "n2", "n3")
    step = wanted.next({})
    assert (step.version, step.nodes, step.before) == (2, ("n2", "n3"), ("n1", "n2"))
    assert step.begun(2).undrained("n1").next({"n1": 2, "n2": 2}).version == 2
    assert step.waits_for({"n1": 1, "n2": 2}) == ["n1", "n3"]
    settled = step.next({"n1": 2, "n2": 3, "n3": 2})
    assert (settled.version, settled.is_settled) == (2, True)
    assert settled.next({}) == settled


def test_a_step_to_other_weights_gives_way_too_until_it_has_begun() -> None:
    first = first_plan(["n1", "n2"], {"n1": 10, "n2": 10})
    step = first.joined("n1", 20).next({})
    assert (step.version, step.weights, step.before, step.weights_before) == (2, {"n1": 2, "n2": 1}, first.nodes, {})
    assert all(step.now(address) == first.home(address) for address in ADDRESSES)
    back = step.joined("n1", 10).next({})
    assert (back.version, back.weights, back.before, back.is_at_rest) == (3, {}, (), True)
    more = step.joined("n1", 30).next({})
    assert (more.version, more.weights, more.before, more.weights_before) == (3, {"n1": 3, "n2": 1}, first.nodes, {})
    assert step.begun(2).joined("n1", 10).next({}).version == 2


def test_a_step_that_has_not_begun_gives_way_to_what_is_wanted_and_one_that_has_does_not() -> None:
    first = first_plan(["n1", "n2", "n3"])
    step = first.with_drained("n1").next({})
    assert all(step.now(address) == first.home(address) for address in ADDRESSES)
    back = step.undrained("n1").next({})
    assert (back.version, back.nodes, back.before, back.is_settled) == (3, first.nodes, (), True)
    other = step.with_drained("n2").next({})
    assert (other.version, other.nodes, other.before) == (3, ("n3",), first.nodes)

    begun = step.begun(2)
    assert begun.is_begun
    assert all(begun.now(address) == begun.home(address) for address in ADDRESSES)
    assert begun.undrained("n1").next({}).version == 2
    settled = begun.next(dict.fromkeys(first.nodes, 2))
    assert (settled.is_settled, settled.is_begun) == (True, False)
    assert step.begun(1) == step
    assert settled.begun(2) == settled
    assert read_plan(begun.data()) == begun


def test_a_step_waits_first_for_those_that_are_not_ready() -> None:
    step = first_plan(["n1", "n2", "n3"]).with_drained("n1").next({})
    done = {"n2": 2, "n3": 2}
    assert step.waits_for(done, {"n2": 2}) == step.late({"n2": 2}) == ["n3"]
    assert step.waits_for(done, {"n2": 2, "n3": 2}) == ["n1"]
    assert step.begun(2).waits_for(done, {}) == ["n1"]
    assert step.waits_for(done | {"n1": 2}, {}) == []


def test_a_step_of_an_older_engine_may_have_begun() -> None:
    step = orjson.loads(first_plan(["n1", "n2"]).with_drained("n1").next({}).data())
    del step["is_begun"]
    assert read_plan(orjson.dumps(step)).is_begun
    with pytest.raises(BadRecord):
        read_plan(orjson.dumps(step | {"is_begun": 1}))


def test_it_is_read_as_it_was_kept_and_what_is_none_is_refused() -> None:
    plan = first_plan(["n1", "n2"]).with_drained("n2").with_role("n1", "backup").next({})
    assert read_plan(plan.data()) == plan
    document = orjson.loads(plan.data())
    wrongs: list[dict[str, object]] = [{"version": 0}, {"version": "1"}, {"nodes": []}, {"nodes": ["N 1"]}, {"before": 3}]
    wrongs += [{"weights": {"n1": 0}}, {"weights": {"n1": 1.5}}, {"weights": {"n9": 1}}, {"weights_before": {"n9": 1}}]
    wrongs += [{"weights": "n1"}, {"weights": [1]}, {"agents": {"n9": 1}}, {"agents": {"n1": True}}]
    wrongs += [{"kinds": ["A b"]}, {"kinds": "x"}]
    wrongs += [
        {"roles": {"n1": "king"}},
        {"roles": []},
        {"roles": {"n1": []}},
        {"roles": {"n1": {}}},
        {"roles": {"N 1": "backup"}},
    ]
    wrongs += [{"nodes": [[]]}, {"nodes": "n1"}, {"nodes": {"n1": 1}}, {"members": {}}, {"drained": [None]}]
    for wrong in wrongs:
        with pytest.raises(BadRecord, match="no plan"):
            read_plan(orjson.dumps(document | wrong))
    for text in (b"", b"[]", b"{}"):
        with pytest.raises(BadRecord):
            read_plan(text)


def test_nodes_take_what_they_may_have_for_what_others_may_have() -> None:
    plan = first_plan(["n1", "n2"], {"n1": 4_000, "n2": 1_000, "n9": 3})
    assert (plan.nodes, plan.weights, plan.is_at_rest) == (("n1", "n2"), {"n1": 4, "n2": 1}, True)
    homes = [plan.home(address) for address in ADDRESSES]
    assert homes == [place(address, plan.nodes, plan.weights) for address in ADDRESSES]
    assert homes != [first_plan(["n1", "n2"]).home(address) for address in ADDRESSES]
    assert read_plan(plan.data()) == plan


def test_nodes_that_may_have_as_many_as_each_other_or_do_not_say_take_alike() -> None:
    for agents in ({}, {"n1": 5}, {"n1": 2_500, "n2": 2_500}):
        assert first_plan(["n1", "n2"], agents).weights == {}
    plan = first_plan(["n1", "n2"]).joined("n1", 5_000)
    assert plan.is_at_rest
    assert plan.joined("n2", 5_000).is_at_rest
    assert plan.joined("n2", 5_000).next({}) == plan.joined("n2", 5_000)
    assert plan.joined("n2").agents == {"n1": 5_000}
    assert not plan.joined("n2", 2_500).is_at_rest


def test_a_node_that_may_have_another_number_is_a_step_in_which_agents_move_to_it_or_from_it_alone() -> None:
    plan = first_plan(["n1", "n2", "n3"], {"n1": 2_500, "n2": 2_500, "n3": 2_500})
    wanted = plan.joined("n3", 1_000)
    step = wanted.next({})
    assert (step.version, step.is_settled, step.nodes, step.before) == (2, False, plan.nodes, plan.nodes)
    assert (step.weights, step.weights_before) == ({"n1": 5, "n2": 5, "n3": 2}, {})
    moved = {(step.former(each), step.home(each)) for each in ADDRESSES if step.former(each) != step.home(each)}
    assert moved == {("n3", "n1"), ("n3", "n2")}
    assert [step.former(each) for each in ADDRESSES] == [plan.home(each) for each in ADDRESSES]
    assert [wanted.goal(each) for each in ADDRESSES] == [step.home(each) for each in ADDRESSES]
    assert set(leaving("n3", step, ADDRESSES)) == {"n1", "n2"}
    assert leaving("n1", step, ADDRESSES) == {}
    assert read_plan(step.data()) == step
    settled = step.next(dict.fromkeys(step.nodes, 2))
    assert (settled.before, settled.weights_before, settled.weights, settled.is_at_rest) == ((), {}, step.weights, True)
    again = settled.joined("n3", 4_000).next({})
    assert (again.weights_before, again.weights) == ({"n1": 5, "n2": 5, "n3": 2}, {"n1": 5, "n2": 5, "n3": 8})
    assert settled.with_drained("n3").next({}).weights == {}


def test_a_plan_that_was_kept_before_nodes_had_weights_is_one_in_which_all_take_alike() -> None:
    plan = first_plan(["n1", "n2"])
    document = orjson.loads(plan.data())
    assert read_plan(plan.with_kind("counter").with_kind("counter").data()).kinds == ("counter",)
    old = {name: document[name] for name in ("version", "nodes", "before", "members", "drained", "roles")}
    assert read_plan(orjson.dumps(old)) == plan


def test_a_wish_that_makes_no_sense_is_refused() -> None:
    plan = first_plan(["n1", "n2"])
    with pytest.raises(ConfigError, match="no node"):
        plan.with_drained("n9")
    with pytest.raises(ConfigError, match="last node"):
        plan.with_drained("n1").with_drained("n2")
    with pytest.raises(ConfigError, match="a role is"):
        plan.with_role("n1", "king")
    with pytest.raises(ConfigError):
        plan.joined("a b")


def test_who_goes_is_who_belonged_here_and_belongs_elsewhere() -> None:
    step = first_plan(["n1", "n2", "n3"]).with_drained("n3").next({})
    mine = [address for address in ADDRESSES if place(address, ("n1", "n2", "n3")) == "n3"]
    found = leaving("n3", step, ADDRESSES)
    assert sorted(one for each in found.values() for one in each) == sorted(mine)
    assert set(found) == {"n1", "n2"}
    assert leaving("n1", step, ADDRESSES) == leaving("n3", step.next({"n1": 2, "n2": 2, "n3": 2}), ADDRESSES) == {}
    assert strangers("n1", step, ADDRESSES) == found["n1"]
    assert strangers("n3", step, ADDRESSES) == []


def test_agents_come_in_their_step_alone() -> None:
    step = first_plan(["n1", "n2"]).with_drained("n2").next({})
    said = [verdict("n1", step, version, is_ready=True) for version in (1, 2, 3)]
    assert said == ["late", "take", "early"]
    assert verdict("n1", step, 2, is_ready=False) == "early"
    assert verdict("n2", step, 2, is_ready=True) == "late"
    assert verdict("n1", step.next({"n1": 2, "n2": 2}), 2, is_ready=True) == "late"


def test_a_node_that_is_lost_for_good_is_let_go_of_and_nobody_elses_agents_move() -> None:
    plan = first_plan(["n1", "n2", "n3"], {"n1": 10, "n2": 20, "n3": 10}).with_role("n3", "backup")
    left = plan.without("n3")
    assert (left.version, left.members, left.nodes, left.is_settled) == (2, ("n1", "n2"), ("n1", "n2"), True)
    assert "n3" not in (*left.agents, *left.weights, *left.roles)
    assert all(left.home(address) == plan.home(address) for address in ADDRESSES if plan.home(address) != "n3")
    assert read_plan(left.data()) == left
    with pytest.raises(ConfigError, match="there are n1, n2"):
        left.without("n3")
    with pytest.raises(ConfigError, match="last node"):
        left.with_drained("n1").without("n2")

    step = plan.with_drained("n1").next({}).begun(2)  # lost in the midst of a step: the others go on with it
    left = step.without("n3")
    assert (left.version, left.nodes, left.before, left.is_begun) == (2, ("n2",), ("n1", "n2"), True)
    settled = left.next({"n1": 2, "n2": 2})
    assert settled.is_settled
    back = settled.undrained("n1").next({}).begun(3).without("n2")  # who had all of it is lost before it gave any
    assert (back.version, back.nodes, back.before, back.is_settled) == (4, ("n1",), (), True)
    gone = first_plan(["n1", "n2"]).with_drained("n1").next({}).undrained("n1").without("n2")  # all was to go to it
    assert (gone.nodes, gone.before, gone.version) == (("n1",), (), 3)


TILLS = [f"till/{number}" for number in range(300)]


def test_a_kind_lives_on_some_of_the_nodes_alone_and_the_others_need_not_know_it() -> None:
    plan = (
        first_plan(["n1", "n2", "n3"], {"n1": 10, "n2": 20, "n3": 10})
        .with_kind("counter")
        .with_kind("till", ["n3", "n1", "n3"])
    )
    assert (plan.is_at_rest, plan.version, plan.where) == (True, 1, {"till": ("n1", "n3")})
    assert [plan.home(address) for address in TILLS] == [place(address, ("n1", "n3"), plan.weights) for address in TILLS]
    assert [plan.home(address) for address in ADDRESSES] == [place(address, plan.nodes, plan.weights) for address in ADDRESSES]
    assert [plan.kinds_of(node) for node in ("n1", "n2", "n4")] == [("counter", "till"), ("counter",), ("counter",)]
    assert plan.with_kind("till") == plan
    joined = plan.joined("n4", 10).next({}).next(dict.fromkeys(("n1", "n2", "n3", "n4"), 2))
    assert joined.is_at_rest
    assert {joined.home(address) for address in TILLS} == {"n1", "n3"}
    assert {joined.home(address) for address in ADDRESSES} == {"n1", "n2", "n3", "n4"}
    assert read_plan(joined.data()) == joined


def test_a_kind_that_is_to_live_elsewhere_is_a_step_in_which_it_alone_moves() -> None:
    first = first_plan(["n1", "n2", "n3"]).with_kind("counter").with_kind("till", ["n1"])
    wanted = first.with_kind("till", ["n2", "n3"])
    assert not wanted.is_at_rest
    assert [wanted.home(address) for address in TILLS] == ["n1"] * len(TILLS)
    assert {wanted.goal(address) for address in TILLS} == {wanted.as_wanted.home(address) for address in TILLS} == {"n2", "n3"}
    step = wanted.next({})
    assert (step.version, step.nodes, step.before) == (2, first.nodes, first.nodes)
    assert {(step.former(each), step.now(each), step.home(each)) for each in TILLS} == {("n1", "n1", "n2"), ("n1", "n1", "n3")}
    assert set(leaving("n1", step, [*ADDRESSES, *TILLS])) == {"n2", "n3"}
    assert sorted(one for each in leaving("n1", step, [*ADDRESSES, *TILLS]).values() for one in each) == sorted(TILLS)
    assert leaving("n2", step, [*ADDRESSES, *TILLS]) == {}
    assert read_plan(step.data()) == step
    back = step.with_kind("till", ["n1"]).next({})
    assert (back.version, back.is_at_rest, back.where) == (3, True, {"till": ("n1",)})
    other = step.with_kind("till", ["n2"]).next({})
    assert (other.version, {other.former(each) for each in TILLS}, {other.home(each) for each in TILLS}) == (3, {"n1"}, {"n2"})
    settled = step.begun(2).next(dict.fromkeys(first.nodes, 2))
    assert (settled.is_at_rest, settled.where, settled.where_before) == (True, {"till": ("n2", "n3")}, {})
    anywhere = settled.with_kind("till", []).next({})
    assert (anywhere.where, anywhere.where_before) == ({}, {"till": ("n2", "n3")})
    assert {anywhere.former(each) for each in TILLS} == {"n2", "n3"}
    assert {anywhere.home(each) for each in TILLS} == {"n1", "n2", "n3"}


def test_the_nodes_of_a_kind_are_those_that_have_it_and_those_that_are_to_get_it() -> None:
    plan = first_plan(["n1", "n2", "n3", "n4"]).with_kind("counter").with_kind("till", ["n1"]).with_drained("n4")
    assert (plan.nodes_of("till"), plan.nodes_of("counter")) == ({"n1"}, {"n1", "n2", "n3", "n4"})
    wanted = plan.with_kind("till", ["n2"])
    step = wanted.next({})
    assert wanted.nodes_of("till") == step.nodes_of("till") == {"n1", "n2"}
    assert step.begun(2).next(dict.fromkeys(step.parties, 2)).nodes_of("till") == {"n2"}
    assert step.with_kind("till", []).nodes_of("till") == step.nodes_of("bag") == {"n1", "n2", "n3", "n4"}


def test_what_is_no_kind_is_refused_and_never_kept() -> None:
    plan = first_plan(["n1", "n2"])
    for wrong in ("Till", "a b", "a/b", ""):
        with pytest.raises(ConfigError, match="kind"):
            plan.with_kind(wrong, ["n1"])


def test_a_kind_is_never_left_without_a_node() -> None:
    plan = first_plan(["n1", "n2", "n3"]).with_kind("till", ["n1", "n2"])
    with pytest.raises(ConfigError, match="n2 is the last node that is not drained and may have agents of till"):
        plan.with_drained("n1").with_drained("n2")
    with pytest.raises(ConfigError, match="n3: drained, so that agents of bag would be nowhere"):
        plan.with_drained("n3").with_kind("bag", ["n3"])
    with pytest.raises(ConfigError, match="no node 'n9'"):
        plan.with_kind("bag", ["n9"])
    with pytest.raises(ConfigError, match="last node"):
        plan.with_drained("n1").without("n2")
    assert {plan.without("n1").home(each) for each in TILLS} == {"n2"}
    gone = plan.without("n1").without("n2")
    assert (gone.kinds, gone.where, gone.where_wanted, gone.is_at_rest) == ((), {}, {}, True)
    assert read_plan(gone.data()) == gone


def test_a_kind_whose_new_node_is_lost_before_it_got_any_stays_where_it_was() -> None:
    plan = first_plan(["n1", "n2", "n3"]).with_kind("till", ["n1"])
    for before in (plan.with_kind("till", ["n3"]), plan.with_kind("till", ["n3"]).next({})):
        left = before.without("n3")
        assert {left.home(each) for each in TILLS} == {left.former(each) for each in TILLS} == {"n1"}
        assert left.where_wanted == {"till": ("n1",)}
        calm = left
        for _ in range(3):
            calm = calm.next(dict.fromkeys(("n1", "n2"), calm.version))
        assert (calm.is_at_rest, {calm.home(each) for each in TILLS}) == (True, {"n1"})
    lost = plan.with_kind("till", ["n3"]).next({}).begun(2).without("n1")  # who had them
    assert {lost.home(each) for each in TILLS} == {lost.former(each) for each in TILLS} == {lost.now(TILLS[0])} == {"n3"}
    everywhere = first_plan(["n1", "n2", "n3"]).with_kind("till")
    left = everywhere.with_kind("till", ["n3"]).next({}).without("n3")
    assert {left.home(each) for each in TILLS} == {"n1", "n2"}
    assert left.where_wanted == {}


def test_a_plan_in_which_a_kind_is_where_no_member_is_is_none() -> None:
    plan = first_plan(["n1", "n2"]).with_kind("till", ["n1"])
    document = orjson.loads(plan.data())
    for wrong in ({"till": ["n9"]}, {"A b": ["n1"]}, {"till": "n1"}, [], {"till": [1]}):
        for name in ("where", "where_before", "where_wanted"):
            with pytest.raises(BadRecord, match="no plan"):
                read_plan(orjson.dumps(document | {name: wrong}))
    for name in ("where", "where_before", "where_wanted"):
        del document[name]
    assert read_plan(orjson.dumps(document)) == first_plan(["n1", "n2"]).with_kind("till")


def calm(plan: Plan) -> Plan:
    """The plan once nothing is left to be done; each agent that is to go has gone."""
    for _ in range(6):
        plan = plan.next(dict.fromkeys(plan.parties, plan.version))
    assert plan.is_at_rest
    return plan


def followed(plan: Plan, holders: dict[str, str]) -> dict[str, str]:
    """Where agents are once the plan has come to its end, if each node gives away what it is to."""
    for _ in range(6):
        for address, node in list(holders.items()):
            if address in [one for each in leaving(node, plan, [address]).values() for one in each]:
                holders[address] = plan.home(address)
        plan = plan.next(dict.fromkeys(plan.parties, plan.version))
    return holders


def test_agents_of_a_step_whose_only_goal_is_lost_for_good_are_where_they_were_and_are_found_there() -> None:
    plan = first_plan(["n1", "n2", "n3"], {"n1": 10, "n2": 40, "n3": 10}).with_kind("counter").with_kind("till", ["n1", "n2"])
    step = plan.with_kind("till", ["n3"]).with_drained("n1").with_drained("n2").next({})
    for under_way in (step, step.begun(2)):
        left = under_way.undrained("n1").without("n3")
        holders = {each: plan.home(each) for each in (*ADDRESSES, *TILLS) if plan.home(each) != "n3"}
        assert {each: left.now(each) for each in holders} == holders
        assert read_plan(left.data()) == left
        assert set(followed(left, holders).values()) == {"n1"}  # n2 is drained still
        assert {calm(left).home(each) for each in holders} == {"n1"}


def test_a_kind_whose_nodes_are_lost_or_drained_in_a_step_that_has_not_begun_is_found_where_it_was() -> None:
    first = first_plan(["n1", "n2", "n3"]).with_kind("till")
    step = first.with_kind("till", ["n1", "n2"]).with_drained("n2").next({})
    left = step.undrained("n2").with_kind("till", ["n3"]).without("n1")
    left = left.begun(left.version)  # of which somebody has not heard who has agents to give
    holders = {each: first.home(each) for each in TILLS if first.home(each) != "n1"}
    assert {each: left.now(each) for each in holders} == holders
    assert set(followed(left, holders).values()) == {"n3"}


def test_a_kind_whose_goal_is_lost_in_the_midst_of_a_step_goes_on_from_where_it_was() -> None:
    first = first_plan(["n1", "n2", "n3"]).with_kind("till")
    begun = first.joined("n4").with_kind("till", ["n3"]).next({}).begun(2)
    left = begun.without("n3")
    holders = {each: first.home(each) for each in TILLS if first.home(each) != "n3"}
    assert {each: left.now(each) for each in holders} == holders
    found = followed(left, holders)
    assert {each: calm(left).home(each) for each in found} == found
    assert set(found.values()) == {"n1", "n2", "n4"}
