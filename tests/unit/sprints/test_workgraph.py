"""Steps are free when all before them are through; a circle is found and named."""

from __future__ import annotations

from random import Random

from sprints.workgraph import WorkGraph, circle_in


def test_a_circle_is_named_from_its_first_step_to_itself() -> None:
    assert circle_in({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b", "c", "b"]
    assert circle_in({"a": ["a"]}) == ["a", "a"]
    assert circle_in({"a": [], "b": ["a"], "c": ["a", "b"], "d": ["c", "a"]}) is None


def test_a_long_line_is_no_matter() -> None:
    line = {str(number): [str(number - 1)] if number else [] for number in range(50_000)}
    assert circle_in(line) is None
    line["0"] = ["49999"]
    found = circle_in(line)
    assert found is not None
    assert len(found) == 50_001


def test_steps_become_free_in_turn() -> None:
    graph = WorkGraph({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]})
    assert graph.begin() == ["a"]
    assert graph.end("a", is_well=True) == ["b", "c"]
    assert graph.end("b", is_well=True) == []
    assert graph.end("c", is_well=True) == ["d"]
    assert graph.lost == []


def test_what_is_behind_a_failure_is_lost_and_the_rest_goes_on() -> None:
    graph = WorkGraph({"a": [], "b": [], "c": ["a"], "d": ["c", "b"], "e": ["b"]})
    assert graph.end("a", is_well=False) == []
    assert graph.lost == ["c", "d"]
    assert graph.end("b", is_well=True) == ["e"]


def test_any_order_of_ends_visits_every_step_once(chance: Random) -> None:
    for _ in range(50):
        names = [str(number) for number in range(chance.randrange(1, 30))]
        after = {name: chance.sample(names[:at], chance.randrange(min(at, 4) + 1)) for at, name in enumerate(names)}
        graph = WorkGraph(after)
        free, seen = graph.begin(), []
        while free:
            step = free.pop(chance.randrange(len(free)))
            assert set(after[step]) <= set(seen)
            seen.append(step)
            free += graph.end(step, is_well=True)
        assert sorted(seen) == sorted(names)
