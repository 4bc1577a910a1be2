"""A hook runs as it would here, in a process that ends with this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sprints.errors import HookFailed
from sprints.guard import is_left
from sprints.hook import Hook
from sprints.leash import run_leashed
from tests.support.processes import is_alive, until

ROOT = Path(__file__).resolve().parents[3]
FACTS = {"ENGINE_RELEASE": "0001-sp-20261121-004"}


def test_a_hook_runs_among_the_files_with_its_facts_and_may_leave_something_running(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    command = ("sh", "-c", "sleep 1000 & echo $! > ../pid; echo $ENGINE_RELEASE $(pwd) > ../seen")
    run_leashed(Hook(command=command), str(tmp_path / "files"), FACTS, str(tmp_path))
    assert (tmp_path / "seen").read_text().split() == ["0001-sp-20261121-004", str(tmp_path / "files")]
    pid = int((tmp_path / "pid").read_text())
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)
    assert is_left(str(tmp_path))


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("sh", "-c", "echo sorry; exit 3"), "exit code 3: sorry"),
        (("/no/such/program",), "cannot be run"),
        (("sh", "-c", "kill -9 $$"), "SIGKILL"),
        (("sh", "-c", "kill -9 $PPID"), "the process that ran it ended with code"),
    ],
)
def test_a_hook_that_fails_says_why_as_it_would_here(tmp_path: Path, command: tuple[str, ...], why: str) -> None:
    with pytest.raises(HookFailed, match=why) as caught:
        run_leashed(Hook(command=command), str(tmp_path), FACTS, str(tmp_path))
    assert caught.value.hook == " ".join(command)


def test_a_hook_that_fails_leaves_nothing_not_even_who_has_no_parent_any_more(tmp_path: Path) -> None:
    command = ("sh", "-c", "(setsid sleep 1000 & echo $! > pid); exit 3")
    with pytest.raises(HookFailed):
        run_leashed(Hook(command=command), str(tmp_path), FACTS)
    assert not is_alive(int((tmp_path / "pid").read_text()))


OWNER = """
import json, sys
from sprints.hook import Hook
from sprints.leash import run_leashed

run_leashed(Hook(command=tuple(json.loads(sys.argv[2]))), sys.argv[1], {}, sys.argv[1])
"""


async def test_when_the_engine_is_killed_its_hook_ends_with_all_that_it_started(tmp_path: Path) -> None:
    command = ["sh", "-c", "(setsid sleep 1000 & echo $! >> pids); echo $$ >> pids; sleep 1000"]
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path), json.dumps(command)], cwd=ROOT)
    pids = tmp_path / "pids"
    await until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    assert not is_left(str(tmp_path))
    owner.kill()
    owner.wait()
    await until(lambda: is_left(str(tmp_path)))
    assert not any(is_alive(int(pid)) for pid in pids.read_text().split())
