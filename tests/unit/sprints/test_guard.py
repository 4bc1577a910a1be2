"""What runs for a sprint ends with its engine, and the sprint's folder is held until it has."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sprints.guard import is_left
from tests.support.processes import children, is_alive, until

ROOT = Path(__file__).resolve().parents[3]

#: Starts two that are out of its session and group, one of them with no parent any more, tells their pids, and does as it is
#: told.
GUARDED = """
import os, sys, time
from sprints.guard import stand_guard

def work():
    for is_orphan in (False, True):
        if not os.fork():
            os.setsid()
            if is_orphan and os.fork():
                os._exit(0)
            os.write(1, f"{os.getpid()}\\n".encode())
            time.sleep(1000)
    os.write(1, b"begun\\n")
    if sys.argv[2] == "hang":
        time.sleep(1000)
    os.read(0, 1)
    os._exit(int(sys.argv[2]))

stand_guard(work, 0, sys.argv[1], spares_done=sys.argv[3] == "spares")
"""


@contextmanager
def guarded(held: str, end: str, spares: str = "") -> Iterator[tuple[subprocess.Popen[bytes], socket.socket, list[int]]]:
    """A guard, our end of its tie, and who was started within."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            guard = subprocess.Popen(
                [sys.executable, "-c", GUARDED, held, end, spares], cwd=ROOT, stdin=theirs, stdout=subprocess.PIPE
            )
        assert guard.stdout is not None
        with guard.stdout as lines:
            said = [lines.readline().strip() for _ in range(3)]
            pids = [int(line) for line in said if line != b"begun"]
            assert len(pids) == 2
            try:
                yield guard, ours, pids
            finally:
                ours.close()
                for pid in pids:
                    if is_alive(pid):
                        os.kill(pid, signal.SIGKILL)
                guard.wait()


def test_all_ends_with_the_engine_and_the_folder_is_held_until_then(tmp_path: Path) -> None:
    with guarded(str(tmp_path), "hang") as (guard, ours, pids):
        guard.send_signal(signal.SIGSTOP)
        ours.close()
        assert not is_left(str(tmp_path))  # it has not seen that yet, and they live
        assert all(map(is_alive, pids))
        guard.send_signal(signal.SIGCONT)
        guard.wait()
        assert is_left(str(tmp_path))
        assert not any(map(is_alive, pids))


@pytest.mark.parametrize(("end", "spares", "lives"), [("0", "spares", True), ("3", "spares", False), ("0", "", False)])
async def test_only_what_ended_well_leaves_something_behind_where_it_may(
    tmp_path: Path, end: str, spares: str, lives: bool
) -> None:
    with guarded(str(tmp_path), end, spares) as (guard, ours, pids):
        assert not is_left(str(tmp_path))
        ours.send(b"x")
        assert guard.wait() == int(end)
        assert [is_alive(pid) for pid in pids] == [lives, lives]
        assert is_left(str(tmp_path))


def test_who_is_killed_with_a_signal_has_not_ended_well(tmp_path: Path) -> None:
    with guarded(str(tmp_path), "hang", "spares") as (guard, _, pids):
        os.kill(next(pid for pid in children(guard.pid) if pid not in pids), signal.SIGKILL)
        assert guard.wait() == 256 - signal.SIGKILL
        assert not any(map(is_alive, pids))


async def test_nothing_begins_where_the_engine_is_gone_already(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs:
        guard = subprocess.Popen(
            [sys.executable, "-c", GUARDED, str(tmp_path), "hang", ""], cwd=ROOT, stdin=theirs, stdout=subprocess.PIPE
        )
    said, _ = guard.communicate(timeout=20)
    assert (said, guard.returncode) == (b"", 1)
    await until(lambda: is_left(str(tmp_path)))
