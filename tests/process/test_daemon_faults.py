"""What a wrong word over the socket, a foreign file in the way or a kind that ends its process must not do to an engine."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from engine import daemon
from engine.config import load
from engine.errors import StartFailed
from engine.paths import find_paths
from pools.message import STATUS, Frames, Message, encode
from tests.support.commands import Commands, commands
from tests.support.mounts import fill, mounted
from tests.support.processes import ended_within

ENDS_AT_IMPORT = "import os\nos._exit(3)\n"
NAPPER = """
import asyncio
from engine import Agent

class Napper(Agent):
    async def nap(self) -> None:
        await asyncio.sleep(60)
"""
SLOW = (
    "import time\ntime.sleep(20)\nfrom engine import Agent\nclass Slow(Agent):\n    x: int = 0\n    def go(self) -> int: ...\n"
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    with commands(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Commands, list[int]]]:
    """An engine with 10 counters, of which 1 stands at 5, and its processes; no test changes anything of it."""
    with commands(tmp_path_factory.mktemp("g")) as made:
        made("spawn", "--count", "10")
        made("ask", "counter/1", "add", "5")
        yield made, made.pids()


def said(engine: Commands, verb: str, **facts: Any) -> Message | None:
    """What the engine says to a status message; None where it only ends the connection."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(10)
        line.connect(str(engine.home / "run/engine/control.sock"))
        line.sendall(encode(STATUS, {"verb": verb, "id": 1, **facts}, 1))
        frames = Frames()
        while data := line.recv(65_536):
            if messages := frames.feed(data):
                return messages[0]
    return None


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"kind": "counter", "count": 0, "reference": 5}, "reference"),
        ({"kind": "counter", "count": 0, "reference": ["a:b"]}, "reference"),
        ({"kind": "counter", "count": 0, "reference": "pools.counter:Counter", "paths": [{}]}, "paths"),
        ({"kind": "counter", "count": 0, "reference": "pools.counter:Counter", "paths": "abc"}, "paths"),
        ({"kind": 5, "count": 1}, "kind"),
        ({"kind": {"a": 1}, "count": 1}, "kind"),
        ({"count": 1}, "kind"),
        ({"kind": "counter", "count": -1}, "count"),
        ({"kind": "counter", "count": True}, "count"),
        ({"kind": "counter", "keys": "abc"}, "keys"),
        ({"kind": "counter", "count": 1, "warm": 1}, "warm"),
    ],
)
def test_a_fact_of_a_wrong_type_is_named_and_costs_nobody_anything(
    grown: tuple[Commands, list[int]], facts: dict[str, Any], field: str
) -> None:
    engine, pids = grown
    answer = said(engine, "spawn", **facts)
    assert answer is not None
    assert answer.data["verb"] == "failed"
    assert answer.data["error"][1].startswith(f"{field} must be ")
    assert engine("ask", "counter/1", "get").stdout == "5\n"
    assert engine.pids() == pids


@pytest.mark.parametrize("facts", [{}, {"sections": 5}, {"sections": [[1]]}, {"sections": [1], "position": "x"}])
def test_a_cancel_that_names_nothing_is_told_why(grown: tuple[Commands, list[int]], facts: dict[str, Any]) -> None:
    engine, _ = grown
    answer = said(engine, "cancel", **facts)
    assert answer is not None
    assert answer.letter == "e"
    assert "Traceback" not in (engine.home / "state/engine/daemon.log").read_text()


def test_a_kind_that_ends_its_process_takes_no_agent_with_it(engine: Commands) -> None:
    engine("spawn", "--count", "10")
    engine("ask", "counter/1", "add", "5")
    pids = engine.pids()
    (engine.folder / "bad.py").write_text(ENDS_AT_IMPORT)
    refused = engine("spawn", "--use", "bad.py:Bad", "--count", "1")
    assert refused.returncode == 2
    assert "its import ended the process (exit code 3)" in refused.stderr
    assert engine("ask", "counter/1", "get").stdout == "5\n"
    assert engine.pids() == pids


def test_an_emergency_stop_kills_no_stranger_whose_number_stands_in_the_lock(engine: Commands) -> None:
    runtime = engine.home / "run/engine"
    for directory in (engine.home, runtime.parent, runtime):
        directory.mkdir(mode=0o700, exist_ok=True)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (runtime / "daemon.lock").write_text(f"{stranger.pid}\n")
        held = os.open(runtime / "daemon.lock", os.O_RDWR)
        fcntl.flock(held, fcntl.LOCK_EX)
        paths = find_paths("engine", engine.environ)
        try:
            assert daemon.is_running(paths) == stranger.pid
            assert daemon.kill(paths) is None
            assert stranger.poll() is None
        finally:
            os.close(held)
            stranger.kill()


def test_those_who_look_for_an_engine_do_not_take_each_other_for_one(engine: Commands) -> None:
    engine("start")
    engine("stop")
    paths = find_paths("engine", engine.environ)
    looker = os.open(paths.lock, os.O_RDWR)
    try:
        fcntl.flock(looker, fcntl.LOCK_SH | fcntl.LOCK_NB)
        assert daemon.is_running(paths) is None
    finally:
        os.close(looker)


def test_a_start_whose_socket_cannot_be_made_fails_at_once_and_leaves_no_process(engine: Commands) -> None:
    blocked = engine.home / "run/engine/control.sock"
    for directory in (engine.home, blocked.parent.parent, blocked.parent, blocked):
        directory.mkdir(mode=0o700, exist_ok=True)
    refused = engine("start")
    assert refused.returncode == 4
    assert "was not ready within" not in refused.stderr
    pid = (blocked.parent / "daemon.lock").read_text().strip()
    assert ended_within([int(pid)], 5)


def test_a_start_that_took_too_long_is_over(engine: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    (engine.folder / "slow.py").write_text(SLOW)
    (engine.folder / "pools.yaml").write_text("kinds: {slow: slow.py:Slow}\npools:\n  p1: {agents: 10}\n")
    monkeypatch.setattr(daemon, "START_S", 1.0)
    config = load(engine.folder / "pools.yaml", flags={}, environ=engine.environ, cwd=engine.folder)
    with pytest.raises(StartFailed, match="was not ready within"):
        daemon.start(config, environ=engine.environ, folder=engine.folder)
    pid = int((engine.home / "run/engine/daemon.lock").read_text())
    assert ended_within([pid], 2)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory to somebody else")
def test_no_verb_speaks_to_a_socket_in_the_directory_of_somebody_else(engine: Commands) -> None:
    runtime = engine.home / "run/engine"
    for directory in (engine.home, runtime.parent, runtime):
        directory.mkdir(mode=0o700, exist_ok=True)
    os.chown(runtime, 65_534, 65_534)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / "control.sock"))
        listener.listen()
        listener.setblocking(False)
        for words in (["ps"], ["ask", "counter/1", "add", "1"], ["stop"]):
            refused = engine(*words)
            assert refused.returncode != 0
            assert "belongs to user 65534" in refused.stderr
        with pytest.raises(BlockingIOError):
            listener.accept()
    shutil.rmtree(engine.home)


def test_a_home_that_is_no_directory_is_told_with_the_mend(engine: Commands) -> None:
    engine.home.write_text("")
    for words in (["ps"], ["stop"], ["wait", "ready", "--timeout", "100ms"], ["spawn", "--count", "1"]):
        refused = engine(*words)
        assert refused.returncode != 0
        assert "set ENGINE_HOME to a directory of yours" in refused.stderr
    engine.home.unlink()


def test_the_mend_names_the_engine_that_was_meant(engine: Commands) -> None:
    assert "engine spawn --name other --count" in engine("ps", "--name", "other").stderr


def test_a_task_that_was_taken_back_failed_nowhere(engine: Commands) -> None:
    (engine.folder / "napper.py").write_text(NAPPER)
    engine("spawn", "--use", "napper.py:Napper", "--count", "5")
    assert engine("ask", "napper/1", "nap", "--timeout", "200ms").returncode == 1
    deadline_s = time.monotonic() + 5
    while (snapshot := engine.document("stats"))["tasks"]["open"] and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert snapshot["tasks"]["failed"] == 0
    assert sum(pool["failed"] for pool in snapshot["pools"]) == 0


def test_a_worker_that_dies_later_still_finds_every_kind(engine: Commands) -> None:
    (engine.folder / "napper.py").write_text(NAPPER)
    engine("spawn", "--count", "10")
    engine("spawn", "--use", "napper.py:Napper", "--count", "5")
    os.kill(engine.pids()[2], signal.SIGKILL)
    assert engine("wait", "ready", "--timeout", "5s").returncode == 0
    assert engine("ask", "counter/1", "add", "1").stdout == "1\n"


BACKLOG = {
    "schema": "engine.backlog/v1",
    "name": "app",
    "roles": {"adder": {"kind": "counter", "agents": 2}},
    "tasks": [{"id": "a", "role": "adder", "method": "ping", "title": "." * 1_000}],
}


def done(engine: Commands, *agents: str, method: str) -> list[dict[str, Any]]:
    """What came of a task for each of some agents."""
    lines = "".join(json.dumps({"agent": agent, "method": method}) + "\n" for agent in agents)
    return [json.loads(line) for line in engine("run", "-", "--quiet", stdin=lines).stdout.splitlines()]


def test_an_engine_whose_own_log_is_on_a_full_disk_answers_says_what_it_cannot_do_and_goes_on(tmp_path: Path) -> None:
    with mounted(tmp_path, "tmpfs", 12) as mount, commands(mount) as engine:
        (mount / "pools.yaml").write_text("agents: 100\ndurability: sync\npools:\n  p1: {agents: 50}\n  p2: {agents: 50}\n")
        (mount / "app.json").write_text(json.dumps(BACKLOG))
        assert engine("spawn", "--count", "40").returncode == 0
        log = engine.home / "state" / "engine" / "daemon.log"
        with log.open("ab") as file:
            file.write(b"." * (-log.stat().st_size % 4096))
        filled = fill(mount)
        added: list[list[dict[str, Any]]] = []
        while not added or any(one["ok"] for one in added[-1]):
            added.append(done(engine, *(f"counter/{key}" for key in range(40)), method="add"))
            assert len(added) < 60
        assert {one["error"]["type"] for one in chain(*added) if not one["ok"]} == {"StoreFull"}
        assert len(log.read_bytes()) % 4096 == 0, "this test needs a log that cannot grow"
        os.kill(engine.document("ps")["workers"][0]["pid"], signal.SIGKILL)
        asked = done(engine, *(f"counter/{key}" for key in range(40)), method="get")
        assert sum(one["value"] for one in asked) == sum(one["ok"] for one in chain(*added))
        backup = engine("backup", str(mount / "copy"))
        assert (backup.returncode, "copy cannot be written: No space left" in backup.stderr) == (3, True), backup.stderr
        sprint = engine("sprint", "run", "app.json", "--speed", "60")
        assert (sprint.returncode, "cannot be written: No space left" in sprint.stderr) == (3, True), sprint.stderr
        assert not list(mount.rglob("*.part-*"))
        assert not list(mount.rglob("backlog-*"))
        pids = engine.pids()
        os.kill(pids[0], signal.SIGKILL)
        assert ended_within(pids, 10)
        refused = engine("start")
        assert (refused.returncode, "No space left" in refused.stderr) == (4, True), refused.stderr
        filled.unlink()
        assert engine("start").returncode == 0
        assert engine("ask", "counter/1", "add", "1").returncode == 0
        assert engine("checkpoints", "verify").returncode == 0
