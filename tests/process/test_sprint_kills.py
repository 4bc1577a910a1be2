"""An engine, or its workers, are killed in every step of every wave; the sprint goes on there, and ends as it would have."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import commands
from tests.support.yard import PHASES, POOLS, Yard

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
    (yard.folder / "enough").touch()  # the hook is nobody's now
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
