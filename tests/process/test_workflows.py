"""Workflows on real workers: in this process, over a socket, and from the command line; and those that come as examples."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import detached
from engine.engine import Engine
from engine.errors import BadWorkflow, WorkflowCycle, WorkflowFailed
from engine.swarmworkflow import SwarmWorkflow
from sprints.stepresult import Callbacks, StepResult
from tests.support.agents import Tally
from tests.support.commands import ROOT, Commands, commands
from tests.support.processes import pool, running

EXAMPLES = ROOT / "examples" / "workflows"

#: An agent that fails until a file says how often it was asked.
AGENTS = """\
import time
from pathlib import Path
from engine import Agent

class Flaky(Agent):
    count: int = 0

    def give(self, value):
        return value

    def after(self, file: str, fails: int):
        path = Path(file)
        seen = len(path.read_text()) if path.exists() else 0
        path.write_text("x" * (seen + 1))
        if seen < fails:
            raise ValueError(f"attempt {seen + 1}")
        return seen + 1

    def mark(self, file: str):
        with Path(file).open("a") as marks:
            marks.write("m")
        return Path(file).read_text()

    def wait_for(self, file: str):
        if not Path(file).exists():
            raise OSError("not yet")
        return "there"

    def halve(self, number: int):
        if number % 2:
            raise ValueError(f"{number} is odd")
        return number // 2

    def total(self, parts: list, failures: list):
        return {"total": sum(part for part in parts if part is not None), "failed": len(failures)}
"""

WIDE = """
    def deep(self, levels: int):
        return [self.deep(levels - 1)] if levels else 0

    def slowly(self, seconds: float):
        time.sleep(seconds)
        return "slowly"
"""

PIPELINE = """\
schema: engine.workflow/v1
name: halves
kinds: {flaky: agents.py:Flaky}
agents: {flaky: 4}
input: {numbers: [2, 4, 5, 8]}
retry: {attempts: 2, backoff_s: 0.01}
steps:
  - {id: split, kind: flaky, method: give, args: ["${input.numbers}"]}
  - {id: halve, kind: flaky, method: halve, each: "${split}", args: ["${item}"], may_fail: true}
  - {id: join, agent: flaky/0, method: total, args: ["${halve}", "${halve!}"]}
"""


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with running([pool(2)], (Tally,)) as engine:
        yield engine


@pytest.fixture
def halves(tmp_path: Path) -> Path:
    (tmp_path / "agents.py").write_text(AGENTS)
    file = tmp_path / "halves.yaml"
    file.write_text(PIPELINE)
    return file


async def test_a_yaml_workflow_scales_submits_follows_its_graph_and_collects(engine: Engine, halves: Path) -> None:
    run = SwarmWorkflow.read(halves).run(engine, run_id="one")
    told = [(result.step, result.part, result.ok) async for result in run]
    assert told[0] == ("split", None, True)
    assert sorted(told[1:5]) == [("halve", at, at != 2) for at in range(4)]
    assert told[5:] == [("halve", None, False), ("join", None, True)]
    assert run.outcome is not None
    assert run.outcome.output == {"join": {"total": 7, "failed": 1}}
    assert engine.swarm.placement.count_of("flaky") == 4
    tasks = await engine.tasks(tag="workflow")
    assert {task["name"] for task in tasks["tasks"]} == {"one/split", "one/join", *(f"one/halve/{at}" for at in range(4))}
    assert next(task for task in tasks["tasks"] if task["name"] == "one/halve/2")["attempts"] == 2


async def test_a_step_is_tried_again_until_it_succeeds(engine: Engine, halves: Path) -> None:
    steps = [{"id": "a", "kind": "flaky", "method": "after", "args": [str(halves.parent / "seen"), 2]}]
    quick = {"attempts": 3, "backoff_s": 0.01}
    await engine.load(f"{halves.parent}/agents.py:Flaky")
    assert (await SwarmWorkflow({"flaky": 1}, steps, retry=quick).execute(engine)).output == {"a": 3}


async def test_the_same_run_again_does_nothing_twice(engine: Engine, halves: Path) -> None:
    marks = halves.parent / "marks"
    await engine.load(f"{halves.parent}/agents.py:Flaky")
    workflow = SwarmWorkflow({"flaky": 1}, [{"id": "a", "kind": "flaky", "method": "mark", "args": [str(marks)]}])
    assert (await workflow.execute(engine, run_id="r")).output == {"a": "m"}
    assert (await workflow.execute(engine, run_id="r")).output == {"a": "m"}
    assert (await workflow.execute(engine)).output == {"a": "mm"}


async def test_python_workflows_broadcast_to_agents_of_a_class_and_hand_on_their_results(engine: Engine) -> None:
    class Heard(SwarmWorkflow):
        def __init__(self, *facts: Any, **more: Any) -> None:
            super().__init__(*facts, **more)
            self.heard: list[str] = []

        def handle_result(self, result: StepResult) -> None:
            self.heard.append(f"{result.step}/{result.part}")

    steps = [
        {"id": "all", "kind": "tally", "route": "broadcast", "method": "add", "args": [5]},
        {"id": "one", "agent": "tally/1", "method": "add", "args": ["${all.1}"]},
    ]
    workflow = Heard({Tally: 3}, steps)
    calls: list[str] = []
    outcome = await workflow.execute(engine, callbacks=Callbacks(result=lambda result: calls.append(result.step)))
    assert outcome.values == {"all": [5, 5, 5], "one": 10}
    assert sorted(workflow.heard) == ["all/0", "all/1", "all/2", "all/None", "one/None"]
    assert len(calls) == 5


async def test_tasks_that_wait_for_nobody_run_at_once_and_come_back_in_their_order(engine: Engine) -> None:
    workflow = SwarmWorkflow({Tally: 3}, [{"id": "a", "kind": "tally", "method": "get"}])
    await workflow.execute(engine)
    tasks = [{"agent": f"tally/{number}", "method": "add", "args": [number]} for number in range(3)]
    tasks.append({"agent": "tally/0", "method": "nothing"})
    ends = await workflow.run_parallel_tasks(engine, tasks)
    assert [end.value for end in ends] == [0, 1, 2, None]
    assert [end.error_type for end in ends] == [None, None, None, "UnknownMethod"]


async def test_a_circle_and_a_class_of_another_kind_are_refused_by_name(engine: Engine, halves: Path) -> None:
    steps = [{"id": "a", "kind": "t", "method": "x", "after": "b"}, {"id": "b", "kind": "t", "method": "x", "after": ["a"]}]
    with pytest.raises(WorkflowCycle, match="a after b after a"):
        SwarmWorkflow({}, steps)
    halves.write_text(PIPELINE.replace("kinds: {flaky:", "kinds: {other:"))
    with pytest.raises(BadWorkflow, match="of the kind flaky, not other"):
        await SwarmWorkflow.read(halves).execute(engine)


async def test_what_fails_is_named_with_what_never_began(engine: Engine, halves: Path) -> None:
    halves.write_text(PIPELINE.replace(", may_fail: true", ""))
    with pytest.raises(WorkflowFailed, match="halve: ValueError: 5 is odd; never begun: join"):
        await SwarmWorkflow.read(halves).execute(engine)


RUNNER = """\
from sprints.workflowrun import WorkflowRun

class Twice(WorkflowRun):
    async def lines_of(self, step):
        return [{**line, "args": [2 * one for one in line["args"]]} for line in await super().lines_of(step)]
"""


async def test_an_extension_that_is_installed_runs_a_workflow_its_own_way(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "twice_of_a_test-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: twice-of-a-test\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[engine.workflows]\ntwice = twice_of_a_test:Twice\n")
    (tmp_path / "twice_of_a_test.py").write_text(RUNNER)
    monkeypatch.syspath_prepend(str(tmp_path))
    steps = [{"id": "a", "agent": "tally/0", "method": "add", "args": [4]}]
    assert (await SwarmWorkflow({Tally: 1}, steps, runner="twice").execute(engine)).output == {"a": 8}
    with pytest.raises(BadWorkflow, match=r"no runner 'thrice' is installed.*twice"):
        SwarmWorkflow({Tally: 1}, steps, runner="thrice").run(engine)


async def test_a_step_whose_values_go_into_no_task_fails_alone(engine: Engine, halves: Path) -> None:
    halves.write_text("""\
schema: engine.workflow/v1
name: unsent
kinds: {flaky: agents.py:Flaky}
agents: {flaky: 2}
retry: {attempts: 1}
steps:
  - {id: deep, kind: flaky, method: deep, args: [206]}
  - {id: deeper, kind: flaky, method: give, args: [[[[["${deep}"]]]]], may_fail: true}
  - {id: nobody, kind: ghost, method: give, args: [1], may_fail: true}
  - {id: beside, kind: flaky, method: slowly, args: [0.3]}
  - {id: last, kind: flaky, method: give, args: ["${nobody!}"], after: [beside]}
""")
    (halves.parent / "agents.py").write_text(AGENTS + WIDE)
    outcome = await SwarmWorkflow.read(halves).execute(engine)
    assert {step: told[0]["type"] for step, told in outcome.failed.items()} == {
        "deeper": "BadWorkflow",
        "nobody": "BadWorkflow",
    }
    assert "cannot be sent" in outcome.values["last"][0]["message"]
    assert outcome.values["beside"] == "slowly"


async def test_more_parts_than_may_wait_for_their_ends_are_waited_for_in_turn(
    engine: Engine, halves: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detached, "WAITERS", 3)
    steps = [{"id": name, "kind": "tally", "route": "broadcast", "method": "add", "args": [1]} for name in "abc"]
    outcome = await SwarmWorkflow({Tally: 5}, steps).execute(engine)
    assert sorted(value for values in outcome.values.values() for value in values) == [1] * 5 + [2] * 5 + [3] * 5


async def test_who_leaves_waits_for_those_that_keep_their_agents_together(engine: Engine, halves: Path) -> None:
    (halves.parent / "agents.py").write_text(AGENTS + WIDE)
    await engine.load(f"{halves.parent}/agents.py:Flaky")
    steps = [{"id": "a", "kind": "flaky", "route": "broadcast", "method": "slowly", "args": [0.4]}]
    run = SwarmWorkflow({"flaky": 30}, steps).run(engine, run_id="left")
    running = asyncio.create_task(run.execute())
    while not await engine.tasks("running"):
        await asyncio.sleep(0.01)
    began_s = time.monotonic()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert time.monotonic() - began_s < 10  # one by one it would be 30 seconds
    async with asyncio.timeout(20):
        while (await engine.tasks())["counts"]["open"]:
            await asyncio.sleep(0.01)


# -- from the command line ---------------------------------------------------------------------------------------------


@pytest.fixture
def engine_command(tmp_path: Path) -> Iterator[Commands]:
    with commands(tmp_path) as ready:
        yield ready


def test_the_command_runs_checks_and_lists_workflows(engine_command: Commands, halves: Path) -> None:
    checked = engine_command("workflow", "check", str(halves))
    assert checked.stdout.splitlines()[0].split() == ["STEP", "ROUTE", "TO", "METHOD", "AFTER"]
    assert engine_command("workflow", "run", str(halves)).returncode == 3
    assert engine_command("start").returncode == 0
    done = engine_command("workflow", "run", str(halves), "--input", "numbers=[2, 6]", "--run-id", "n-1", "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert (shown["schema"], shown["ok"], shown["run_id"]) == ("engine.workflow.run/v1", True, "n-1")
    assert shown["output"] == {"join": {"total": 4, "failed": 0}}
    halves.write_text(PIPELINE.replace(", may_fail: true", ""))
    failed = engine_command("workflow", "run", str(halves))
    assert failed.returncode == 1
    assert "step halve[2]: ValueError: 5 is odd" in failed.stderr
    assert "never begun: join" in failed.stderr
    runs = json.loads(engine_command("workflow", "ls", "--json").stdout)["runs"]
    counts = [tuple(run[key] for key in ("name", "tasks", "done", "failed", "open")) for run in runs]
    assert counts == [("halves", 5, 4, 1, 0), ("halves", 4, 4, 0, 0)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["workflow"], "ACTION"),
        (["workflow", "runn", "x"], "did you mean run"),
        (["workflow", "run"], "which workflow"),
        (["workflow", "ls", "x"], "one word too many"),
        (["workflow", "check", "x.yaml", "--run-id", "y"], "are for run"),
        (["workflow", "run", "x.yaml", "--input", "y"], "no NAME=VALUE"),
        (["workflow", "check", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_what_is_asked_wrongly_is_refused_with_the_mend(engine_command: Commands, words: list[str], said: str) -> None:
    done = engine_command(*words)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_run_whose_command_and_engine_were_killed_goes_on_where_it_was(engine_command: Commands, halves: Path) -> None:
    folder = halves.parent
    halves.write_text(f"""\
schema: engine.workflow/v1
name: marks
kinds: {{flaky: agents.py:Flaky}}
agents: {{flaky: 2}}
retry: {{attempts: 100, backoff_s: 0.05}}
steps:
  - {{id: first, kind: flaky, method: mark, args: ["{folder}/marks"]}}
  - {{id: gate, kind: flaky, method: wait_for, args: ["{folder}/gate"], after: [first]}}
  - {{id: last, kind: flaky, method: mark, args: ["{folder}/marks"], after: [gate]}}
""")
    assert engine_command("start").returncode == 0
    words = engine_command.words("workflow", "run", str(halves), "--run-id", "m")
    place: Any = {"cwd": engine_command.folder, "env": engine_command.environ, "text": True}
    with subprocess.Popen(words, **place, stderr=subprocess.PIPE) as first:
        assert first.stderr is not None
        while not first.stderr.readline().startswith("  first"):
            assert first.poll() is None
        first.send_signal(signal.SIGKILL)
    engine_command("stop", "--emergency")
    (folder / "gate").touch()
    assert engine_command("start").returncode == 0
    done = engine_command("workflow", "run", str(halves), "--run-id", "m", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["values"] == {"first": "m", "gate": "there", "last": "mm"}
    assert (folder / "marks").read_text() == "mm"


def test_an_engine_that_is_killed_in_the_midst_of_a_run_is_waited_for(engine_command: Commands, halves: Path) -> None:
    folder = halves.parent
    halves.write_text(f"""\
schema: engine.workflow/v1
name: marks
kinds: {{flaky: agents.py:Flaky}}
agents: {{flaky: 4}}
retry: {{attempts: 100, backoff_s: 0.05}}
input: {{numbers: [0, 1, 2, 3, 4, 5, 6, 7]}}
steps:
  - {{id: first, kind: flaky, method: mark, args: ["{folder}/marks"]}}
  - {{id: gate, kind: flaky, method: wait_for, each: "${{input.numbers}}", args: ["{folder}/gate"], after: [first]}}
  - {{id: last, kind: flaky, method: mark, args: ["{folder}/marks"], after: [gate]}}
""")
    assert engine_command("start").returncode == 0
    words = engine_command.words("workflow", "run", str(halves), "--run-id", "k", "--json")
    place: Any = {"cwd": engine_command.folder, "env": engine_command.environ, "text": True}
    with subprocess.Popen(words, **place, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        deadline_s = time.monotonic() + 30
        while not (folder / "marks").exists():
            assert time.monotonic() < deadline_s
            assert run.poll() is None
            time.sleep(0.02)
        for _ in range(2):
            time.sleep(0.3)
            os.kill(int((engine_command.home / "run" / "engine" / "daemon.lock").read_text()), signal.SIGKILL)
            while engine_command("start").returncode:
                assert time.monotonic() < deadline_s
        (folder / "gate").touch()
        out, error = run.communicate(timeout=40)
    assert run.returncode == 0, error
    assert json.loads(out)["values"] == {"first": "m", "gate": ["there"] * 8, "last": "mm"}
    assert (folder / "marks").read_text() == "mm"


# -- the examples ------------------------------------------------------------------------------------------------------


async def example(engine: Engine, name: str, **given: Any) -> Any:
    return (await SwarmWorkflow.read(EXAMPLES / f"{name}.yaml").execute(engine, input=given)).output


async def test_the_example_words_counts_as_one_reader_would(engine: Engine) -> None:
    total = Counter(re.findall(r"[a-z][a-z']+", (ROOT / "README.md").read_text().lower()))
    wanted = sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))
    for lines in (7, 1_000_000):
        assert await example(engine, "words", most=40, lines=lines) == [list(pair) for pair in wanted[:40]]


async def test_the_example_duplicates_finds_the_files_that_are_the_same_and_tells_of_one_it_cannot_read(
    engine: Engine, tmp_path: Path
) -> None:
    for name, text in {"a": "same", "b/c": "same", "d": "other", "e": "four", "f": "", "g": ""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "b" / "link").symlink_to(tmp_path / "a")
    found = await example(engine, "duplicates", folder=str(tmp_path))
    assert found == {"groups": [[str(tmp_path / "a"), str(tmp_path / "b/c")]], "spare_bytes": 4, "unread": []}
    workflow = SwarmWorkflow.read(EXAMPLES / "duplicates.yaml")

    def lose(result: StepResult) -> None:
        if result.step == "find":
            (tmp_path / "e").unlink()

    outcome = await workflow.execute(engine, input={"folder": str(tmp_path)}, callbacks=Callbacks(result=lose))
    assert outcome.output["unread"] == [str(tmp_path / "e")]
    assert outcome.output["groups"] == found["groups"]


async def test_the_example_links_names_what_leads_nowhere(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text("# One\n## Two words\n## Two words\n[a](two.md) [b](#two-words-1) [c](gone.md)\n")
    (tmp_path / "two.md").write_text("[a](one.md#one) [b](one.md#none)\n```\n[c](code.md)\n```\n[d](https://x.org/y)\n")
    found = await example(engine, "links", folder=str(tmp_path))
    assert found == {"pages": 2, "links": 5, "broken": ["one.md:4: gone.md", "two.md:1: one.md#none"]}


async def test_the_pages_of_this_project_lead_somewhere(engine: Engine) -> None:
    assert (await example(engine, "links"))["broken"] == []


async def test_the_example_accounts_adds_up_also_when_a_file_is_booked_twice(engine: Engine) -> None:
    found = await example(engine, "accounts")
    with (EXAMPLES / "bookings.csv").open() as source:
        good = [row for row in csv.DictReader(source) if row["id"] in "1235"]
    balances: Counter[str] = Counter()
    for row in good:
        balances[row["to"]] += round(float(row["amount"]) * 100)
        balances[row["from"]] -= round(float(row["amount"]) * 100)
    assert found["accounts"] == dict(sorted(balances.items()))
    assert found["booked"] == 2 * len(good)
    assert [one["line"] for one in found["refused"]] == [5, 7, 8]
    again = await example(engine, "accounts")
    assert (again["accounts"], again["booked"]) == (found["accounts"], 0)
