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
from sprints.hookword import Word, word_of
from sprints.leash import run_leashed
from tests.support.processes import children, is_alive, until

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


TOLD = """
import json, sys
from sprints.hook import Hook
from sprints.leash import run_leashed

run_leashed(Hook(command=tuple(json.loads(sys.argv[2]))), sys.argv[1], {}, word=sys.argv[1] + "/word")
"""


@pytest.mark.parametrize(("end", "word"), [("exit 0", Word("yes")), ("echo sorry; exit 3", Word("no", "exit code 3: sorry"))])
async def test_a_hook_that_leaves_word_goes_on_without_its_engine(tmp_path: Path, end: str, word: Word) -> None:
    command = ["sh", "-c", f"echo > begun; while [ ! -e go ]; do sleep 0.02; done; {end}"]
    owner = subprocess.Popen([sys.executable, "-c", TOLD, str(tmp_path), json.dumps(command)], cwd=ROOT)
    await until(lambda: (tmp_path / "begun").exists())
    owner.kill()
    owner.wait()
    assert word_of(str(tmp_path / "word")) == Word("running")
    (tmp_path / "go").touch()
    await until(lambda: word_of(str(tmp_path / "word")).state != "running")
    said = word_of(str(tmp_path / "word"))
    assert said.state == word.state
    assert word.why in said.why


async def test_a_hook_that_leaves_word_ends_when_it_is_asked_to_with_all_that_it_started(tmp_path: Path) -> None:
    command = ["sh", "-c", "(setsid sleep 1000 & echo $! >> pids); echo $$ >> pids; sleep 1000"]
    owner = subprocess.Popen([sys.executable, "-c", TOLD, str(tmp_path), json.dumps(command)], cwd=ROOT)
    pids = tmp_path / "pids"
    await until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    [guard] = children(owner.pid)
    owner.kill()
    owner.wait()
    os.kill(guard, signal.SIGTERM)
    await until(lambda: not is_alive(guard))
    assert not any(is_alive(int(pid)) for pid in pids.read_text().split())
    assert word_of(str(tmp_path / "word")) == Word("lost")


def test_a_hook_that_somebody_has_asked_for_is_not_begun(tmp_path: Path) -> None:
    assert word_of(str(tmp_path / "word")) == Word("never")
    with pytest.raises(HookFailed, match="somebody else has asked"):
        run_leashed(Hook(command=("touch", str(tmp_path / "ran"))), str(tmp_path), FACTS, word=str(tmp_path / "word"))
    assert not (tmp_path / "ran").exists()


def test_without_room_for_its_word_a_hook_is_not_begun(tmp_path: Path) -> None:
    (tmp_path / "hooks").write_text("this is no folder")
    with pytest.raises(HookFailed, match="its beginning cannot be noted"):
        run_leashed(Hook(command=("touch", str(tmp_path / "ran"))), str(tmp_path), FACTS, word=str(tmp_path / "hooks" / "r"))
    assert not (tmp_path / "ran").exists()
