"""What is to happen before a switch: it says yes or no, in its time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sprints.errors import HookFailed
from sprints.hook import Hook, hook_of, run_hook
from tests.support.processes import is_alive

FACTS = {"ENGINE_RELEASE": "0001-sp-20261121-004", "ENGINE_SPRINT": "sp-20261121-004"}
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.mark.parametrize(
    ("row", "hook"),
    [
        ({"command": ["make", "x"]}, Hook(command=("make", "x"))),
        ({"command": ["make"], "timeout_s": 3}, Hook(command=("make",), timeout_s=3.0)),
        ({"command": ["make"], "again": True}, Hook(command=("make",), again=True)),
        ({"git": "releases"}, Hook(branch="releases", repo=".", again=True)),
        ({"git": "releases", "repo": "../x"}, Hook(branch="releases", repo="../x", again=True)),
    ],
)
def test_a_hook_is_read(row: object, hook: Hook) -> None:
    assert hook_of(row) == hook


@pytest.mark.parametrize(
    "row",
    [
        *(3, {}, {"command": "make"}, {"command": []}, {"command": ["a\0"]}, {"command": ["a"], "git": "x"}, {"git": ""}),
        {"git": "-x"},
        {"git": 3},
        {"git": "x", "again": False},
        {"command": ["a"], "again": 1},
        {"git": "x", "repo": "-C"},
        {"command": ["a"], "timeout_s": 0},
        {"command": ["a"], "shell": True},
    ],
)
def test_what_is_no_hook_is_refused(row: object) -> None:
    with pytest.raises(ValueError):
        hook_of(row)


def test_a_command_runs_among_the_files_and_knows_the_release(tmp_path: Path) -> None:
    program = "import os; open('../seen', 'w').write(os.environ['ENGINE_RELEASE'] + os.getcwd())"
    (tmp_path / "files").mkdir()
    run_hook(Hook(command=(sys.executable, "-c", program)), str(tmp_path / "files"), FACTS)
    assert (tmp_path / "seen").read_text() == f"0001-sp-20261121-004{tmp_path / 'files'}"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("sh", "-c", "echo sorry; exit 3"), "exit code 3: sorry"),
        (("/no/such/program",), "cannot be run"),
        (("sh", "-c", "kill -9 $$"), "SIGKILL"),
    ],
)
def test_a_hook_that_fails_says_why(tmp_path: Path, command: tuple[str, ...], why: str) -> None:
    with pytest.raises(HookFailed, match=why):
        run_hook(Hook(command=command), str(tmp_path), FACTS)


def test_a_hook_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    command = ("sh", "-c", "setsid sleep 1000 & echo $! >> pids; echo $$ >> pids; sleep 1000")
    with pytest.raises(HookFailed, match="out of time"):
        run_hook(Hook(command=command, timeout_s=0.5), str(tmp_path), FACTS)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    assert [pid for pid in pids if is_alive(pid)] == []


def git(folder: Path, *arguments: str) -> str:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=True
    ).stdout.strip()


@needs_git
def test_a_release_is_committed_on_its_branch_and_nothing_that_is_checked_out_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    repo, files = tmp_path / "repo", tmp_path / "files"
    repo.mkdir()
    (files / "app").mkdir(parents=True)
    git(repo, "init", "-q", "-b", "main")
    (repo / "mine").write_text("not committed")
    (files / "app" / "a.txt").write_text("one")
    (files / ".gitignore").write_text("*\n")
    hook = Hook(branch="releases", repo=str(repo))
    run_hook(hook, str(files), FACTS)
    assert git(repo, "ls-tree", "-r", "--name-only", "releases").split() == [".gitignore", "app/a.txt"]
    assert git(repo, "log", "--format=%an %s", "releases") == "engine Release 0001-sp-20261121-004"
    run_hook(hook, str(files), FACTS)  # again, after a death: there is nothing new
    assert git(repo, "rev-list", "--count", "releases") == "1"
    (files / "app" / "a.txt").write_text("two")
    run_hook(hook, str(files), FACTS)
    assert git(repo, "rev-list", "--count", "releases") == "2"
    assert git(repo, "show", "releases:app/a.txt") == "two"
    assert git(repo, "status", "--porcelain") == "?? mine"
    assert git(repo, "symbolic-ref", "HEAD") == "refs/heads/main"


@needs_git
def test_a_commit_that_cannot_be_made_is_a_no(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(HookFailed, match="git"):
        run_hook(Hook(branch="releases", repo="."), str(tmp_path), FACTS)
    git(tmp_path, "init", "-q")
    with pytest.raises(HookFailed):
        run_hook(Hook(branch="a..b", repo="."), str(tmp_path), FACTS)
