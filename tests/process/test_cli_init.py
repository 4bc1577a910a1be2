"""Who types what `engine init` and `engine new agent` say gets what they promise."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import ROOT, Commands, commands


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """Commands in a folder that has nothing."""
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").unlink()
        yield made


def typed(engine: Commands, said: str) -> list[str]:
    """Type each line behind `next:`, and give what was printed; `cd` is done by ourselves."""
    printed = []
    behind = said[said.index("next:") + len("next:") :].splitlines()
    for line in behind:
        words = shlex.split(line)
        if words[:1] == ["cd"]:
            engine.folder = engine.folder / words[1]
        elif words[:1] == ["engine"]:
            done = engine(*words[1:])
            assert done.returncode == 0, (line, done.stderr)
            printed.append(done.stdout)
    return printed


def proven(folder: Path) -> str:
    """What pytest says of a folder, run as somebody there would."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": ""}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_init_says_comes_next_works(engine: Commands) -> None:
    done = engine("init", "my swarm")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "wrote pools.yaml, agent.py, test_agent.py, tasks.jsonl in my swarm\n"
    printed = typed(engine, done.stderr)
    assert engine.folder.name == "my swarm"
    assert [json.loads(line)["value"] for line in printed[1].splitlines()] == [2500, 1600, 1596]
    assert json.loads(printed[2]) == ["+2500 salary", "-900 to account/1", "-4 coffee"]
    assert "did 4 tasks" in printed[3] or "stopped" in printed[3]
    assert "2 passed" in proven(engine.folder)
    assert engine("config", "check", "pools.yaml").returncode == 0


def test_what_is_said_stands_behind_what_was_printed_also_in_one_pipe(engine: Commands) -> None:
    environ = {name: text for name, text in engine.environ.items() if name != "PYTHONUNBUFFERED"}
    for words, first in ((["init", "one"], "wrote "), (["config", "show", "agents"], "KEY"), (["doctor"], "ok ")):
        done = subprocess.run(
            engine.words(*words),
            cwd=engine.folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout.startswith(first), done.stdout
        assert len(done.stdout.splitlines()) > 1


def test_init_writes_over_nothing_without_being_told(engine: Commands) -> None:
    (engine.folder / "agent.py").write_text("mine\n")
    refused = engine("init")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "agent.py" in refused.stderr
    assert "--force" in refused.stderr
    assert sorted(path.name for path in engine.folder.glob("*.*")) == ["agent.py"]
    forced = engine.document("init", "--force")
    assert forced["written"] == ["pools.yaml", "agent.py", "test_agent.py", "tasks.jsonl"]
    assert engine.document("init")["written"] == []


@pytest.mark.parametrize("flavour", [[], ["--async"], ["--durable"]])
def test_a_new_agent_works_as_it_is_said(engine: Commands, flavour: list[str]) -> None:
    assert engine("init").returncode == 0
    done = engine("new", "agent", "PriceWatcher", "--test", "--add", *flavour)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "wrote price_watcher.py, test_price_watcher.py\npools.yaml has the kind price_watcher now\n"
    assert typed(engine, done.stderr)[-1] == "1\n"
    assert "3 passed" in proven(engine.folder)
    assert engine.document("new", "agent", "PriceWatcher", "--test", "--add", *flavour)["written"] == []


def test_a_new_agent_is_found_without_being_added(engine: Commands) -> None:
    done = engine("new", "agent", "clerk", "--dir", "staff")
    assert done.stdout == "wrote staff/clerk.py\n"
    assert typed(engine, done.stderr)[-1] == "1\n"


def test_a_new_agent_is_not_written_where_pools_yaml_cannot_have_it(engine: Commands) -> None:
    (engine.folder / "pools.yaml").write_text("kinds: {clerk: 'other.py:Clerk'}\npools: {p1: {}}\n")
    refused = engine("new", "agent", "clerk", "--add")
    assert refused.returncode == 2
    assert "pools.yaml:1: kinds has clerk already" in refused.stderr
    assert not (engine.folder / "clerk.py").exists()
    (engine.folder / "clerk.py").write_text("mine\n")
    assert engine("new", "agent", "clerk").returncode == 2
    assert engine("new", "agent", "json").returncode == 2
    assert (engine.folder / "clerk.py").read_text() == "mine\n"
