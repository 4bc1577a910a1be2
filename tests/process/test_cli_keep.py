"""An engine that dies is started again, one that is stopped is not; a service manager knows how it is."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import ROOT, Commands, commands
from tests.support.processes import ended_within, is_alive

POOLS = "agents: 10000\ndurability: sync\npools:\n  p1: {agents: 5000}\n"
#: Seconds that a start may take on a busy machine.
START_S = 30.0


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """The command line, whose engines keep their state on the disk; none runs."""
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").write_text(POOLS)
        yield made


def started_after(engine: Commands, pid: int) -> dict[str, Any]:
    """The snapshot of the engine that was started after one with this pid."""
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        done = engine("stats", "--json")
        if done.returncode == 0 and (found := _json(done))["pid"] != pid:
            return found
        time.sleep(0.02)
    raise AssertionError("no engine was started again")


def _json(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_kept_engine_that_is_killed_is_there_again_with_what_it_had(engine: Commands) -> None:
    assert engine.document("start", "--keep")["is_kept"]
    assert engine("spawn", "--count", "10").returncode == 0
    pid = engine.document("stats")["pid"]
    for count in (1, 2):
        assert engine("ask", "counter/3", "add", "1").stdout == f"{count}\n"
        os.kill(pid, signal.SIGKILL)
        stats = started_after(engine, pid)
        assert stats["keeper"]["restarts"] == count
        assert is_alive(stats["keeper"]["pid"])
        pid = stats["pid"]
    assert engine("ask", "counter/3", "get").stdout == "2\n"
    assert engine.document("ps")["keeper"] == stats["keeper"]
    assert "which has started the engine again 2 times" in engine("ps").stderr
    assert "engine.restarted" in engine("events").stdout
    assert engine("stop").returncode == 0
    assert ended_within([pid, stats["keeper"]["pid"]], 10)
    assert engine("stats").returncode == 3


@pytest.mark.parametrize("how", ["stop", "emergency", "term"])
def test_what_is_stopped_on_purpose_is_not_started_again(engine: Commands, how: str) -> None:
    engine.document("start", "--keep")
    stats = engine.document("stats")
    pid, keeper = stats["pid"], stats["keeper"]["pid"]
    if how == "term":
        os.kill(pid, signal.SIGTERM)
    elif how == "emergency":
        os.kill(pid, signal.SIGSTOP)  # it does not answer, and has to be killed
        assert engine("stop", "--emergency").returncode == 0
    else:
        assert engine("stop").returncode == 0
    assert ended_within([pid, keeper], 10)
    assert engine("stats").returncode == 3


def test_a_keeper_gives_up_on_an_engine_that_cannot_live(engine: Commands) -> None:
    engine.document("start", "--keep")
    stats = engine.document("stats")
    keeper, pid = stats["keeper"]["pid"], stats["pid"]
    for _ in range(6):
        os.kill(pid, signal.SIGKILL)
        if ended_within([keeper], 0):
            break
        deadline_s = time.monotonic() + START_S
        while time.monotonic() < deadline_s and is_alive(keeper):
            done = engine("stats", "--json")
            if done.returncode == 0 and _json(done)["pid"] != pid:
                pid = _json(done)["pid"]
                break
    assert ended_within([keeper], 10)
    assert "keeper.gave_up" in (engine.home / "state/engine/daemon.log").read_text()
    assert engine("stop").returncode == 0


def test_a_keeper_that_is_killed_leaves_its_engine_alone(engine: Commands) -> None:
    engine.document("start", "--keep")
    stats = engine.document("stats")
    os.kill(stats["keeper"]["pid"], signal.SIGKILL)
    assert ended_within([stats["keeper"]["pid"]], 10)
    after = engine.document("stats")
    assert (after["pid"], after["keeper"]) == (stats["pid"], None)
    assert engine("stop").returncode == 0


def test_an_engine_that_cannot_start_is_not_kept(engine: Commands, tmp_path: Path) -> None:
    (tmp_path / "pools.yaml").write_text(POOLS + "kinds:\n  broken: nowhere.py:Nothing\n")
    failed = engine("start", "--keep")
    assert failed.returncode == 2, failed.stderr
    assert "nowhere" in failed.stderr
    deadline_s = time.monotonic() + START_S
    while engine("start", "--keep").returncode != 2:  # the first keeper has let go
        assert time.monotonic() < deadline_s
    assert engine("start", "--keep", "--foreground").returncode == 2


# -- a service manager -------------------------------------------------------------------------------------------------


@contextmanager
def manager(folder: Path) -> Iterator[tuple[str, Any]]:
    """systemd's side of NOTIFY_SOCKET: its address, and what waits for the next line of a name."""
    address = str(folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(address)

        def hear(name: str, within_s: float = START_S) -> str:
            sock.settimeout(within_s)
            while True:
                lines = dict(line.split("=", 1) for line in sock.recv(65_536).decode().splitlines())
                if name in lines:
                    return lines[name]

        yield address, hear


def test_a_service_manager_is_told_when_it_is_ready_that_it_lives_and_that_it_ends(engine: Commands, tmp_path: Path) -> None:
    with manager(tmp_path) as (address, hear):
        engine.environ |= {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "400000"}
        process = engine.start("start", "--foreground", stdout=subprocess.DEVNULL)
        assert hear("MAINPID") == str(process.pid)
        del engine.environ["NOTIFY_SOCKET"], engine.environ["WATCHDOG_USEC"]
        assert engine.document("stats")["pid"] == process.pid
        began_s = time.monotonic()
        for _ in range(3):
            assert hear("WATCHDOG") == "1"
        assert time.monotonic() - began_s < START_S
        workers = [worker["pid"] for worker in engine.document("ps")["workers"]]
        assert not any(b"NOTIFY_SOCKET" in Path(f"/proc/{pid}/environ").read_bytes() for pid in workers)
        process.send_signal(signal.SIGTERM)
        assert hear("STOPPING") == "1"
        assert process.wait(timeout=20) == 0
        assert ended_within(workers, 10)


def test_an_engine_whose_loop_stands_still_is_silent(engine: Commands, tmp_path: Path) -> None:
    with manager(tmp_path) as (address, hear):
        engine.environ |= {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
        process = engine.start("start", "--foreground", stdout=subprocess.DEVNULL)
        del engine.environ["NOTIFY_SOCKET"], engine.environ["WATCHDOG_USEC"]
        assert hear("READY") == "1"
        assert hear("WATCHDOG") == "1"
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            for _ in range(20):  # what was sent before
                hear("WATCHDOG", within_s=0.5)
        process.send_signal(signal.SIGCONT)
        assert hear("WATCHDOG") == "1"


def test_the_sample_unit_is_what_the_engine_does() -> None:
    text = (ROOT / "examples/systemd/engine.service").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "["))]
    unit = dict(line.split("=", 1) for line in lines)
    assert (unit["Type"], unit["KillMode"], unit["Restart"]) == ("notify", "mixed", "on-failure")
    assert unit["ExecStart"].endswith("engine start --foreground")
    assert float(unit["WatchdogSec"]) > 0
