"""An engine, or its workers, are killed in every step of every wave; the sprint goes on there, and ends as it would have."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import commands
from tests.support.yard import PHASES, POOLS, WITHIN_S, Yard

#: Items of the sprint: waves take 8, 24, 6 and 2 of them.
COUNT = 40
#: Steps that take their time here: tasks, checks and hooks wait a while in each.
STEPS = [(wave, phase) for wave in range(4) for phase in PHASES if phase != "plan"]


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """A yard with one pool, which keeps its state on the disk."""
    with commands(tmp_path) as engine:
        (tmp_path / "pools.yaml").write_text(POOLS)
        yield Yard(engine)


def begun(yard: Yard) -> str:
    """A sprint of four waves, in which no step is over at once."""
    check = {"command": ["sh", "-c", "sleep 0.3"]}
    tasks = [yard.task(f"t{at}", check=check, retries=5) for at in range(COUNT)]
    for at, task in enumerate(tasks):
        task["args"]["hold_s"] = 0.05
        task["after"] = [f"t{at - 1}"] if at in (3, 20) else []
    ship = {"hooks": [{"command": ["sh", "-c", "sleep 0.3"]}]}
    return yard.begun(yard.write(*tasks, agents=20, sprint={"shape": "waves"}, ship=ship), speed=2)


def test_who_waits_for_a_backlog_comes_to_its_turn_though_the_engine_is_killed(yard: Yard) -> None:
    def queued() -> list[str]:
        return [one["id"] for one in yard.engine.document("sprint", "ls")["queued"]]

    def queue(task: dict[str, Any], *words: str) -> str:
        done = yard.sprint("run", yard.write(task), "--speed", "60", "--queue", "--json", *words)
        return str(json.loads(done.stdout)["queued"])

    first = yard.begun(yard.write(yard.gated("a")))
    waiting = [queue(yard.task(name), "--detach") for name in "bcd"]
    looking = yard.engine.start("sprint", "run", yard.write(yard.task("e")), "--speed", "60", "--queue", "--json")
    yard.until(lambda: len(queued()) == 4)
    yard.kill()
    assert queued()[1:] == waiting[::-1]  # no engine is needed to see them
    yard.restart()
    yard.until(lambda: yard.engine.document("sprint", "ls")["sprints"][0]["queued"] == 4)
    yard.sprint("pause", waiting[1], code=2)
    assert "is taken out of the queue" in yard.sprint("abort", waiting[1]).stdout
    assert waiting[1] not in queued()
    yard.kill()
    yard.restart()
    (yard.folder / "gate").touch()
    out, error = looking.communicate(timeout=WITHIN_S)
    (told,) = (json.loads(line) for line in out.splitlines())
    assert (looking.returncode, told["verdicts"]) == (0, {"done": 1}), error
    assert queued() == []
    assert [yard.events(sprint, "planned")[0]["items"] for sprint in yard.ids()] == [["a"], ["b"], ["d"], ["e"]]
    assert yard.ids()[0] == first
    assert yard.diary("end") == {"a": 1, "b": 1, "d": 1, "e": 1}


#: Notes each of its runs, and whether another one lives: the lock is held by each run, and by one that it has put out of its
#: session and left without a parent. The first of each name never ends by itself.
ALONE = """
import fcntl, os, sys, time
name = sys.argv[1]
lock = os.open(f"{sys.argv[2]}/{name}.lock", os.O_RDWR | os.O_CREAT)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    said = "alone"
except BlockingIOError:
    said = "two at once"
runs = f"{sys.argv[2]}/{name}.runs"
is_first = not os.path.exists(runs)
if is_first and not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    time.sleep(1000)
if is_first:
    os.wait()
with open(runs, "a") as file:
    file.write(f"{said}\\n")
if is_first:
    time.sleep(1000)
"""


def test_a_check_and_a_hook_end_with_their_engine_before_they_run_again(yard: Yard) -> None:
    def alone(name: str) -> list[str]:
        return [sys.executable, "-c", ALONE, name, str(yard.folder)]

    def runs(name: str) -> list[str]:
        path = yard.folder / f"{name}.runs"
        return path.read_text().splitlines() if path.exists() else []

    ship = {"hooks": [{"command": alone("hook")}]}
    sprint = yard.begun(yard.write(yard.task("t", check={"command": alone("check")}), ship=ship), speed=1)
    for name in ("check", "hook"):
        yard.until(lambda: runs(name))
        yard.kill()
        yard.restart()
        yard.until(lambda: len(runs(name)) == 2)
    counts = yard.over(sprint)["counts"]
    assert (counts["done"], counts["shipped"]) == (1, 1)
    assert {name: runs(name) for name in ("check", "hook")} == {name: ["alone", "alone"] for name in ("check", "hook")}
    yard.sprint("verify", sprint)


def step_of(yard: Yard, sprint: str) -> tuple[int, str]:
    """The step that it is in, by its ledger."""
    newest = yard.events(sprint, "phase")[-1:]
    return (newest[0]["wave"], newest[0]["phase"]) if newest else (0, "plan")


def is_over(yard: Yard, sprint: str) -> bool:
    """Whether it has ended."""
    return bool(yard.events(sprint, "ended"))


def check_whole(yard: Yard, sprint: str) -> None:
    """All its steps once and in order, all its items done and shipped once."""
    assert yard.over(sprint)["counts"] == {
        **dict.fromkeys(("failed", "unproven", "expired", "cancelled", "carried"), 0),
        **dict.fromkeys(("planned", "done", "shipped"), COUNT),
    }
    assert [(event["wave"], event["phase"]) for event in yard.events(sprint, "phase")] == [
        (wave, phase) for wave in range(4) for phase in PHASES
    ]
    for kinds in (("planned",), ("shipped",)):
        items = Counter(item for event in yard.events(sprint, *kinds) for item in event["items"])
        assert items == {f"t{at}": 1 for at in range(COUNT)}
    assert Counter(event["item"] for event in yard.events(sprint, "receipt")) == {f"t{at}": 1 for at in range(COUNT)}
    assert len(list((yard.folder / "releases").glob("0*"))) == 4
    assert len(list((yard.folder / "releases" / "current" / "files").iterdir())) == COUNT
    yard.sprint("verify", sprint)


@pytest.mark.timeout(180)  # a dozen starts
def test_an_engine_killed_in_every_step_of_every_wave(yard: Yard) -> None:
    sprint = begun(yard)
    killed: list[tuple[int, str]] = []
    while len(killed) < len(STEPS) and not is_over(yard, sprint):
        yard.until(lambda: (step_of(yard, sprint) in STEPS and step_of(yard, sprint) not in killed) or is_over(yard, sprint))
        if is_over(yard, sprint):
            break
        killed.append(step_of(yard, sprint))
        yard.kill()
        finished = {event["item"] for event in yard.events(sprint, "receipt")}
        before = yard.diary("begin")
        yard.restart()
        assert {item: yard.diary("begin")[item] for item in finished} == {item: before[item] for item in finished}
    assert {phase for _, phase in killed} == {"exec", "test", "ship"}
    assert {wave for wave, _ in killed} == {0, 1, 2, 3}
    check_whole(yard, sprint)


def test_workers_killed_in_every_wave(yard: Yard) -> None:
    sprint = begun(yard)
    killed: list[int] = []
    while len(killed) < 4 and not is_over(yard, sprint):
        yard.until(lambda: step_of(yard, sprint)[0] not in killed or is_over(yard, sprint))
        killed.append(step_of(yard, sprint)[0])
        for worker in yard.engine.document("ps")["workers"]:
            if worker["pid"]:
                os.kill(worker["pid"], signal.SIGKILL)
    assert killed == [0, 1, 2, 3]
    check_whole(yard, sprint)


def test_an_engine_killed_in_a_pause_and_behind_an_abort_does_what_it_was_told(yard: Yard) -> None:
    wait = "touch ../../../hooked; while [ ! -e ../../../enough ]; do sleep 0.02; done"
    ship = {"hooks": [{"command": ["sh", "-c", wait]}]}
    sprint = yard.begun(yard.write(*(yard.task(f"t{at}") for at in range(4)), yard.gated("g", "t0"), ship=ship), "--every")
    yard.until(lambda: yard.events(sprint, "receipt"))
    yard.sprint("pause")
    yard.kill()
    yard.restart()
    yard.sprint("resume", sprint)
    (yard.folder / "gate").touch()
    yard.until(lambda: (yard.folder / "hooked").exists())  # it ships, and will until it is killed
    yard.sprint("abort", sprint)
    yard.kill()
    (yard.folder / "enough").touch()  # the hook ended with its engine
    yard.restart()
    counts = yard.over(sprint)["counts"]
    assert (counts["planned"], counts["done"], counts["shipped"]) == (5, 5, 0)
    assert [event["e"] for event in yard.events(sprint, "paused", "resumed", "aborted", "ended")] == [
        "paused",
        "resumed",
        "aborted",
        "ended",
    ]
    assert yard.engine.document("sprint", "ls")["sprints"][0]["state"] == "aborted"
    assert len(yard.ids()) == 1
    assert not (yard.folder / "releases" / "current").exists()
    yard.sprint("verify", sprint)
