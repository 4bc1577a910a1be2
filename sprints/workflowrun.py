"""One run of a workflow: scale, submit, follow the graph, collect.

Owns what is under way. Each step is accepted under `run id/step`, or `run id/step/part`: the same run again, also after the end
of this process, finds what was done and does the rest. Another way to run workflows is a class of this one with another
`lines_of` or `collected`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sprints.errors import BadWorkflow, WorkflowFailed
from sprints.hands import Hands
from sprints.reference import filled
from sprints.stepresult import Callbacks, Ended, StepResult, WorkflowOutcome
from sprints.workflow import Workflow
from sprints.workgraph import WorkGraph
from sprints.workstep import WorkStep

__all__ = ["PARTS", "WorkflowRun"]

#: Parts of one step at most: each is an accepted task that is waited for.
PARTS = 5_000
#: Seconds that what is being accepted gets to be so, where a run is left: it is taken back then.
LEAVE_S = 5.0
#: Characters of a run's name: with a step's and a part's they are a task's.
RUN_ID_CHARS = 100


class WorkflowRun:
    """A run; iterate over it once for what becomes of steps and parts, in the order in which they end.

    run_id: a text that is its own; the same one again goes on where that run was.  input: in place of the workflow's.
    outcome: how it ended, None before.
    """

    def __init__(
        self,
        workflow: Workflow,
        hands: Hands,
        *,
        run_id: str,
        input: Mapping[str, Any] | None = None,
        callbacks: Callbacks | None = None,
    ) -> None:
        stranger = next((name for name in input or () if name not in workflow.input), None)
        if stranger is not None:
            known = ", ".join(workflow.input) or "none"
            raise BadWorkflow(f"workflow {workflow.name} has no input {stranger!r}; there are {known}", path="input")
        if not 0 < len(run_id) <= RUN_ID_CHARS or not run_id.isprintable() or "/" in run_id:
            raise BadWorkflow(f"a run is called by a text of 1 to {RUN_ID_CHARS} characters without /, got {run_id!r:.40}")
        self.workflow = workflow
        self.run_id = run_id
        self.outcome: WorkflowOutcome | None = None
        self._hands = hands
        self._callbacks = callbacks or Callbacks()
        self._values: dict[str, Any] = {"input": {**workflow.input, **(input or {})}}
        self._failures: dict[str, list[dict[str, Any]]] = {"input": []}
        self._open: set[str] = set()
        self._ended: asyncio.Queue[StepResult | BaseException] = asyncio.Queue()

    def __aiter__(self) -> AsyncIterator[StepResult]:
        return self._results()

    async def execute(self) -> WorkflowOutcome:
        """Run to the end; returns the outcome. Raises WorkflowFailed where a step failed that may not."""
        async for _ in self:
            pass
        outcome = self.outcome
        if outcome is None or not outcome.ok:
            raise self._failed(outcome)
        return outcome

    def _failed(self, outcome: WorkflowOutcome | None) -> WorkflowFailed:
        failed = {} if outcome is None else outcome.failed
        skipped = () if outcome is None else outcome.skipped
        why = "; ".join(f"{step}: {told[0]['type']}: {told[0]['message']}" for step, told in failed.items())
        behind = f"; never begun: {', '.join(skipped)}" if skipped else ""
        said = f"workflow {self.workflow.name} ({self.run_id}) failed: {why}{behind}"
        return WorkflowFailed(said, failed=list(failed), skipped=skipped)

    # -- the walk ------------------------------------------------------------------------------------------------------

    async def _results(self) -> AsyncIterator[StepResult]:
        began_s, workflow = time.monotonic(), self.workflow
        for kind in dict.fromkeys([*workflow.kinds, *workflow.agents]):
            await self._hands.scale(kind, workflow.agents.get(kind), workflow.kinds.get(kind))
        steps = {step.id: step for step in workflow.steps}
        graph = WorkGraph({step.id: step.after for step in workflow.steps})
        under_way: set[asyncio.Task[None]] = set()
        try:
            self._begin([steps[name] for name in graph.begin()], under_way)
            while len(graph.ended) + len(graph.lost) < len(steps):
                result = await self._ended.get()
                if isinstance(result, BaseException):
                    raise result
                free: list[str] = []
                if result.part is None:
                    self._values[result.step] = result.value
                    free = graph.end(result.step, is_well=result.ok or steps[result.step].may_fail)
                self._tell(result, len(graph.ended) + len(graph.lost))
                self._begin([steps[name] for name in free], under_way)
                yield result
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            if self._open:
                await self._hands.cancel(sorted(self._open))
        self.outcome = self._collected(graph, time.monotonic() - began_s)

    def _begin(self, steps: Sequence[WorkStep], under_way: set[asyncio.Task[None]]) -> None:
        for step in steps:
            if self._callbacks.start is not None:
                self._callbacks.start(step.id)
            task = asyncio.get_running_loop().create_task(self._run(step))
            under_way.add(task)
            task.add_done_callback(under_way.discard)

    def _tell(self, result: StepResult, ended: int) -> None:
        told = self._callbacks.result if result.ok else self._callbacks.error
        if told is not None:
            told(result)
        if result.part is None and self._callbacks.progress is not None:
            self._callbacks.progress(ended, len(self.workflow.steps))

    async def _run(self, step: WorkStep) -> None:
        """Run a step, and say how it ended. What is wrong with the engine, and not with the step, ends the run."""
        try:
            result = await self._outcome(step)
        except BadWorkflow as wrong:
            self._failures[step.id] = [{"part": None, "type": type(wrong).__name__, "message": str(wrong)}]
            result = StepResult(step.id, None, False, None, type(wrong).__name__, str(wrong))
        except Exception as error:  # noqa: BLE001 - it is raised by the run, in the place of its caller
            self._ended.put_nowait(error)
            return
        self._ended.put_nowait(result)

    async def _outcome(self, step: WorkStep) -> StepResult:
        lines = await self.lines_of(step)
        if not lines:
            self._failures[step.id] = []
            return StepResult(step.id, None, True, [])
        tasks = await self._submitted(lines)
        is_whole = step.each is None and step.route != "broadcast"
        ended = await asyncio.gather(*(self._part(step, task, None if is_whole else at) for at, task in enumerate(tasks)))
        return self.collected(step, tasks, ended, is_whole=is_whole)

    async def _submitted(self, lines: Sequence[dict[str, Any]]) -> list[str]:
        """The tasks of some lines, which are open then: also of those that are accepted while the run is left."""
        submitting = asyncio.ensure_future(self._hands.submit(lines))
        try:
            tasks = await asyncio.shield(submitting)
        except asyncio.CancelledError:
            await asyncio.wait([submitting], timeout=LEAVE_S)
            if not submitting.cancel() and not submitting.cancelled():
                error = submitting.exception()
                self._open.update(submitting.result() if error is None else getattr(error, "ids", ()))
            raise
        except Exception as error:
            self._open.update(getattr(error, "ids", ()))  # some may have been accepted before
            raise
        self._open.update(tasks)
        return tasks

    async def _part(self, step: WorkStep, task: str, at: int | None) -> Ended:
        ended = await self._hands.ended(task)
        self._open.discard(task)
        if at is not None:
            self._ended.put_nowait(StepResult(step.id, at, ended.ok, ended.value, ended.error_type, ended.error, task))
        return ended

    # -- what an extension may do otherwise ----------------------------------------------------------------------------

    async def lines_of(self, step: WorkStep) -> list[dict[str, Any]]:
        """The task lines of a step: one, one for each item of `each`, or one for each agent of a broadcast.

        Raises BadWorkflow for values that do not fit.
        """
        if step.route == "broadcast":
            addresses = await self._hands.members(step.address)
            self._check_parts(step, len(addresses))
            return [self._line(step, at, address) for at, address in enumerate(addresses)]
        if step.each is None:
            return [self._line(step, None, step.address)]
        items = step.each.value_in(self._values, self._failures)
        if not isinstance(items, list):
            raise BadWorkflow(f"step {step.id}: each is {step.each.text}, which is no list but {items!r:.40}")
        self._check_parts(step, len(items))
        return [self._line(step, at, step.address, item) for at, item in enumerate(items)]

    def collected(self, step: WorkStep, tasks: Sequence[str], ended: Sequence[Ended], *, is_whole: bool) -> StepResult:
        """How a step ended, of the ends of its parts; it is ok if all of them are. is_whole: it has no parts."""
        failed = [(at, one) for at, one in enumerate(ended) if not one.ok]
        self._failures[step.id] = [
            {"part": None if is_whole else at, "type": one.error_type, "message": one.error} for at, one in failed
        ]
        value = ended[0].value if is_whole else [one.value for one in ended]
        task = tasks[0] if is_whole else None
        if not failed:
            return StepResult(step.id, None, True, value, task=task)
        first = failed[0][1]
        many = "" if is_whole else f"{len(failed):,} of {len(ended):,} parts failed, the first: "
        return StepResult(step.id, None, False, value, first.error_type, f"{many}{first.error}", task)

    def _line(self, step: WorkStep, at: int | None, address: str, item: Any = None) -> dict[str, Any]:
        values = self._values if at is None else {**self._values, "item": item, "part": at}
        return {
            "key": f"{self.run_id}/{step.id}" if at is None else f"{self.run_id}/{step.id}/{at}",
            "agent" if "/" in address else "kind": address,
            "method": step.method,
            "args": filled(step.args, values, self._failures),
            "retries": step.retry.attempts - 1,
            "backoff_s": step.retry.backoff_s,
            "tags": ["workflow", self.workflow.name],
            **step.options,
        }

    @staticmethod
    def _check_parts(step: WorkStep, count: int) -> None:
        if count > PARTS:
            raise BadWorkflow(f"step {step.id} would have {count:,} parts, and a step has up to {PARTS:,}")

    def _collected(self, graph: WorkGraph, ran_s: float) -> WorkflowOutcome:
        may_fail = {step.id for step in self.workflow.steps if step.may_fail}
        failed = {step: told for step, told in self._failures.items() if told}
        ok, output = not graph.lost and failed.keys() <= may_fail, None
        values = {step.id: self._values[step.id] for step in self.workflow.steps if step.id in self._values}
        if ok:
            try:
                output = filled(self.workflow.output_of(), self._values, self._failures)
            except BadWorkflow as wrong:
                ok = False
                told = {"part": None, "type": type(wrong).__name__, "message": str(wrong)}
                failed["output"] = [*failed.get("output", ()), told]
        return WorkflowOutcome(self.workflow.name, self.run_id, ok, output, values, failed, tuple(graph.lost), ran_s)
