"""Workflows over the agents of an engine, as a person writes them: in Python or in a YAML file.

Owns the verbs: run, execute, many tasks at once. What a workflow is, and how one is walked, is the floor of sprints'.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from engine.errors import BadWorkflow
from engine.workflowcheck import checked
from engine.workflowfile import placed, read_workflow_file
from engine.workhands import WorkHands
from engine.workrunners import runner_of
from pools.registry import name_of, reference_of, root_of
from pools.values import fault
from sprints.stepresult import Callbacks, StepResult, WorkflowOutcome
from sprints.workflow import SCHEMA, Workflow, read_workflow
from sprints.workflowrun import WorkflowRun

if TYPE_CHECKING:
    from engine.client import Client
    from engine.engine import Engine
    from pools.agent import Agent

__all__ = ["SwarmWorkflow"]

#: Bytes of chance in the name of a run: two of them never meet.
CHANCE_BYTES = 6


class SwarmWorkflow:
    """Tasks for agents that wait for each other.

    agents: how many there shall be of each kind at least; a kind is a class, or the name of one that the engine has.
    tasks: the steps, as in a YAML workflow: `{"id", "kind" or "agent", "method", "args", "after", "each", …}`.
    more: `name`, `input`, `retry`, `output` and `runner`, as there.
    Raises BadWorkflow, naming the field, and WorkflowCycle.
    """

    def __init__(
        self,
        agents: Mapping[type[Agent] | str, int],
        tasks: Sequence[Mapping[str, Any]],
        *,
        name: str = "workflow",
        **more: Any,
    ) -> None:
        classes = [kind for kind in agents if not isinstance(kind, str)]
        rows = {
            "schema": SCHEMA,
            "name": name,
            "kinds": {name_of(kind): reference_of(kind) for kind in classes},
            "agents": {name_of(kind): count for kind, count in agents.items()},
            "steps": list(tasks),
            **more,
        }
        workflow = checked(read_workflow(rows))
        workflow = workflow._replace(input=placed(workflow, workflow.input, Path.cwd()))
        self._set(workflow, [root for kind in classes if (root := root_of(kind)) is not None])

    @classmethod
    def read(cls, file: str | Path) -> Self:
        """The workflow of a YAML file. Raises ConfigError with key and line, WorkflowCycle."""
        made = cls.__new__(cls)
        path = Path(file)
        made._set(read_workflow_file(path), list(dict.fromkeys([str(path.resolve().parent), str(Path.cwd())])))
        return made

    def _set(self, workflow: Workflow, paths: list[str]) -> None:
        self.workflow = workflow
        self._paths = paths

    def handle_result(self, result: StepResult) -> None:
        """Called with each step and part that has ended, well or not; a class of one's own does something with it."""

    def run(
        self,
        swarm: Engine | Client,
        *,
        run_id: str | None = None,
        input: Mapping[str, Any] | None = None,
        callbacks: Callbacks | None = None,
    ) -> WorkflowRun:
        """Begin a run; `async for result in workflow.run(engine)` goes through it, `outcome` is there afterwards.

        run_id: the same one again goes on where that run was.  input: in place of the workflow's; paths are relative to here.
        Leaving the loop early takes back what is open.  Raises BadWorkflow.
        """
        workflow = self.workflow
        for name, value in (input or {}).items():
            if (wrong := fault(value, "it")) is not None:
                raise BadWorkflow(wrong, path=f"input.{name}")
        return runner_of(workflow.runner)(
            workflow,
            WorkHands(swarm, self._paths),
            run_id=run_id or _run_id(workflow),
            input=placed(workflow, input or {}, Path.cwd()),
            callbacks=self._handled(callbacks or Callbacks()),
        )

    async def execute(self, swarm: Engine | Client, **facts: Any) -> WorkflowOutcome:
        """Run to the end; facts as for `run`. Raises WorkflowFailed, naming what failed and what was never begun."""
        return await self.run(swarm, **facts).execute()

    async def run_parallel_tasks(self, swarm: Engine | Client, tasks: Sequence[Mapping[str, Any]]) -> list[StepResult]:
        """Run tasks that wait for nobody, all at once; returns how each ended, in their order. An id is not needed."""
        steps = [{"id": f"task-{at}", **task, "may_fail": True} for at, task in enumerate(tasks)]
        several = checked(read_workflow({"schema": SCHEMA, "name": "tasks", "steps": steps}))
        run = WorkflowRun(several, WorkHands(swarm, self._paths), run_id=_run_id(several), callbacks=self._handled(Callbacks()))
        ends = {result.step: result async for result in run if result.part is None}
        return [ends[step.id] for step in several.steps]

    def _handled(self, callbacks: Callbacks) -> Callbacks:
        """The callbacks, and `handle_result` before them."""

        def heard(result: StepResult) -> None:
            self.handle_result(result)
            told = callbacks.result if result.ok else callbacks.error
            if told is not None:
                told(result)

        return callbacks._replace(result=heard, error=heard)


def _run_id(workflow: Workflow) -> str:
    """The name of a new run."""
    return f"wf-{workflow.name}-{os.urandom(CHANCE_BYTES).hex()}"
