"""The engine that a measurement starts: in a place of its own, and gone afterwards however the measurement ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.__main__ import INTERRUPTED
from bench.daemon import NAME, Daemon, own_daemon
from bench.yardlink import ROOT

#: seconds until a started daemon listens.
START_TIMEOUT_S = 30.0


def test_after_the_block_no_process_and_no_file_is_left() -> None:
    with own_daemon() as daemon:
        assert daemon.spawn(3) > 0
        home = Path(daemon.environ["ENGINE_HOME"])
        assert len(daemon.processes()) > 1
    assert daemon.processes() == []
    assert not home.exists()


def test_a_block_that_fails_leaves_nothing_either() -> None:
    places = []

    def measure() -> None:
        with own_daemon() as daemon:
            places.append(daemon)
            daemon.spawn(3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        measure()
    assert places[0].processes() == []


def test_a_daemon_that_was_never_started_needs_no_end() -> None:
    with own_daemon() as daemon:
        assert daemon.processes() == []


def test_a_command_that_fails_says_why() -> None:
    with own_daemon() as daemon, pytest.raises(OSError, match=r"ask .* ended with \d+: "):
        daemon.run("ask", "counter/1", "get")


def test_a_request_to_end_ends_every_process_that_was_started(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "bench", "idle"]
    with subprocess.Popen(argv, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}) as measuring:
        daemon = Daemon(str(_listening(tmp_path).parents[2]))
        assert daemon.processes()
        measuring.terminate()
        assert measuring.wait(START_TIMEOUT_S) == INTERRUPTED
    assert daemon.processes() == []
    assert list(tmp_path.glob("bench-*")) == []


def _listening(folder: Path) -> Path:
    """The socket of the daemon that another process starts in a folder."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        for socket in folder.glob(f"bench-*/run/{NAME}/control.sock"):
            return socket
        os.sched_yield()
    raise TimeoutError(f"no daemon listens under {folder}")
