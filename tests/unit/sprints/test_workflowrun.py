"""A run follows the graph: values go on, parts run together, what fails stops only what needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sprints.errors import BadWorkflow, WorkflowFailed
from sprints.stepresult import Callbacks, Ended, StepResult
from sprints.workflow import SCHEMA, read_workflow
from sprints.workflowrun import PARTS, WorkflowRun


class Hands:
    """Does what a method's name says, at once, and remembers what it was asked."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.scaled: list[tuple[str, int | None, str | None]] = []
        self.cancelled: list[str] = []

    async def scale(self, kind: str, count: int | None, reference: str | None) -> None:
        self.scaled.append((kind, count, reference))

    async def members(self, kind: str) -> list[str]:
        return [f"{kind}/{number}" for number in range(3)]

    async def submit(self, lines: Sequence[dict[str, Any]]) -> list[str]:
        self.lines += lines
        return [line["key"] for line in lines]

    async def ended(self, task: str) -> Ended:
        line = next(line for line in self.lines if line["key"] == task)
        does: dict[str, Callable[..., Any]] = {"give": lambda x: x, "sum": sum, "halve": lambda x: 1 / 0 if x % 2 else x // 2}
        try:
            return Ended(True, does[line["method"]](*line["args"]))
        except Exception as error:
            return Ended(False, None, type(error).__name__, str(error))

    async def cancel(self, tasks: Sequence[str]) -> None:
        self.cancelled += tasks


def step(name: str, method: str, *args: Any, **fields: Any) -> dict[str, Any]:
    return {"id": name, "kind": "doer", "method": method, "args": list(args), **fields}


def run_of(*steps: Any, hands: Any = None, callbacks: Any = None, given: Any = None, **fields: Any) -> WorkflowRun:
    workflow = read_workflow({"schema": SCHEMA, "name": "sums", "steps": list(steps), **fields})
    return WorkflowRun(workflow, hands or Hands(), run_id="r1", callbacks=callbacks, input=given)


PIPELINE = (
    step("split", "give", [2, 4, 5, 8]),
    step("halve", "halve", "${item}", each="${split}", may_fail=True),
    step("failed", "give", "${halve!}"),
    step("first", "give", "${halve.0}"),
)


async def test_a_value_is_decomposed_worked_on_together_and_put_together_also_without_a_part_that_failed() -> None:
    run = run_of(*PIPELINE)
    outcome = await run.execute()
    assert outcome.values["halve"] == [1, 2, None, 4]
    why = {"part": 2, "type": "ZeroDivisionError", "message": "division by zero"}
    assert outcome.failed == {"halve": [why]}
    assert outcome.output == {"failed": [why], "first": 1}
    assert outcome.skipped == ()


async def test_every_part_and_every_step_is_told_in_the_order_of_their_ends() -> None:
    told = [(result.step, result.part, result.ok) async for result in run_of(*PIPELINE)]
    assert told[:6] == [
        ("split", None, True),
        *(("halve", at, at != 2) for at in range(4)),
        ("halve", None, False),
    ]
    assert sorted(told[6:]) == [("failed", None, True), ("first", None, True)]


async def test_a_step_that_may_not_fail_stops_only_what_waits_for_it() -> None:
    behind, last = step("behind", "give", "${bad}"), step("last", "give", 1, after=["behind"])
    run = run_of(step("bad", "halve", 3), behind, step("beside", "give", 7), last)
    with pytest.raises(WorkflowFailed, match="bad: ZeroDivisionError: division by zero; never begun: behind, last") as failed:
        await run.execute()
    assert (failed.value.failed, failed.value.skipped) == (("bad",), ("behind", "last"))
    assert run.outcome is not None
    assert run.outcome.values["beside"] == 7
    assert run.outcome.output is None


async def test_a_broadcast_asks_every_agent_of_the_kind() -> None:
    hands = Hands()
    outcome = await run_of(step("all", "give", 5, route="broadcast"), step("sum", "sum", "${all}"), hands=hands).execute()
    assert outcome.output == {"sum": 15}
    assert [line["agent"] for line in hands.lines[:3]] == ["doer/0", "doer/1", "doer/2"]


async def test_tasks_are_named_by_run_step_and_part_and_say_how_often_they_are_tried() -> None:
    hands = Hands()
    await run_of(step("a", "give", [1]), step("b", "give", "${item}", each="${a}", priority="high"), hands=hands).execute()
    assert [line["key"] for line in hands.lines] == ["r1/a", "r1/b/0"]
    assert hands.lines[0] == {
        "key": "r1/a", "kind": "doer", "method": "give", "args": [[1]], "retries": 2, "backoff_s": 2.0,
        "tags": ["workflow", "sums"],
    }  # fmt: skip
    assert hands.lines[1]["priority"] == "high"


async def test_agents_are_scaled_before_anything_is_asked() -> None:
    hands = Hands()
    await run_of(step("a", "give", 1), hands=hands, kinds={"doer": "m:Doer"}, agents={"doer": 3, "other": 1}).execute()
    assert hands.scaled == [("doer", 3, "m:Doer"), ("other", 1, None)]


async def test_callbacks_are_called_on_start_progress_result_and_error() -> None:
    heard: list[Any] = []
    callbacks = Callbacks(
        start=lambda name: heard.append(("start", name)),
        progress=lambda ended, of: heard.append(("progress", ended, of)),
        result=lambda result: heard.append(("result", result.step)),
        error=lambda result: heard.append(("error", result.step)),
    )
    behind = step("b", "halve", 3, after=["a"]), step("c", "give", 1, after=["b"])
    async for _ in run_of(step("a", "give", 1), *behind, callbacks=callbacks):
        pass
    assert heard == [
        ("start", "a"), ("result", "a"), ("progress", 1, 3), ("start", "b"), ("error", "b"), ("progress", 3, 3),
    ]  # fmt: skip


async def test_a_callback_that_raises_ends_the_run_and_takes_back_what_is_open() -> None:
    def refuse(_result: StepResult) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await run_of(step("a", "give", 1), callbacks=Callbacks(result=refuse)).execute()


async def test_leaving_early_takes_back_what_is_open() -> None:
    class Slow(Hands):
        async def ended(self, task: str) -> Ended:
            if task.endswith("/slow"):
                await asyncio.Event().wait()
            return await super().ended(task)

    hands = Slow()
    results = run_of(step("slow", "give", 1), step("fast", "give", 2), hands=hands).__aiter__()
    assert (await anext(results)).step == "fast"
    await results.aclose()  # type: ignore[attr-defined]
    assert hands.cancelled == ["r1/slow"]


async def test_what_is_wrong_with_the_engine_ends_the_run() -> None:
    class Gone(Hands):
        async def submit(self, lines: Sequence[dict[str, Any]]) -> list[str]:
            raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        await run_of(step("a", "give", 1), hands=Gone()).execute()


async def test_a_value_that_does_not_fit_fails_its_step_with_the_reason() -> None:
    run = run_of(step("a", "give", 1), step("b", "give", "${a.x}"), step("c", "give", 1, each="${a}"))
    with pytest.raises(WorkflowFailed, match="a has no 'x'"):
        await run.execute()
    assert run.outcome is not None
    assert "which is no list" in run.outcome.failed["c"][0]["message"]


async def test_no_items_are_no_parts_and_too_many_are_refused() -> None:
    outcome = await run_of(step("a", "give", []), step("b", "give", "${item}", each="${a}")).execute()
    assert outcome.output == {"b": []}
    run = run_of(step("a", "give", [0] * (PARTS + 1)), step("b", "give", "${item}", each="${a}"))
    with pytest.raises(WorkflowFailed, match="up to 5,000"):
        await run.execute()


@pytest.mark.parametrize("name", ["", "a/b", "x" * 101, "a\nb"])
def test_a_run_has_a_name_that_its_tasks_can_begin_with(name: str) -> None:
    workflow = read_workflow({"schema": SCHEMA, "name": "sums", "steps": [step("a", "give", 1)]})
    with pytest.raises(BadWorkflow, match="without /"):
        WorkflowRun(workflow, Hands(), run_id=name)


async def test_an_input_is_replaced_and_one_that_there_is_not_is_refused() -> None:
    one = step("a", "give", "${input.x}")
    assert (await run_of(one, input={"x": 1, "y": 2}, given={"x": 9}).execute()).output == {"a": 9}
    with pytest.raises(BadWorkflow, match="no input 'z'; there are x"):
        run_of(one, input={"x": 1}, given={"z": 9})


class Late(Hands):
    """Accepts tasks a moment after it was asked to."""

    def __init__(self, *, accepts: bool = True) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.accepts = accepts

    async def submit(self, lines: Sequence[dict[str, Any]]) -> list[str]:
        self.asked.set()
        await asyncio.sleep(0.05)
        if not self.accepts:
            error = ValueError("stopped")
            error.ids = [lines[0]["key"]]  # type: ignore[attr-defined]
            raise error
        return await super().submit(lines)


async def test_what_is_accepted_while_the_run_is_left_is_taken_back_too() -> None:
    hands = Late()
    run = asyncio.create_task(run_of(step("a", "give", 1), step("b", "give", 2), hands=hands).execute())
    await hands.asked.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert hands.cancelled == ["r1/a", "r1/b"]


async def test_what_was_accepted_before_the_rest_was_refused_is_taken_back() -> None:
    hands = Late(accepts=False)
    with pytest.raises(ValueError, match="stopped"):
        await run_of(step("a", "give", "${item}", each="${input.x}"), hands=hands, input={"x": [1, 2]}).execute()
    assert hands.cancelled == ["r1/a/0"]


async def test_an_output_that_the_values_do_not_have_loses_none_of_them() -> None:
    run = run_of(step("a", "give", {"x": 1}), output="${a.y}")
    with pytest.raises(WorkflowFailed, match=r"output: BadWorkflow: \$\{a.y\}: a has no 'y'"):
        await run.execute()
    assert run.outcome is not None
    assert (run.outcome.ok, run.outcome.values, run.outcome.output) == (False, {"a": {"x": 1}}, None)
