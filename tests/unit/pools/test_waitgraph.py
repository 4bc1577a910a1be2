"""The graph of waits finds each circle, calls blocked only who never goes on, and has the cheapest wait broken."""

from __future__ import annotations

import random
from collections.abc import Collection, Hashable, Mapping

import pytest

from pools import waitgraph
from pools.waitgraph import ASK, DEPENDENCY, LOCK, Wait, WaitGraph


def graph_of(*edges: tuple[str, str, str]) -> WaitGraph:
    """A graph of waiter, holder and kind; each wait is named by its waiter and holder."""
    graph = WaitGraph()
    for waiter, holder, kind in edges:
        graph.add((waiter, holder), Wait(waiter, holder, kind))
    return graph


def runs(*pairs: tuple[str, str]) -> tuple[WaitGraph, dict[str, list[Hashable]]]:
    """Agents whose task asks others: `a` runs `ta`, which asks `b`; what each task waits for is all that it asked."""
    graph = WaitGraph()
    awaited: dict[str, list[Hashable]] = {}
    for waiter, holder in pairs:
        if f"t{waiter}" not in awaited:
            graph.add(f"lock {waiter}", Wait(waiter, f"t{waiter}", LOCK))
        graph.add((waiter, holder), Wait(f"t{waiter}", holder, ASK))
        awaited.setdefault(f"t{waiter}", []).append((waiter, holder))
    return graph, awaited


def stuck(nodes: Collection[str]) -> list[str]:
    """The agents whose tasks are among some nodes."""
    return sorted(node[1:] for node in nodes if node.startswith("t"))


def test_waits_come_and_go_and_one_of_the_same_name_is_replaced() -> None:
    graph = graph_of(("a", "b", ASK))
    graph.add(("a", "b"), Wait("a", "c", ASK))
    assert len(graph) == 1
    assert ("a", "b") in graph
    assert graph.wait(("a", "b")) == Wait("a", "c", ASK)
    graph.remove(("a", "b"))
    graph.remove(("a", "b"))
    assert len(graph) == 0
    assert graph.wait(("a", "b")) is None
    assert graph.reach(["a"]) == {"a"}


def test_only_a_wait_between_two_that_are_waited_for_and_wait_may_close_a_cycle() -> None:
    graph = graph_of(("a", "b", ASK), ("b", "c", ASK), ("c", "d", ASK))
    assert [graph.may_close(name) for name in (("a", "b"), ("b", "c"), ("c", "d"), ("x", "y"))] == [False, True, False, False]


def test_circles_are_found_from_some_nodes_and_from_all() -> None:
    graph = graph_of(("a", "b", ASK), ("b", "a", ASK), ("b", "c", ASK), ("c", "c", LOCK), ("d", "e", ASK), ("e", "d", ASK))
    assert sorted(map(sorted, graph.circles())) == [["a", "b"], ["c"], ["d", "e"]]
    assert sorted(map(sorted, graph.circles(["a"]))) == [["a", "b"], ["c"]]
    assert graph.circles(["nobody"]) == []
    graph.remove(("e", "d"))
    assert graph.circles(["d"]) == []


def test_a_long_chain_is_walked_without_recursion() -> None:
    graph = graph_of(*((str(at), str(at + 1), ASK) for at in range(20_000)))
    assert graph.circles() == []
    graph.add("back", Wait("20000", "0", ASK))
    assert [len(group) for group in graph.circles()] == [20_001]


def test_a_circle_of_asks_is_blocked_with_those_who_wait_for_nothing_else() -> None:
    graph, awaited = runs(("a", "b"), ("b", "a"), ("c", "a"), ("d", "x"))
    assert stuck(graph.blocked(awaited)) == ["a", "b", "c"]


def test_who_may_be_answered_by_another_is_not_blocked() -> None:
    graph, awaited = runs(("a", "b"), ("a", "free"), ("b", "a"))
    assert graph.blocked(awaited) == set()
    graph.remove(("a", "free"))
    awaited["ta"].remove(("a", "free"))
    assert stuck(graph.blocked(awaited)) == ["a", "b"]


def test_what_a_task_has_asked_and_does_not_wait_for_blocks_nobody() -> None:
    graph, awaited = runs(("a", "b"), ("b", "a"), ("b", "free"))
    assert graph.blocked(awaited | {"tb": [("b", "free")]}) == set()
    assert stuck(graph.blocked(awaited | {"tb": [("b", "a")]})) == ["a", "b"]
    assert graph.blocked({"ta": awaited["ta"]}) == set()  # nobody knows what b waits for
    assert graph.blocked(awaited | {"tb": []}) == set()
    assert graph.blocked(awaited | {"tb": [("b", "answered")]}) == set()


def test_one_lock_that_never_ends_is_enough() -> None:
    graph, awaited = runs(("a", "b"), ("b", "a"))
    graph.add("first", Wait("job", "ta", LOCK))
    graph.add("second", Wait("job", "free", LOCK))
    graph.add("asked", Wait("tc", "job", ASK))
    assert {"job", "tc"} <= graph.blocked(awaited | {"tc": ["asked"]})


def test_the_task_that_began_last_gives_way_and_the_shortest_cycle_is_named() -> None:
    graph, awaited = runs(("a", "b"), ("b", "c"), ("c", "a"), ("c", "b"))
    [victim] = graph.victims(awaited, {"ta": 1, "tb": 2, "tc": 3})
    assert victim.name == ("c", "b")  # the newest of its asks on a cycle
    assert victim.cycle == ["tc", "b", "tb", "c", "tc"]
    [victim] = graph.victims(awaited, {"ta": 9, "tb": 2, "tc": 3})
    assert victim.name == ("a", "b")
    assert victim.cycle == ["ta", "b", "tb", "c", "tc", "a", "ta"]


def test_each_deadlock_has_its_victim_and_who_only_waits_for_one_has_none() -> None:
    graph, awaited = runs(("a", "b"), ("b", "a"), ("c", "d"), ("d", "c"), ("d", "e"), ("e", "f"), ("f", "e"), ("g", "g"))
    victims = graph.victims(awaited, {"ta": 1, "tb": 2, "tc": 3, "td": 4, "te": 6, "tf": 5})
    assert {victim.name for victim in victims} == {("b", "a"), ("e", "f"), ("g", "g")}
    assert graph.victims({}, {}) == []


def blocked_by_hand(edges: Mapping[str, set[str]]) -> set[str]:
    """Who never goes on: what is left when everybody who waits for somebody free has gone on."""
    blocked = set(edges)
    while free := {node for node in blocked if any(holder not in blocked for holder in edges[node])}:
        blocked -= free
    return blocked


@pytest.mark.parametrize("seed", range(200))
def test_what_is_blocked_is_what_a_simulation_cannot_end_and_breaking_ends_it(seed: int) -> None:
    chance = random.Random(seed)
    names = [f"n{at}" for at in range(chance.randint(2, 12))]
    edges = {
        name: set(chance.sample([*names, "free"], chance.randint(1, 2)))
        for name in chance.sample(names, chance.randint(1, len(names)))
    }
    graph, awaited = runs(*((waiter, holder) for waiter in sorted(edges) for holder in sorted(edges[waiter])))
    began = {f"t{name}": chance.randrange(5) for name in names}
    for _ in range(100):
        left = blocked_by_hand(edges)
        assert stuck(graph.blocked(awaited)) == sorted(left)
        victims = graph.victims(awaited, began)
        assert bool(victims) == bool(left)
        if not left:
            break
        for victim in victims:
            first, *rest = victim.cycle
            assert rest[-1] == first
            assert {node for node in rest if not node.startswith("t")} <= left
            # the waiter's ask fails, and with it its task: whoever waits for the agent is answered
            waiter = first[1:]
            del edges[waiter], awaited[first]
            for name in [name for name in list(graph._waits) if f"lock {waiter}" == name or name[0] == waiter]:
                graph.remove(name)
    else:
        pytest.fail(f"seed {seed}: the deadlocks did not end")


def test_the_way_over_dependencies_leads_to_the_end_of_the_asks_behind_them() -> None:
    graph, _ = runs(("x", "y"), ("y", "z"), ("a", "b"), ("b", "a"))
    depends = {"3": ["1", "2"], "2": ["x"], "1": ["nobody"], "5": ["a"], "6": ["1"]}

    def dependencies(node: str) -> list[Wait]:
        return [Wait(node, holder, DEPENDENCY) for holder in depends.get(node, ())]

    way = graph.way("3", dependencies)
    assert [wait.waiter for wait in way] == ["3", "2", "x", "tx", "y", "ty"]
    assert [wait.kind for wait in way] == [DEPENDENCY, DEPENDENCY, LOCK, ASK, LOCK, ASK]
    assert way[-1].holder == "z"
    circle = graph.way("5", dependencies)
    assert [wait.waiter for wait in circle] == ["5", "a", "ta", "b", "tb"]
    assert circle[-1].holder == "a"
    assert graph.way("6", dependencies) == []
    assert [wait.kind for wait in graph.way("x", dependencies)] == [LOCK, ASK, LOCK, ASK]
    assert len(graph) == 8  # nothing was added


def test_no_more_is_looked_at_for_the_way_than_somebody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, _ = runs(("x", "y"))
    seen: list[str] = []

    def dependencies(node: str) -> list[Wait]:
        seen.append(node)
        return [Wait(node, f"n{len(seen)}.{at}", DEPENDENCY) for at in range(10)]

    monkeypatch.setattr(waitgraph, "REACH", 100)
    assert graph.way("s", dependencies) == []
    assert len(seen) == 100
