"""A workflow: steps for agents that wait for each other, and pass on what they find.

Owns the document `engine.workflow/v1` as plain rows, read and checked: its agents, its steps, what comes of it. How it is read
from a file, and who does the work, is known above.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from sprints.errors import BadWorkflow, WorkflowCycle
from sprints.reference import references_in
from sprints.workgraph import circle_in
from sprints.workstep import Retry, WorkStep, read_retry, read_step, stranger_in

__all__ = ["SCHEMA", "STEPS", "Workflow", "read_workflow"]

SCHEMA = "engine.workflow/v1"
#: Steps of a workflow: each is written by hand. Parts of one step are counted apart.
STEPS = 1_000
FIELDS = ("schema", "name", "kinds", "agents", "input", "retry", "runner", "steps", "output")


class Workflow(NamedTuple):
    """A workflow.

    kinds: the class of each kind that is to be loaded.  agents: how many there shall be of a kind, at least.
    input: values that the steps refer to as `${input.name}`, as they are unless a run is given others.
    paths: the inputs that are files or folders, written `{path: data.csv}`: what they are relative to is known above.
    runner: the name of an extension that runs it, None for the usual way.
    output: what comes of it, with references; None for the values of all steps that nobody waits for.
    """

    name: str
    kinds: Mapping[str, str]
    agents: Mapping[str, int]
    input: Mapping[str, Any]
    paths: frozenset[str]
    runner: str | None
    steps: tuple[WorkStep, ...]
    output: Any

    def output_of(self) -> Any:
        """What comes of it, with references."""
        if self.output is not None:
            return self.output
        waited = {one for step in self.steps for one in step.after}
        return {step.id: f"${{{step.id}}}" for step in self.steps if step.id not in waited}


def read_workflow(rows: Any) -> Workflow:
    """A workflow of plain rows, as YAML or JSON has them. Raises BadWorkflow with the path of what is wrong, WorkflowCycle."""
    if not isinstance(rows, Mapping):
        raise BadWorkflow(f"a workflow is an object that begins with schema: {SCHEMA}")
    if rows.get("schema") != SCHEMA:
        raise BadWorkflow(f"schema is {SCHEMA}, got {rows.get('schema')!r:.40}", path="schema")
    stranger_in(rows, FIELDS, "")
    name, runner = rows.get("name"), rows.get("runner")
    if not isinstance(name, str) or not 0 < len(name) <= 60 or not name.isprintable() or "/" in name:
        raise BadWorkflow(f"name is a text of 1 to 60 characters without /, got {name!r:.80}", path="name")
    if runner is not None and (not isinstance(runner, str) or not runner):
        raise BadWorkflow(f"runner is the name of an extension, got {runner!r:.40}", path="runner")
    steps = _steps(rows, read_retry(rows.get("retry"), "retry", Retry()))
    given = _mapping(rows, "input", object, "a value")
    workflow = Workflow(
        name,
        _mapping(rows, "kinds", str, "module:Class or file.py:Class"),
        _mapping(rows, "agents", int, "how many there shall be"),
        {key: value["path"] if _is_path(value) else value for key, value in given.items()},
        frozenset(key for key, value in given.items() if _is_path(value)),
        runner,
        steps,
        rows.get("output"),
    )
    _check_agents(workflow)
    _check_references(workflow)
    circle = circle_in({step.id: step.after for step in steps})
    if circle is not None:
        raise WorkflowCycle(circle)
    return workflow


def _is_path(value: Any) -> bool:
    return isinstance(value, Mapping) and list(value) == ["path"] and isinstance(value["path"], str)


def _steps(rows: Mapping[str, Any], retry: Retry) -> tuple[WorkStep, ...]:
    given = rows.get("steps")
    if not isinstance(given, list) or not given:
        raise BadWorkflow("steps is a list of at least one step", path="steps")
    if len(given) > STEPS:
        raise BadWorkflow(f"a workflow has up to {STEPS:,} steps, got {len(given):,}; `each` makes parts of one", path="steps")
    steps = tuple(read_step(row, f"steps.{at}", retry) for at, row in enumerate(given))
    known: set[str] = set()
    for at, step in enumerate(steps):
        if step.id in known:
            raise BadWorkflow(f"there are two steps {step.id!r}", path=f"steps.{at}.id")
        known.add(step.id)
    return steps


def _check_agents(workflow: Workflow) -> None:
    for kind, count in workflow.agents.items():
        if type(count) is not int or count < 1:
            raise BadWorkflow(f"agents of a kind are a whole number from 1, got {count!r:.40}", path=f"agents.{kind}")


def _check_references(workflow: Workflow) -> None:
    """Raises BadWorkflow for a step that there is not, and for an input that nobody gives."""
    known = [step.id for step in workflow.steps]
    for at, step in enumerate(workflow.steps):
        for before in step.after:
            if before not in known:
                raise BadWorkflow(f"step {step.id} waits for {before!r}, {_absent(before, known)}", path=f"steps.{at}")
        _check_input(workflow, [step.args, step.each.text if step.each else None], f"steps.{at}.args")
    try:
        found = list(references_in(workflow.output))
    except BadWorkflow as wrong:
        raise BadWorkflow(str(wrong), path="output") from wrong
    for reference in found:
        if reference.name not in (*known, "input"):
            raise BadWorkflow(f"{reference.text}: {_absent(reference.name, known)}", path="output")
    _check_input(workflow, workflow.output, "output")


def _check_input(workflow: Workflow, value: Any, path: str) -> None:
    for reference in references_in(value):
        if reference.name == "input" and reference.path and reference.path[0] not in workflow.input:
            said = _absent(reference.path[0], list(workflow.input), "input")
            raise BadWorkflow(f"{reference.text}: {said}", path=path)


def _absent(name: str, known: list[str], what: str = "step") -> str:
    near = get_close_matches(name, known, 1)
    return f"which is no {what}" + (f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known[:8]) or 'none'}")


def _mapping(rows: Mapping[str, Any], field: str, of: type, shape: str) -> dict[str, Any]:
    given = rows.get(field)
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise BadWorkflow(f"{field} is an object of names, each with {shape}", path=field)
    for key, value in given.items():
        if not isinstance(value, of):
            raise BadWorkflow(f"{field}.{key} is {shape}, got {value!r:.40}", path=f"{field}.{key}")
    return dict(given)
