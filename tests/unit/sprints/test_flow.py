"""A flow walks its graph by action, with copies of its own, and tells who listens."""

from __future__ import annotations

from typing import Any

import pytest

from sprints.flow import Flow
from sprints.listeners import Listeners, Stepped
from sprints.node import Node


class Add(Node):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        shared["total"] = shared.get("total", 0) + self.number


class Sign(Node):
    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return "positive" if shared["total"] > 0 else "negative"


class Deaf(Listeners):
    """Nobody listens, and nothing may be told."""

    def tell(self, event: Stepped) -> None:
        raise AssertionError(event)


def test_steps_follow_each_other_by_action() -> None:
    first, sign = Add(-3), Sign()
    first >> sign
    sign - "positive" >> Add(100)
    sign - "negative" >> Add(1000)
    shared: dict[str, Any] = {}
    assert Flow(start=first).run(shared) is None
    assert shared["total"] == 997


def test_a_loop_goes_on_until_its_action_leads_out() -> None:
    begin, step, sign = Add(-10), Add(3), Sign()
    flow = Flow()
    flow.start(begin) >> sign
    sign - "negative" >> step >> sign
    sign - "positive" >> Add(0)
    shared: dict[str, Any] = {}
    flow.run(shared)
    assert shared["total"] == 2


def test_an_action_that_leads_nowhere_ends_the_flow_and_comes_back() -> None:
    sign = Sign()
    assert Flow(start=sign).run({"total": 1}) == "positive"
    sign - "negative" >> Add(1)
    with pytest.warns(UserWarning, match="'positive' not found in \\['negative'\\]"):
        assert Flow(start=sign).run({"total": 1}) == "positive"


def test_a_flow_is_a_step_of_another_flow() -> None:
    inner = Flow(start=Add(1))
    inner >> Add(10)
    shared: dict[str, Any] = {}
    Flow(start=inner).run(shared)
    assert shared["total"] == 11


def test_the_action_of_an_inner_flow_chooses_the_way_of_the_outer_one() -> None:
    inner = Flow(start=Sign())
    inner - "negative" >> Add(5)
    shared: dict[str, Any] = {"total": -1}
    Flow(start=inner).run(shared)
    assert shared["total"] == 4


def test_params_reach_every_step_and_what_a_step_leaves_on_itself_is_gone() -> None:
    class Mark(Node):
        mark = "untouched"

        def prep(self, shared: Any) -> Any:
            shared.append((self.mark, self.params["who"]))
            self.mark = "touched"

    node, last = Mark(), Mark()
    node >> last
    flow = Flow(start=node)
    flow.set_params({"who": "me"})
    shared: list[Any] = []
    flow.run(shared)
    flow.run(shared)
    assert shared == [("untouched", "me")] * 4
    assert node.params == {}


def test_who_listens_hears_each_step_with_its_time_and_its_error() -> None:
    class Fail(Node):
        def exec(self, prep_res: Any) -> Any:
            raise ValueError("no")

    listeners, heard = Listeners(), []
    listeners.subscribe("sums:*", heard.append)
    first = Add(1)
    first >> Fail()
    with pytest.raises(ValueError, match="no"):
        Flow(first, name="sums", listeners=listeners).run({})
    assert [(event.name, event.error) for event in heard] == [("sums:Add", None), ("sums:Fail", "ValueError: no")]
    assert all(event.ran_s >= 0 for event in heard)


def test_where_nobody_listens_nothing_is_told() -> None:
    Flow(Add(1), listeners=Deaf()).run({})
