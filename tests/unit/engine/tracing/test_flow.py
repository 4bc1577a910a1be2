"""The life of an accepted task in spans."""

from __future__ import annotations

from typing import Any

import pytest

from engine.task import Task
from engine.taskflow import TaskFlow
from engine.tracing.flow import SUBMITTED, TracedFlow, flow_with
from pools.errors import Failure
from pools.span import Parent, Span, Tracer
from sprints.listeners import Listeners

PARENT = Parent("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


class Rig:
    """A flow and the spans that it has recorded."""

    def __init__(self, ratio: float = 1.0) -> None:
        self.spans: list[Span] = []
        made = flow_with(Tracer(self.spans.append, ratio))(Listeners(), lambda number: f"id-{number}")
        assert isinstance(made, TracedFlow)
        self.flow = made
        self.task = Task(5, None, "counter/1", "add", None, 1.0)

    def names(self) -> list[str]:
        return [span.name for span in self.spans]

    def end(self, failure: Failure | None = None) -> None:
        ending: Any = self.task.end("failed" if failure else "done", 2.0, error=failure)
        self.flow.judged([ending])
        self.flow.kept([ending])


def test_from_acceptance_until_its_end_is_written_down() -> None:
    rig = Rig()
    token = SUBMITTED.set(PARENT)
    rig.flow.validated([rig.task])
    SUBMITTED.reset(token)
    left = Parent.read(rig.flow.leave(rig.task))
    rig.end()
    queue, commit, accept = rig.spans
    assert rig.names() == ["queue counter", "commit counter", "accept counter"]
    assert (accept.trace, accept.parent) == PARENT[:2]
    assert queue.parent == commit.parent == accept.span
    assert left == Parent(queue.trace, queue.span)
    assert accept.attributes["messaging.message.id"] == "id-5"
    assert accept.attributes["engine.agent.id"] == "counter/1"
    assert rig.flow._lives == {}


def test_each_attempt_waits_in_a_span_of_its_own() -> None:
    rig = Rig()
    rig.flow.validated([rig.task])
    assert rig.flow.leave(rig.task) != rig.flow.leave(rig.task)
    assert rig.names() == ["queue counter"] * 2


def test_why_it_failed_is_said_and_what_never_left_is_over_with_it() -> None:
    rig = Rig()
    rig.flow.validated([rig.task])
    rig.end(Failure("TaskExpired", "late", None))
    assert {span.name: span.error for span in rig.spans} == {
        "queue counter": "",
        "commit counter": "",
        "accept counter": "TaskExpired: late",
    }


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_what_is_part_of_no_trace_leaves_without(ratio: float) -> None:
    rig = Rig(ratio)
    if not ratio:
        rig.flow.validated([rig.task])
    assert rig.flow.leave(rig.task) is None
    assert rig.flow.leave(None) is None
    rig.end()
    assert rig.spans == []
    assert rig.flow.is_heard


def test_without_traces_it_is_the_flow_that_it_was() -> None:
    assert flow_with(None) is TaskFlow
