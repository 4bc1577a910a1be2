"""A batch flow is walked once with each set of params."""

from __future__ import annotations

from typing import Any

from sprints.batchflow import BatchFlow
from sprints.node import Node


class Note(Node):
    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        shared["seen"].append(dict(self.params))


class Each(BatchFlow):
    def prep(self, shared: Any) -> Any:
        return shared["batch"]

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        shared["result"] = prep_res, exec_res
        return "over"


def test_the_flow_is_walked_with_each_params_beside_its_own() -> None:
    flow = Each(start=Note())
    flow.set_params({"a": 1, "b": 2})
    shared: dict[str, Any] = {"batch": [{"b": 3}, {"c": 4}], "seen": []}
    assert flow.run(shared) == "over"
    assert shared["seen"] == [{"a": 1, "b": 3}, {"a": 1, "b": 2, "c": 4}]
    assert shared["result"] == ([{"b": 3}, {"c": 4}], None)


def test_a_batch_flow_within_a_batch_flow_has_the_params_of_both() -> None:
    class Inner(Each):
        def prep(self, shared: Any) -> Any:
            return [{"inner": number} for number in range(2)]

    shared: dict[str, Any] = {"batch": [{"outer": 0}, {"outer": 1}], "seen": []}
    Each(start=Inner(start=Note())).run(shared)
    assert shared["seen"] == [{"outer": outer, "inner": inner} for outer in range(2) for inner in range(2)]


def test_no_params_are_no_walk() -> None:
    shared: dict[str, Any] = {"batch": None, "seen": []}
    Each(start=Note()).run(shared)
    assert shared["seen"] == []
