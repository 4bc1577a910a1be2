"""What of a workflow only the engine can judge: addresses, options of tasks, values that cannot travel.

Owns that a run meets nothing of it that could have been known before. How a workflow is read is `workflowfile`'s, and the floor
of sprints'. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.errors import BadWorkflow
from engine.options import NAME_CHARS, options_of
from pools.address import parse, valid_kind
from pools.errors import PoolError
from pools.values import fault
from sprints.workflow import Workflow
from sprints.workstep import WorkStep

__all__ = ["checked"]


def checked(workflow: Workflow) -> Workflow:
    """The workflow, if its tasks can be sent as it says. Raises BadWorkflow with the path of what is wrong."""
    for field, kinds in (("kinds", workflow.kinds), ("agents", workflow.agents)):
        for kind in kinds:
            _agreed(valid_kind, kind, f"{field}.{kind}")
    for kind, reference in workflow.kinds.items():
        module, colon, name = reference.rpartition(":")
        if not colon or not module or not name.isidentifier():
            raise BadWorkflow(f"a class is module:Class or file.py:Class, got {reference!r:.80}", path=f"kinds.{kind}")
    for name, value in workflow.input.items():
        _travels(value, f"input.{name}")
    for at, step in enumerate(workflow.steps):
        _check_step(step, f"steps.{at}")
    _travels(workflow.output, "output")
    return workflow


def _check_step(step: WorkStep, path: str) -> None:
    is_agent = step.route == "direct"
    _agreed(parse if is_agent else valid_kind, step.address, f"{path}.{'agent' if is_agent else 'kind'}")
    if len(step.method) > NAME_CHARS:
        raise BadWorkflow(f"a method has a name of up to {NAME_CHARS} characters", path=f"{path}.method")
    for field, value in step.options.items():
        _agreed(options_of, {field: value}, f"{path}.{field}")
    if step.options.get("skills") and step.route != "workflow":
        raise BadWorkflow("skills choose an agent: they are for the route workflow", path=f"{path}.skills")
    _travels(step.args, f"{path}.args")


def _agreed(reader: Callable[[Any], object], value: Any, path: str) -> None:
    try:
        reader(value)
    except PoolError as error:
        raise BadWorkflow(str(error), path=path) from error


def _travels(value: Any, path: str) -> None:
    wrong = fault(value, "it")
    if wrong is not None:
        raise BadWorkflow(wrong, path=path)
