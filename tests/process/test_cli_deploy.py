"""`engine deploy` against a daemon: what a person sees of new code, and what the end of the daemon leaves of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Commands, commands
from tests.support.processes import ended_within
from tests.support.shops import write

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """An engine that keeps the state of 20 tills, of the first version."""
    with commands(tmp_path) as made:
        write(tmp_path)
        spawned = made("spawn", "till", "--count", "20", "--use", "shop:Till")
        assert spawned.returncode == 0, spawned.stderr
        yield made


def versions(engine: Commands) -> set[int]:
    """What every agent runs."""
    tasks = "\n".join(json.dumps({"agent": f"till/{key}", "method": "version"}) for key in range(20))
    done = engine("run", "-", stdin=tasks)
    assert done.returncode == 0, done.stderr
    return {json.loads(line)["value"] for line in done.stdout.splitlines()}


def status(engine: Commands) -> dict[str, Any]:
    found: dict[str, Any] = engine.document("deploy", "status")
    assert found["schema"] == "engine.deploy/v1"
    return found


def half(engine: Commands, version: str) -> subprocess.Popen[bytes]:
    """A deploy whose first worker has the new code: without tasks it is watched for some seconds."""
    asked = engine.start("deploy", "shop", "--path", str(write(engine.folder / version, version)), "--canary", "50%")
    deadline_s = time.monotonic() + 30
    while status(engine)["share"] != 0.5:
        assert time.monotonic() < deadline_s, status(engine)
        time.sleep(0.05)
    return asked


def kill(engine: Commands) -> None:
    pid = engine.document("stats")["pid"]
    os.kill(pid, signal.SIGKILL)
    assert ended_within([pid], 10)


def test_a_deploy_is_rolled_shown_confirmed_and_the_next_one_taken_back(engine: Commands) -> None:
    assert engine("ask", "till/3", "add", "5").stdout == "5\n"
    folder = str(write(engine.folder / "second", "wider"))
    done = engine("deploy", "shop:Till", "--path", folder, "--canary", "50%", "--bound", "2%")
    assert done.returncode == 0, done.stderr
    assert "every worker runs code 2 (shop)" in done.stdout
    assert "engine deploy confirm" in done.stderr
    assert [worker["code"] for worker in engine.document("ps")["workers"]] == [2, 2]
    stats = engine.document("stats")["code"]
    assert (stats["phase"], stats["code"], stats["next"], stats["warm"]["processes"]) == ("rolled", 1, 2, 2)
    again = engine("deploy", "shop", "--path", folder)
    assert (again.returncode, "under way already" in again.stderr) == (2, True)
    assert versions(engine) == {4}
    assert engine("deploy", "confirm").stdout == "every worker runs code 2\n"
    assert engine("deploy", "confirm").returncode == 2
    assert engine("deploy", "rollback").returncode == 2
    assert engine("ask", "till/3", "add", "1").stdout == "6\n"
    assert "deploy.rolled" in engine("events").stdout
    assert engine("stop").returncode == 0
    assert engine("start").returncode == 0
    assert versions(engine) == {4}
    assert status(engine)["code"] == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch"], "No module named 'nosuch'"),
        (["shop:Nobody"], "has no kind 'Nobody'"),
        (["shop", "--path", "nowhere"], "there is no folder"),
        (["gone.py"], "there is no file"),
        (["shop", "--canary", "0%"], "canary"),
        (["shop", "--canary", "often"], "often"),
        (["status", "--one-way"], "is for a deploy"),
        ([], "MODULE"),
    ],
)
def test_a_wrong_word_changes_nothing(engine: Commands, words: list[str], said: str) -> None:
    done = engine("deploy", *words)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert status(engine)["workers"] == {"p1": 1, "p2": 1}


@pytest.mark.parametrize("version", ["same", "wider"])
def test_a_daemon_that_is_killed_in_the_middle_comes_back_with_the_old_code_entirely(engine: Commands, version: str) -> None:
    asked = half(engine, version)
    for key in range(6):
        assert engine("ask", f"till/{key}", "add", "1").stdout == "1\n"
    assert versions(engine) == ({1, 2} if version == "same" else {1, 4})
    kill(engine)
    assert asked.wait(timeout=10) != 0
    assert engine("start").returncode == 0
    assert versions(engine) == {1}
    assert status(engine)["phase"] == "idle"
    assert "code 1" in engine("events").stdout
    assert [engine("ask", f"till/{key}", "add", "1").stdout for key in range(6)] == ["2\n"] * 6


def test_a_daemon_that_is_killed_behind_the_last_worker_comes_back_with_the_new_code_entirely(engine: Commands) -> None:
    done = engine("deploy", "shop", "--path", str(write(engine.folder / "second", "wider")))
    assert done.returncode == 0, done.stderr
    assert engine("ask", "till/1", "add", "1").stdout == "1\n"
    kill(engine)
    assert engine("start").returncode == 0
    assert versions(engine) == {4}
    assert (status(engine)["phase"], status(engine)["next"]) == ("rolled", 2)
    back = engine("deploy", "rollback")
    assert (back.returncode, "was taken back" in back.stdout) == (0, True), back.stderr
    assert versions(engine) == {1}
    assert engine("ask", "till/1", "add", "1").stdout == "2\n"


def test_a_source_that_was_changed_in_its_place_is_deployed_and_taken_back_from_memory(engine: Commands) -> None:
    write(engine.folder, "wider")
    done = engine("deploy", "shop")
    assert done.returncode == 0, done.stderr
    assert versions(engine) == {4}
    assert engine("deploy", "rollback").returncode == 0
    assert versions(engine) == {1}
