"""A step prepares, works and concludes; what comes next is named by action."""

from __future__ import annotations

from typing import Any

import pytest

from sprints.vertex import Vertex


class Sum(Vertex):
    def prep(self, shared: Any) -> Any:
        return shared["numbers"]

    def exec(self, prep_res: Any) -> Any:
        return sum(prep_res)

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        shared["sum"] = exec_res
        return "many" if len(prep_res) > 1 else None


def test_the_parts_run_in_order_and_the_action_comes_back() -> None:
    shared: dict[str, Any] = {"numbers": [1, 2, 3]}
    assert Sum().run(shared) == "many"
    assert shared["sum"] == 6


def test_a_step_without_parts_does_nothing() -> None:
    assert Vertex().run({}) is None


def test_arrows_name_what_comes_next_and_can_be_chained() -> None:
    first, second, third = Vertex(), Vertex(), Vertex()
    assert (first >> second >> third) is third
    assert (first - "again" >> first) is first
    assert first.successors == {"default": second, "again": first}
    assert second.successors == {"default": third}


def test_an_action_is_a_text() -> None:
    with pytest.raises(TypeError, match="Action must be a string"):
        Vertex() - 1  # type: ignore[operator]


def test_a_second_successor_for_an_action_replaces_the_first_with_a_warning() -> None:
    first, second, third = Vertex(), Vertex(), Vertex()
    first >> second
    with pytest.warns(UserWarning, match="Overwriting successor for action 'default'"):
        first >> third
    assert first.successors["default"] is third


def test_a_step_that_is_run_alone_says_that_its_successors_are_not() -> None:
    first = Vertex()
    first >> Vertex()
    with pytest.warns(UserWarning, match="won't run successors"):
        first.run({})
