"""A task begins when all that it waits for is done, never waits for itself, and hears of what will not be done."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dependencies import Dependencies
from engine.errors import DependencyCycle
from engine.options import PLAIN, Options


class Rig:
    """Tasks that are called as they are; `states` of those that are known."""

    def __init__(self, **states: str) -> None:
        self.states = states
        self.graph: Dependencies[str] = Dependencies(lambda name: self.states.get(str(name)))

    def add(self, name: str, *after: str, **options: Any) -> Any:
        """Have a task wait."""
        added = self.graph.add(name, name, after, Options(**options) if options else PLAIN)
        self.states[name] = "open"
        return added

    def end(self, name: str, state: str = "done") -> tuple[list[str], list[str]]:
        """End one: who is free, and who is lost."""
        self.states[name] = state
        free, lost = self.graph.ended(name, state)
        return free, [token for token, _ in lost]


def test_a_task_begins_once_all_that_it_waits_for_is_done() -> None:
    rig = Rig(a="open", b="open", c="done")
    assert rig.add("d", "a", "b", "c") is True
    assert rig.graph.waiting_for("d") == ["a", "b"]
    assert rig.end("a") == ([], [])
    assert rig.graph.waiting_for("d") == ["b"]
    assert rig.end("b") == (["d"], [])
    assert len(rig.graph) == 0
    assert rig.add("e", "c") is False


def test_a_task_may_wait_for_one_that_nobody_has_submitted_yet() -> None:
    rig = Rig()
    assert rig.add("b", "a") is True
    assert rig.end("a") == (["b"], [])


@pytest.mark.parametrize("policy", ["fail", "ignore", "wait"])
@pytest.mark.parametrize("state", ["failed", "cancelled", "expired", "gone", "dropped"])
def test_what_a_bad_end_means_is_the_task_s_own_wish(policy: str, state: str) -> None:
    rig = Rig(a="open")
    assert rig.add("b", "a", after_failed=policy) is True
    free, lost = rig.end("a", state)
    if policy == "ignore":
        assert (free, lost) == (["b"], [])
    elif policy == "wait" and state == "failed":
        assert (free, lost) == ([], [])
        assert rig.end("a") == (["b"], [])
    else:
        assert (free, lost) == ([], ["b"])
    assert len(rig.graph) == 0
    late = Rig(a=state)
    added = late.add("b", "a", after_failed=policy)
    if policy == "ignore":
        assert added is False
    elif policy == "wait" and state == "failed":
        assert added is True
    else:
        assert added.type == "DependencyFailed"
        assert state in added.message


def test_a_task_that_is_not_there_is_waited_for_unless_that_is_not_wished() -> None:
    assert Rig().add("b", "a", after_unknown="wait") is True
    assert Rig().add("b", "a", after_unknown="ignore") is False
    assert Rig().add("b", "a", after_unknown="fail").message == "it waits for 'a', which is not known"


def test_a_circle_is_refused_and_named_and_changes_nothing() -> None:
    rig = Rig()
    assert rig.add("a", "b")
    assert rig.add("b", "c", "x")
    with pytest.raises(DependencyCycle, match="c -> a -> b -> c"):
        rig.add("c", "y", "a")
    with pytest.raises(DependencyCycle, match="z -> z"):
        rig.add("z", "z")
    assert rig.end("x") == ([], [])
    assert rig.end("c") == (["b"], [])
    assert rig.end("b") == (["a"], [])
    assert (len(rig.graph), rig.graph._behind, rig.graph._named) == (0, {}, {})


def test_a_circle_is_seen_through_every_way_to_call_a_task() -> None:
    ids = {f"#{name}": name for name in "abc"}
    graph: Dependencies[str] = Dependencies({"a": "open", "b": "open"}.get, ids.get)
    assert graph.add("a", "a", ("#b",), PLAIN, "#a")
    assert graph.add("b", "b", ("c",), PLAIN, "#b")
    with pytest.raises(DependencyCycle, match=r"c -> #a -> #b -> c$"):
        graph.add("c", "c", ("#a",), PLAIN, "#c")
    with pytest.raises(DependencyCycle, match="#d -> #d"):
        graph.add("d", None, ("#d",), PLAIN, "#d")
    assert "a" in graph
    assert "c" not in graph


def test_one_that_is_taken_back_waits_no_more_and_leaves_nothing() -> None:
    rig = Rig()
    rig.add("c", "a", "b")
    assert rig.graph.take_back("c")
    assert not rig.graph.take_back("c")
    assert rig.end("a") == ([], [])
    assert (rig.graph._waits, rig.graph._behind, rig.graph._named) == ({}, {}, {})


@given(st.lists(st.tuples(st.integers(0, 30), st.lists(st.integers(0, 30), max_size=4)), max_size=40), st.randoms())
def test_whatever_waits_for_whatever_everything_that_may_begin_does_and_in_order(
    wishes: list[tuple[int, list[int]]], chance: Any
) -> None:
    """Against a plain reading of the same graph: a circle is refused exactly when there would be one."""
    edges: dict[int, set[int]] = {}
    states: dict[int, str] = {}
    graph: Dependencies[int] = Dependencies(lambda name: states.get(int(name)))
    ready: list[int] = []
    for name, after in wishes:
        if name in edges:
            continue

        def reaches(start: int, seen: set[int], name: int = name) -> bool:
            return start == name or any(reaches(to, seen | {start}) for to in edges.get(start, ()) if to not in seen)

        has_circle = any(reaches(each, set()) for each in after)
        if has_circle:
            with pytest.raises(DependencyCycle):
                graph.add(name, name, tuple(dict.fromkeys(after)), PLAIN)
            continue
        waits = graph.add(name, name, tuple(dict.fromkeys(after)), PLAIN)
        edges[name] = set(after)
        states[name] = "open"
        assert waits is bool(after)
        if not waits:
            ready.append(name)
    strangers = {each for after in edges.values() for each in after} - edges.keys()
    ready += strangers
    done: set[int] = set()
    while ready:
        name = ready.pop(chance.randrange(len(ready)))
        assert edges.get(name, set()) <= done
        done.add(name)
        states[name] = "done"
        free, lost = graph.ended(name, "done")
        assert not lost
        ready += free
    assert done >= edges.keys()
    assert len(graph) == 0
