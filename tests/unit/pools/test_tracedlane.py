"""Sections say which of their tasks are parts of traces, and say nothing where none is."""

from __future__ import annotations

from typing import Any

import pytest

from pools.job import Answers, Worn, read_job, traced
from pools.link import Link
from pools.message import TASK
from pools.tracedlane import TracedDueLane, TracedLane

PARENTS = {"one": "00-a-b-01", "three": "00-c-d-01", None: "00-e-f-01"}


class Wire:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send(self, letter: str, data: Any) -> None:
        assert letter == TASK
        self.sent += data


class Sink:
    """Takes answers."""

    def answered(self, tokens: Any, results: Any, failures: Any) -> None:
        """Nothing is done with them."""


@pytest.fixture
def sent() -> tuple[Link, list[dict[str, Any]]]:
    wire = Wire()
    link = Link(window=100, clock=lambda: 0.0, later=lambda _after_s, _call: None)
    link.attach(wire)
    return link, wire.sent


@pytest.mark.parametrize("is_timely", [False, True])
def test_a_column_says_which_are_in_the_order_of_the_tasks(sent: Any, is_timely: bool) -> None:
    link, sections = sent
    lane: Any = TracedDueLane(link, "k", Sink(), lambda: 0.0, PARENTS.get) if is_timely else TracedLane(
        link, "k", Sink(), PARENTS.get
    )  # fmt: skip
    for token in ("one", "two", "three"):
        lane.rows.extend((token, 1, "add", 5))
        if is_timely:
            lane.dues.append(100.0)
    link.offer([lane])
    assert (sections[0]["tp"], sections[0]["fx"]) == (["00-a-b-01", None, "00-c-d-01"], 0)
    lane.rows.extend(("two", 1, "add", 5))
    if is_timely:
        lane.dues.append(100.0)
    link.offer([lane])
    assert "tp" not in sections[1]
    assert "fx" not in sections[1]


def test_a_task_that_leaves_alone_is_asked_for_without_a_token(sent: Any) -> None:
    link, sections = sent
    lane = TracedLane(link, "k", Sink(), PARENTS.get)
    lane.is_counted = True
    assert link.send_alone(lane, "anything", 1, "add", 5)
    assert (sections[0]["tp"], sections[0]["fx"]) == (["00-e-f-01"], 1)


@pytest.mark.parametrize("parents", [None, "x", {}, [], ["a", "b"], [5], [None]])
def test_a_column_of_another_form_is_passed_over(parents: Any) -> None:
    answers: Answers = Sink()  # type: ignore[assignment]
    section = {"n": 1, "k": "none", "i": [1], "m": "add", "a": [5], "tp": parents, "fx": 0}
    job = read_job(section, {}, answers)
    assert [method for _, method, _ in job.rows] == [None]
    assert traced(parents, [None]) == [None]


def test_a_method_that_is_worn_twice_is_worn_once() -> None:
    from pools.job import Alone, Counted
    from pools.method import Method

    method = Method("add", lambda _agent: None, (), wants_context=False)
    worn = Worn(Alone(Counted(method)), parent="p")
    assert (worn.method, worn.is_alone, worn.is_counted, worn.parent) == (method, True, True, "p")
    assert Alone(worn).parent == "p"
