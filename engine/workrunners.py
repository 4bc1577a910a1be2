"""Other ways to run a workflow, from packages that are installed beside the engine.

Owns how they are found: an entry point of the group `engine.workflows`, whose name a workflow gives as its `runner`, and which
is a class of `WorkflowRun`.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from engine.errors import BadWorkflow
from sprints.workflowrun import WorkflowRun

__all__ = ["GROUP", "runner_of"]

#: The group of entry points.
GROUP = "engine.workflows"


def runner_of(name: str | None) -> type[WorkflowRun]:
    """The class that runs a workflow; None is the usual one. Raises BadWorkflow, naming those that are installed."""
    if name is None:
        return WorkflowRun
    found = entry_points(group=GROUP, name=name)
    if not found:
        known = ", ".join(sorted(entry_points(group=GROUP).names)) or "none"
        raise BadWorkflow(f"no runner {name!r} is installed (entry points of {GROUP}: {known})", path="runner")
    (point, *_) = found
    try:
        made = point.load()
    except Exception as error:  # somebody else's code: importing it may raise anything
        raise BadWorkflow(f"runner {name} ({point.value}) cannot be loaded: {error}", path="runner") from error
    if not (isinstance(made, type) and issubclass(made, WorkflowRun)):
        raise BadWorkflow(f"runner {name} ({point.value}) is no class of sprints.workflowrun.WorkflowRun", path="runner")
    return made
