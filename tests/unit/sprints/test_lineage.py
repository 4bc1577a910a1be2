"""All that descend from a process are found, wherever they have put themselves, and killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sprints.lineage import end_descendants, end_lineage
from tests.support.processes import is_alive, until

ROOT = Path(__file__).resolve().parents[3]

#: Makes children in new sessions that make children, each of which tells its pid, and adopts those whose parents end.
FAMILY = """
import os, sys, time
from sprints.lineage import adopt
adopt()
def born(depth, leaves):
    if os.fork() == 0:
        os.setsid()
        os.write(1, f"{os.getpid()}\\n".encode())
        if depth:
            born(depth - 1, leaves)
        if leaves and depth:
            os._exit(0)
        time.sleep(1000)
born(2, False)
born(2, True)
time.sleep(1000)
"""

BOMB = """
import os, time
while True:
    if os.fork() == 0:
        time.sleep(0.05)
    time.sleep(0.01)
"""


def family(pids: int) -> tuple[subprocess.Popen[bytes], list[int]]:
    process = subprocess.Popen([sys.executable, "-c", FAMILY], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as lines:
        return process, [int(lines.readline()) for _ in range(pids)]


def test_a_process_ends_with_all_that_descend_from_it() -> None:
    process, pids = family(6)
    end_lineage(process.pid)
    assert process.wait() == -9
    assert [pid for pid in pids if is_alive(pid)] == []


def test_only_the_descendants_end_where_that_is_asked() -> None:
    process, pids = family(6)
    end_descendants(process.pid)
    assert [pid for pid in pids if is_alive(pid)] == []
    assert process.poll() is None
    end_lineage(process.pid)
    process.wait()


async def test_who_makes_more_of_them_all_the_time_ends_too() -> None:
    process = subprocess.Popen([sys.executable, "-c", BOMB], start_new_session=True)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    await until(lambda: len(children.read_text().split()) > 5)
    found = [int(pid) for pid in children.read_text().split()]
    end_lineage(process.pid)
    process.wait()
    await until(lambda: not any(is_alive(pid) for pid in found))
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and _group(int(pid)) == process.pid]


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid) if is_alive(pid) else None
    except ProcessLookupError:
        return None


def test_who_has_ended_before_is_no_error() -> None:
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    end_lineage(process.pid)
    assert process.wait() == 0
