"""`engine workflow`: run the steps of a YAML file, check it, or list the runs that the engine knows."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import errors
from engine.cli import figures
from engine.cli.misuse import Misuse, action_of
from engine.cli.output import hint, screen, show_document, show_json, show_lines
from engine.cli.parser import About, Parser
from engine.cli.screen import clean
from engine.cli.session import request, talk
from engine.cli.table import Column, table

if TYPE_CHECKING:
    from engine.client import Client
    from sprints.stepresult import StepResult, WorkflowOutcome

__all__ = ["ABOUT", "add_arguments", "run"]

#: What the JSON documents of the three actions are called.
RUN_SCHEMA, CHECK_SCHEMA, LIST_SCHEMA = "engine.workflow.run/v1", "engine.workflow.check/v1", "engine.workflow.ls/v1"
ACTIONS = ("run", "check", "ls")
#: Tasks on a page, and characters of a value on a line for reading.
PAGE, VALUE_CHARS = 10_000, 60
COLUMNS = (
    Column("RUN", least=20),
    Column("WORKFLOW", least=10, rank=1),
    *(Column(title, is_right=True) for title in ("TASKS", "DONE", "FAILED", "OPEN")),
)

ABOUT = About(
    usage="""\
run FILE [--input NAME=VALUE ...] [--run-id ID] [--json]
  engine workflow check FILE [--json]
  engine workflow ls [--json]""",
    text="""\
Runs a workflow: the steps of a YAML file, each a task for an agent, that wait for each other and pass on what they find.

  run    load its kinds, see that there are as many agents as it says,
         submit each step as an accepted task once those before it have
         ended, and print what came of it
  check  read it only: fields, references, circles; needs no engine
  ls     the runs of which the engine still knows tasks

A step that fails is tried again (retry: {attempts: 3, backoff_s: 2.0} unless the file says otherwise). Where it fails for good,
what waits for it never begins, unless it has may_fail; the exit code is 1 then. Steps of one run are accepted once: with
--run-id, a run whose command was killed is taken up where it was. A value of --input is JSON, or else a text.""",
    examples="""\
  engine workflow check nightly.yaml
  engine workflow run examples/workflows/words.yaml --input most=3
  engine workflow run nightly.yaml --run-id n-2026-11-21 --json | jq .output
""",
    actions={
        "run": "run one to its end",
        "check": "read one only",
        "ls": "the runs of which the engine still knows tasks",
    },
)


def add_arguments(parser: Parser) -> None:
    """What to do, and with which file."""
    parser.add_argument("action", type=action_of(ACTIONS), metavar="ACTION", help=f"one of {', '.join(ACTIONS)}")
    parser.add_argument("workflow", nargs="?", metavar="FILE", help="run, check: a YAML file")
    parser.add_argument(
        "--input", nargs="+", action="extend", default=[], type=_given, metavar="NAME=VALUE", help="run: in place of its input"
    )
    parser.add_argument("--run-id", metavar="ID", help="run: its name; one that was there goes on where it was")
    parser.offer(workflow={"run": "files", "check": "files"})


def _given(text: str) -> tuple[str, Any]:
    import json

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ArgumentTypeError(f"{text!r:.60} is no NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def run(options: Namespace) -> int:
    """Do it."""
    _check_words(options)
    if options.action == "ls":
        return _list(options)
    return _check(options) if options.action == "check" else _run(options)


def _check_words(options: Namespace) -> None:
    """Raises Misuse for words that the action does not take."""
    if options.action == "ls":
        if options.workflow is not None:
            raise Misuse(f"{options.workflow!r} is one word too many; see: engine workflow --help")
    elif options.workflow is None:
        raise Misuse(f"{options.action} which workflow? Write its file")
    if options.action != "run" and (options.input or options.run_id):
        raise Misuse("--input and --run-id are for run; see: engine workflow --help")


# -- check -------------------------------------------------------------------------------------------------------------


def _check(options: Namespace) -> int:
    from engine.workflowfile import read_workflow_file

    workflow = read_workflow_file(Path(options.workflow))
    steps = [
        {"id": step.id, "route": step.route, "to": step.address, "method": step.method, "after": list(step.after)}
        for step in workflow.steps
    ]
    if options.json:
        facts = {"name": workflow.name, "agents": dict(workflow.agents), "steps": steps}
        show_document(options, {"schema": CHECK_SCHEMA, **facts}, "steps")
        return errors.DONE
    columns = [Column(title, least=8) for title in ("STEP", "ROUTE", "TO", "METHOD", "AFTER")]
    rows = [[str(step[key]) for key in ("id", "route", "to", "method")] + [", ".join(step["after"])] for step in steps]
    show_lines(table(columns, rows, screen(options)))
    hint(options, f"{workflow.name} can be run: {figures.plural(len(steps), 'step')}")
    return errors.DONE


# -- run ---------------------------------------------------------------------------------------------------------------


def _run(options: Namespace) -> int:
    from engine.swarmworkflow import SwarmWorkflow
    from engine.workrunners import runner_of
    from sprints.stepresult import Callbacks

    workflow = SwarmWorkflow.read(options.workflow)
    runner_of(workflow.workflow.runner)

    async def say(client: Client) -> WorkflowOutcome:
        callbacks = Callbacks(result=lambda result: _tell(options, result), error=lambda result: _tell(options, result))
        going = workflow.run(client, run_id=options.run_id, input=dict(options.input), callbacks=callbacks)
        hint(options, f"run {going.run_id}")
        async for _ in going:
            pass
        assert going.outcome is not None  # noqa: S101 - it is there once the loop has ended
        return going.outcome

    outcome = talk(options, say)
    if options.json:
        show_json({"schema": RUN_SCHEMA, **outcome._asdict()})
    elif outcome.ok:
        show_json(outcome.output)
    else:
        _complain(outcome)
    hint(options, f"{'done' if outcome.ok else 'failed'} in {figures.span(outcome.ran_s)}")
    return errors.DONE if outcome.ok else errors.FAILED


def _tell(options: Namespace, result: StepResult) -> None:
    """A line for a step that has ended, and for a part that failed."""
    if result.ok and result.part is not None:
        return
    name = result.step if result.part is None else f"{result.step}[{result.part}]"
    said = f"{result.value!r:.{VALUE_CHARS}}" if result.ok else f"failed: {result.error_type}: {result.error}"
    hint(options, clean(f"  {name}  {said}"))


def _complain(outcome: WorkflowOutcome) -> None:
    for step, failures in outcome.failed.items():
        for one in failures:
            place = step if one["part"] is None else f"{step}[{one['part']}]"
            print(clean(f"engine: step {place}: {one['type']}: {one['message']}"), file=sys.stderr)
    if outcome.skipped:
        print(f"engine: never begun: {', '.join(outcome.skipped)}", file=sys.stderr)


# -- ls ----------------------------------------------------------------------------------------------------------------


def _list(options: Namespace) -> int:
    runs: dict[str, dict[str, Any]] = {}
    skip = 0
    while True:
        page = request(options, "tasks", tag="workflow", skip=skip, limit=PAGE)["tasks"]
        for task in page:
            _count(runs, task)
        if len(page) < PAGE:
            break
        skip += PAGE
    if options.json:
        show_document(options, {"schema": LIST_SCHEMA, "runs": list(runs.values())}, "runs")
        return errors.DONE
    counts = ("tasks", "done", "failed", "open")
    rows = [[one["run_id"], one["name"], *(f"{one[key]:,}" for key in counts)] for one in runs.values()]
    show_lines(table(COLUMNS, rows, screen(options)))
    hint(options, figures.plural(len(runs), "run"))
    return errors.DONE


def _count(runs: dict[str, dict[str, Any]], task: dict[str, Any]) -> None:
    """Count a task to its run; what it is called is `run id/step` or `run id/step/part`."""
    run_id, slash, _ = str(task["name"] or "").partition("/")
    if not slash:
        return
    tags = task["options"].get("tags", [])
    fresh = {"run_id": run_id, "name": tags[1] if len(tags) > 1 else "", "tasks": 0, "done": 0, "failed": 0, "open": 0}
    told = runs.setdefault(run_id, fresh)
    state = task["state"]
    told["tasks"] += 1
    told["done" if state == "done" else "failed" if state in ("failed", "cancelled", "expired") else "open"] += 1
