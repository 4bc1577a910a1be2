"""Sprints from the command line: what is done, what a killed engine goes on with, and what is said when something is wrong."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import ROOT, commands
from tests.support.mounts import fill, mounted
from tests.support.yard import PHASES, POOLS, WITHIN_S, Yard


def current_of(releases: Path) -> str:
    """The name of the release that counts."""
    return (releases / "current").readlink().name


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """A yard with two pools of a worker each, which keep their state on the disk."""
    with commands(tmp_path) as engine:
        (tmp_path / "pools.yaml").write_text(POOLS)
        yield Yard(engine)


# -- a whole one -----------------------------------------------------------------------------------------------------------


def test_a_backlog_is_planned_done_checked_and_shipped_and_each_action_tells_of_it(yard: Yard) -> None:
    check = {"command": ["grep", "-q", "made", "a"]}
    file = yard.write(
        yard.task("b", "a"),
        yard.task("a", check=check, feature="files"),
        *(yard.task(f"t{at}") for at in range(20)),
    )
    assert yard.engine.document("sprint", "check", file)["schema"] == "engine.sprint/v1"
    (told,) = yard.run(file)
    assert (told["schema"], told["state"], told["verdicts"]) == ("engine.sprint/v1", "done", {"done": 22})
    assert told["releases"] == [{"release": f"0001-{told['id']}", "items": 22}]
    assert {"velocity", "quality", "coverage"} <= told["impact"].keys()
    yard.check_whole(told["id"], 22)
    order = [item for event in yard.events(told["id"], "dispatched") for item in event["items"]]
    assert order.index("a") < order.index("b")
    files = yard.folder / "releases" / "current" / "files"
    assert (files / "b").read_text() == "b was made\n"
    assert set(yard.diary("end").values()) == {1}
    for words, schema in {
        ("ls",): "engine.sprints/v1",
        ("show", told["id"]): "engine.sprint/v1",
        ("verify",): "engine.sprint-verify/v1",
        ("diff", told["id"], told["id"]): "engine.sprint-diff/v1",
    }.items():
        assert yard.engine.document("sprint", *words)["schema"] == schema
    assert (yard.archive / told["id"] / "report.html").exists()
    assert "<svg" in (yard.archive / told["id"] / "report.html").read_text()


def test_without_an_engine_what_was_is_known_and_a_release_is_taken_back_within_a_second(yard: Yard) -> None:
    yard.run(yard.write(yard.task("a"), name="app"))
    yard.run(yard.write(yard.task("a"), yard.task("b"), name="app"))
    first, second = yard.ids()
    assert yard.engine("stop").returncode == 0
    assert [one["id"] for one in yard.engine.document("sprint", "ls")["sprints"]] == [second, first]
    assert yard.engine.document("sprint", "show", second)["verdicts"] == {"done": 1}
    assert yard.engine.document("sprint", "diff", first, second)["items"] == {"a": ["done", None], "b": [None, "done"]}
    yard.sprint("verify")
    back = yard.engine.document("sprint", "rollback")
    assert (back["schema"], back["from"], back["to"]) == ("engine.sprint/v1", f"0002-{second}", f"0001-{first}")
    assert back["seconds"] < 1.0
    assert sorted(path.name for path in (yard.folder / "releases" / "current" / "files").iterdir()) == ["a"]
    states = {one["id"]: one["state"] for one in yard.engine.document("sprint", "ls")["sprints"]}
    assert states == {first: "done", second: "rolled back"}
    assert "first release" in yard.sprint("rollback", code=2).stderr
    assert yard.engine.document("sprint", "rollback", second)["to"] == f"0002-{second}"
    states = {one["id"]: one["state"] for one in yard.engine.document("sprint", "ls")["sprints"]}
    assert states == {first: "done", second: "done"}
    yard.sprint("verify")
    for action in ("pause", "resume", "abort"):
        assert "no engine named" in yard.sprint(action, first, code=3).stderr


def test_waves_run_all_their_steps_one_after_the_other(yard: Yard) -> None:
    file = yard.write(*(yard.task(f"t{at}") for at in range(40)), agents=20, sprint={"shape": "waves"})
    (told,) = yard.run(file, speed=2)
    assert told["verdicts"] == {"done": 40}
    phases = [(event["wave"], event["phase"]) for event in yard.events(told["id"], "phase")]
    assert phases == [(wave, phase) for wave in range(4) for phase in PHASES]
    waves = yard.events(told["id"], "sprint")[0]["shape"]["waves"]
    assert [(wave["name"], sum(wave["steps"].values()), wave["agents"]) for wave in waves] == [
        ("Quick Wins", 180, 0.2),
        ("Core Features", 480, 0.6),
        ("Polish & Test", 180, 0.15),
        ("Ship & Learn", 60, 0.05),
    ]
    assert [len(event["items"]) for event in yard.events(told["id"], "planned")] == [8, 24, 6, 2]
    yard.sprint("verify")


# -- killed ----------------------------------------------------------------------------------------------------------------


def test_an_engine_killed_again_and_again_runs_nothing_twice_that_had_finished(yard: Yard) -> None:
    count = 60
    tasks = [yard.task(f"t{at}", args={"folder": str(yard.folder), "name": f"t{at}", "hold_s": 0.15}) for at in range(count)]
    sprint = yard.begun(yard.write(*tasks, agents=8))
    for receipts in (5, 20, 40):
        yard.until(lambda least=receipts: len(yard.events(sprint, "receipt")) >= least)
        yard.kill()
        finished = {event["item"] for event in yard.events(sprint, "receipt")}
        before = yard.diary("begin")
        yard.restart()
        yard.until(lambda known=len(finished): len(yard.events(sprint, "receipt")) > known or yard.events(sprint, "ended"))
        assert {item: yard.diary("begin")[item] for item in finished} == {item: before[item] for item in finished}
    ended = yard.over(sprint)
    assert (ended["counts"]["done"], ended["counts"]["planned"], ended["counts"]["shipped"]) == (count, count, count)
    yard.check_whole(sprint, count)
    assert yard.engine.document("tasks")["counts"]["done"] == count


def test_an_engine_killed_while_it_ships_ships_once(yard: Yard) -> None:
    wait = "while [ ! -e ../../../gate ]; do sleep 0.02; done"
    hooks = [{"command": ["sh", "-c", f"echo hooked >> ../../../hooked; {wait}"]}]
    sprint = yard.begun(yard.write(*(yard.task(f"t{at}") for at in range(10)), ship={"hooks": hooks}))
    hooked = yard.folder / "hooked"
    for times in (1, 2):
        yard.until(lambda least=times: hooked.exists() and len(hooked.read_text().splitlines()) == least)
        assert not (yard.folder / "releases" / "current").exists()
        yard.kill()
        yard.restart()
    yard.until(lambda: len(hooked.read_text().splitlines()) == 3)
    (yard.folder / "gate").touch()
    assert yard.over(sprint)["counts"]["shipped"] == 10
    yard.check_whole(sprint, 10)
    assert [path.name for path in (yard.folder / "releases").glob("0*")] == [f"0001-{sprint}"]
    assert set(yard.diary("end").values()) == {1}


def test_an_engine_killed_between_sprints_goes_on_with_the_next_one(yard: Yard) -> None:
    tasks = [yard.task(f"t{at}") for at in range(25)]
    file = yard.write(*tasks, yard.gated("last", "t24"), agents=1)
    yard.begun(file, "--every", "--plain", speed=10)
    second = yard.until(lambda: yard.ids()[1:2])[0]
    yard.until(lambda: yard.events(second, "receipt"))
    yard.kill()
    finished = {event["item"] for sprint in yard.ids() for event in yard.events(sprint, "receipt")}
    yard.restart()
    (yard.folder / "gate").touch()
    yard.until(lambda: len(yard.diary("end")) == 26)
    yard.until(lambda: yard.engine.document("sprint", "ls")["sprints"][0]["state"] != "exec")
    assert {item: yard.diary("end")[item] for item in finished} == dict.fromkeys(finished, 1)
    yard.over(yard.ids()[-1])
    count = len(yard.ids())
    yard.kill()
    yard.restart()
    assert yard.sprint("pause", code=2).stderr == "engine: pause which sprint? no sprint runs; write its id\n"
    assert len(yard.ids()) == count


# -- what it is told -------------------------------------------------------------------------------------------------------


def test_a_sprint_is_paused_goes_on_and_is_aborted(yard: Yard) -> None:
    tasks = [yard.task("a"), yard.gated("b", "a"), yard.task("c", "b")]
    sprint = yard.begun(yard.write(*tasks), "--sprints", "3")
    yard.until(lambda: yard.diary("end")["a"] and len(yard.events(sprint, "dispatched")) == 2)
    assert yard.engine.document("sprint", "pause")["asked"] == "pause"
    assert [event["e"] for event in yard.events(sprint)][-1] == "paused"  # it was so when it was said
    (yard.folder / "gate").touch()
    yard.until(lambda: len(yard.events(sprint, "receipt")) == 2)
    time.sleep(0.2)
    assert not yard.diary("begin")["c"]
    yard.sprint("resume", sprint)
    yard.until(lambda: yard.diary("end")["c"])
    yard.over(sprint)
    assert "has ended" in yard.sprint("abort", sprint, code=2).stderr
    (yard.folder / "gate").unlink()
    second = yard.begun(yard.write(yard.task("x"), yard.gated("y"), yard.task("z", "y"), name="other"), "--every")
    yard.until(lambda: yard.events(second, "receipt"))
    yard.sprint("abort", second)
    assert yard.over(second)["counts"]["done"] == 1
    assert {item for event in yard.events(second, "carried") for item in event["items"]} == {"y", "z"}
    (yard.folder / "gate").touch()
    assert yard.engine.document("sprint", "ls")["sprints"][0]["state"] == "aborted"
    assert len(yard.ids()) == 2


def test_sprint_after_sprint_until_all_is_done_with_what_was_carried_and_what_failed(yard: Yard) -> None:
    tasks = [yard.task(f"t{at}") for at in range(24)]
    flaky = yard.task("flaky", check={"command": ["test", "-e", str(yard.folder / "mended")]})
    file = yard.write(*tasks, flaky, yard.task("behind", "flaky"), agents=1)
    process = yard.engine.start("sprint", "run", file, "--every", "--speed", "60", "--plain", "--json")
    first = yard.until(lambda: yard.ids()[:1])[0]
    yard.over(first)
    (yard.folder / "mended").touch()
    out, _ = process.communicate(timeout=WITHIN_S)
    told = [json.loads(line) for line in out.splitlines()]
    assert [one["id"] for one in told] == yard.ids()
    assert told[0]["planned"] == 10
    done = Counter(event["item"] for one in told for event in yard.events(one["id"], "receipt") if event["verdict"] == "done")
    assert done == dict.fromkeys([*(f"t{at}" for at in range(24)), "flaky", "behind"], 1)
    assert process.returncode == 0  # what failed at first is done in the end
    chain = [yard.events(one["id"])[0]["previous"] for one in told]
    assert chain[0] is None
    assert len(set(chain)) == len(chain)


def test_a_backlog_where_nothing_is_ever_done_ends_and_does_not_begin_again_at_the_next_start(yard: Yard) -> None:
    file = yard.write({"id": "claim", "role": "maker", "method": "fail", "args": ["no"]})
    told = yard.run(file, "--every", code=1)
    assert [one["verdicts"] for one in told] == [{"failed": 1}, {"failed": 1}]
    yard.kill()
    yard.restart()
    yard.sprint("pause", code=2)
    assert len(yard.ids()) == 2


def test_two_at_once_on_one_backlog_are_refused_or_wait(yard: Yard) -> None:
    first = yard.begun(yard.write(yard.gated("a")))
    again = yard.write(yard.gated("a"), yard.task("b"))
    refused = yard.sprint("run", again, code=3)
    assert first in refused.stderr
    waiting = yard.engine.start("sprint", "run", again, "--queue", "--speed", "60", "--json")
    yard.until(lambda: yard.engine.document("sprint", "ls")["sprints"][0]["queued"] == 1)
    (yard.folder / "gate").touch()
    out, error = waiting.communicate(timeout=WITHIN_S)
    (told,) = (json.loads(line) for line in out.splitlines())
    assert (waiting.returncode, told["verdicts"]) == (0, {"done": 1}), error
    assert yard.events(told["id"], "planned")[0]["items"] == ["b"]
    assert yard.diary("end") == {"a": 1, "b": 1}


def test_who_stops_looking_stops_nothing(yard: Yard) -> None:
    file = yard.write(yard.gated("a"))
    yard.engine("start")
    process = yard.engine.start("sprint", "run", file)
    sprint = yard.until(lambda: yard.ids()[:1])[0]
    yard.until(lambda: yard.events(sprint, "dispatched"))
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130
    assert b"it goes on in the engine" in error
    (yard.folder / "gate").touch()
    assert yard.over(sprint)["counts"]["done"] == 1


def test_who_looks_goes_on_looking_when_the_engine_was_killed_and_started_again(yard: Yard) -> None:
    file = yard.write(yard.gated("a"))
    yard.engine("start")
    process = yard.engine.start("sprint", "run", file)
    assert process.stderr is not None
    for awaited in (b"0 of 1 ended", b"it is gone; waiting"):
        while awaited not in (said := process.stderr.readline()):
            assert said, "it ended"
        if b"ended" in awaited:
            yard.kill()
    yard.restart()
    (yard.folder / "gate").touch()
    output, _ = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, b"1 of 1" in output) == (0, True), output


# -- what goes wrong -------------------------------------------------------------------------------------------------------


def test_what_is_wrong_with_a_task_is_said_in_its_receipt(yard: Yard) -> None:
    hang = {"command": ["sh", "-c", "sleep 1000 & sleep 1000"], "timeout_s": 1}
    file = yard.write(
        yard.task("good"),
        yard.task("hangs", check=hang),
        yard.task("missing", artifacts=["missing", "other"]),
        yard.task("behind", "missing"),
        {"id": "claim", "role": "maker", "method": "claim"},
        {"id": "fails", "role": "maker", "method": "fail", "args": ["as told"], "retries": 1},
        {"id": "unknown", "role": "maker", "method": "nothing_of_it"},
    )
    (told,) = yard.run(file, "--use", "tests.support.makers:Maker", code=1, speed=30)
    receipts = {event["item"]: event for event in yard.events(told["id"], "receipt")}
    assert {item: event["verdict"] for item, event in receipts.items()} == {
        "good": "done", "hangs": "failed", "missing": "unproven", "claim": "unproven", "fails": "failed", "unknown": "failed",
    }  # fmt: skip
    assert "longer than 1 s" in receipts["hangs"]["why"]
    assert "other" in receipts["missing"]["why"]
    assert "as told" in receipts["fails"]["error"]
    assert [event["items"] for event in yard.events(told["id"], "carried")] == [["behind"]]
    assert told["releases"][0]["items"] == 1
    assert subprocess.run(["pgrep", "-fx", "sleep 1000"], capture_output=True, check=False).stdout == b""
    yard.sprint("verify")


def test_a_hook_that_fails_leaves_the_release_before(yard: Yard) -> None:
    yard.run(yard.write(yard.task("a")))
    hooks = [{"command": ["true"]}, {"command": ["sh", "-c", "echo no way >&2; exit 3"]}]
    (told,) = yard.run(yard.write(yard.task("a"), yard.task("b"), ship={"hooks": hooks}), code=1)
    assert "no way" in told["not_shipped"][0]
    assert current_of(yard.folder / "releases") == f"0001-{yard.ids()[0]}"
    assert [path.name for path in (yard.folder / "releases").glob("0*")] == [f"0001-{yard.ids()[0]}"]


def test_a_full_disk_leaves_the_release_before(yard: Yard, tmp_path: Path) -> None:
    with mounted(tmp_path, "tmpfs", 4) as mount:
        ship = {"releases": str(mount / "releases")}
        yard.run(yard.write(yard.task("a"), ship=ship))
        file = fill(mount)
        big = yard.task("big", args={"folder": str(yard.folder), "name": "big", "text": "x" * 100_000})
        (told,) = yard.run(yard.write(yard.task("a"), big, ship=ship), code=1)
        assert "No space left" in told["not_shipped"][0]
        assert current_of(mount / "releases") == f"0001-{yard.ids()[0]}"
        assert [path.name for path in (mount / "releases").glob("0*")] == [f"0001-{yard.ids()[0]}"]
        file.unlink()
        assert yard.engine("stop").returncode == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"use": []}, "maker"),
        ({"tasks": [{"id": "a", "role": "nobody", "method": "make"}]}, "tasks[0].role"),
        ({"tasks": []}, "tasks"),
        ({"tasks": [{"id": "a", "role": "maker", "method": "make", "after": ["a"]}]}, "tasks[0].after[0]: waits for itself"),
        ({"use": ["tests.support.makers:Nobody"]}, "Nobody"),
        ({"ship": {"work": "/proc/nowhere"}}, "/proc/nowhere"),
    ],
)
def test_what_cannot_be_run_is_refused_and_says_what_is_wrong(yard: Yard, change: dict[str, Any], said: str) -> None:
    file = yard.write(yard.task("a"), **change)
    done = yard.engine("sprint", "run", file, "--speed", "60")
    assert done.returncode in (1, 2, 4), done
    assert said in done.stderr


def test_a_changed_byte_in_a_ledger_is_named_and_nothing_is_done_again_because_of_it(yard: Yard) -> None:
    file = yard.write(yard.task("a"), yard.task("b"))
    (told,) = yard.run(file)
    path = yard.ledger(told["id"])
    lines = path.read_bytes().splitlines(keepends=True)
    at = next(at for at, line in enumerate(lines) if b'"receipt"' in line)
    lines[at] = lines[at].replace(b'"done"', b'"dome"')
    path.write_bytes(b"".join(lines))
    found = yard.sprint("verify", told["id"], code=1)
    assert f"{path}:{at + 1}: it was changed" in found.stdout
    refused = yard.sprint("run", file, "--speed", "60", code=4)
    assert f"{path}:{at + 1}" in refused.stderr
    assert yard.diary("begin") == {"a": 1, "b": 1}
    shown = yard.sprint("ls")
    assert "damaged" in shown.stdout


# -- as it is printed ------------------------------------------------------------------------------------------------------


def test_the_example_of_the_page_works_as_it_is_printed(yard: Yard) -> None:
    section = (ROOT / "docs" / "sprints.md").read_text().partition("## Sprints\n")[2].partition("\n## ")[0]
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL))
    (yard.folder / "app.py").write_text(blocks["python"])
    (yard.folder / "app.yaml").write_text(blocks["yaml"])
    lines = [line.partition("#")[0].split() for line in blocks["console"].splitlines()]
    for words in lines:
        assert words[:3] == ["$", "engine", "sprint"]
        done = yard.engine(*words[2:])
        assert done.returncode == (2 if words[3] == "rollback" else 0), (words, done.stdout, done.stderr)
    assert "is the first release" in done.stderr
    files = yard.folder / "releases" / "current" / "files"
    assert sorted(path.name for path in files.iterdir()) == ["home.html", "index.html"]
    assert len(lines) == 4
