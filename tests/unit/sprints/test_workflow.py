"""A workflow is read as a whole: its steps know each other, and none waits for itself."""

from __future__ import annotations

from typing import Any

import pytest

from sprints.errors import BadWorkflow, WorkflowCycle
from sprints.workflow import SCHEMA, STEPS, read_workflow


def step(name: str, *after: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "kind": "doer", "method": "do", "after": list(after), **fields}


def rows(*steps: Any, **fields: Any) -> dict[str, Any]:
    return {"schema": SCHEMA, "name": "sums", "steps": list(steps), **fields}


def test_without_an_output_the_last_steps_are_what_comes_of_it() -> None:
    workflow = read_workflow(rows(step("a"), step("b", "a"), step("c", "a")))
    assert workflow.output_of() == {"b": "${b}", "c": "${c}"}
    assert read_workflow(rows(step("a"), output="${a}")).output_of() == "${a}"


def test_a_retry_is_for_every_step_that_has_none() -> None:
    workflow = read_workflow(rows(step("a"), step("b", retry={"attempts": 1}), retry={"attempts": 5, "backoff_s": 0.1}))
    assert [(one.retry.attempts, one.retry.backoff_s) for one in workflow.steps] == [(5, 0.1), (1, 0.1)]


def test_a_circle_is_refused_by_name() -> None:
    with pytest.raises(WorkflowCycle, match="a after c after b after a") as refused:
        read_workflow(rows(step("a", "c"), step("b", "a"), step("c", args=["${b}"])))
    assert refused.value.circle == ("a", "c", "b", "a")


def test_an_input_that_is_a_path_is_known_as_one() -> None:
    workflow = read_workflow(rows(step("a"), input={"file": {"path": "x.csv"}, "most": 3}))
    assert workflow.input == {"file": "x.csv", "most": 3}
    assert workflow.paths == {"file"}


@pytest.mark.parametrize(
    ("document", "path", "said"),
    [
        ([], "", "an object"),
        ({"schema": "engine.workflow/v2"}, "schema", "engine.workflow/v1"),
        (rows(step("a"), agent={}), "agent", "did you mean 'agents'"),
        (rows(step("a"), name="a/b"), "name", "without /"),
        (rows(), "steps", "at least one"),
        (rows(*[step(f"s{at}") for at in range(STEPS + 1)]), "steps", "up to 1,000"),
        (rows(step("a"), step("a")), "steps.1.id", "two steps 'a'"),
        (rows(step("first"), step("b", "frst")), "steps.1", "did you mean 'first'"),
        (rows(step("a"), output="${b}"), "output", "no step"),
        (rows(step("a"), output="a ${b}"), "output", "stands alone"),
        (rows(step("a", args=["${input.file}"])), "steps.0.args", "no input"),
        (rows(step("a"), agents={"doer": 0}), "agents.doer", "from 1"),
        (rows(step("a"), agents={"doer": "many"}), "agents.doer", "how many"),
        (rows(step("a"), kinds=["x"]), "kinds", "an object of names"),
        (rows(step("a"), runner=3), "runner", "extension"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(document: Any, path: str, said: str) -> None:
    with pytest.raises(BadWorkflow, match=said) as refused:
        read_workflow(document)
    assert refused.value.path == path
