"""A keeper starts its child again as long as that is of use, and nobody is taken for a keeper who holds no lock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from engine import keeper as module
from engine.keeper import Keeper, end_keeper, keeper_of
from engine.paths import Paths, find_paths
from tests.support.commands import ROOT
from tests.support.processes import ended_within


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """The directories of an engine."""
    found = find_paths("engine", {"ENGINE_HOME": str(tmp_path)})
    found.prepare()
    return found


#: A keeper in a process of its own, whose children do one after the other what its arguments say.
PROGRAM = """
import os, signal, sys
from random import Random
from engine import keeper
from engine.paths import find_paths

acts = sys.argv[2:]

def start(before):
    print("start", before.partition(",")[0], flush=True)
    act = acts.pop(0)
    pid = os.fork()
    if pid == 0:
        os.close(kept.lock)
        if act == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif act == "live":
            signal.pause()
        os._exit(int(act))
    return pid, b"" if act == "4" else b"ready 1 "

paths = find_paths("engine", {"ENGINE_HOME": sys.argv[1]})
log = lambda name, text: print(name, flush=True)
kept = keeper.Keeper(paths, start, log, Random(1))
sys.exit(kept.keep(lambda said: print(said.decode().strip(), flush=True)))
"""


def kept(home: Path, *acts: str) -> subprocess.Popen[str]:
    """A keeper with children that act so."""
    words = [sys.executable, "-P", "-c", PROGRAM, str(home), *acts]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_a_child_that_dies_is_started_again_until_it_ends_in_order(paths: Paths, tmp_path: Path) -> None:
    said, _ = kept(tmp_path, "kill", "3", "0").communicate(timeout=30)
    lines = said.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["start", "ready", "engine.died", "start", "engine.died", "start"]
    assert "killed by signal 9" in lines[3]
    assert "exit status 3" in lines[5]
    assert keeper_of(paths) is None


def test_one_that_could_not_start_at_first_is_not_tried_again(paths: Paths, tmp_path: Path) -> None:
    process = kept(tmp_path, "4", "0")
    said, _ = process.communicate(timeout=30)
    assert said.split() == ["start"]
    assert process.returncode == 4


def test_one_that_dies_too_often_is_given_up(paths: Paths, tmp_path: Path) -> None:
    process = kept(tmp_path, *["kill"] * 9)
    said, _ = process.communicate(timeout=50)
    assert said.splitlines()[-1] == "keeper.gave_up"
    assert said.count("start") == module.RESTARTS + 1
    assert process.returncode == 4


def test_a_keeper_is_known_by_its_lock_and_ends_when_it_is_asked_to(paths: Paths, tmp_path: Path) -> None:
    process = kept(tmp_path, "live")
    assert process.stdout is not None
    assert process.stdout.readline() == "start \n"
    assert process.stdout.readline() == "ready 1\n"
    assert keeper_of(paths) == {"pid": process.pid, "restarts": 0}
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    try:
        assert end_keeper(paths) == process.pid
        assert process.wait(timeout=10) == 0
        deadline_s = time.monotonic() + 10
        while keeper_of(paths) is not None:  # its child gives up the lock that it was forked with
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        assert not ended_within([int(child)], 0)  # its child lives
    finally:
        os.kill(int(child), signal.SIGKILL)
        process.stdout.close()


def test_a_file_without_a_lock_is_no_keeper_and_its_pid_is_left_alone(paths: Paths) -> None:
    assert end_keeper(paths) is None
    paths.keeper.write_text(json.dumps({"pid": os.getpid(), "restarts": 0}))
    assert keeper_of(paths) is None
    assert end_keeper(paths) is None


def test_the_lock_is_its_owners_alone(paths: Paths) -> None:
    keeper = Keeper(paths, lambda _before: (0, b""), lambda _name, _text: None, Random(1))
    os.close(keeper.lock)
    assert paths.keeper.stat().st_mode & 0o777 == 0o600
