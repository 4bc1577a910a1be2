"""A process dies at a moment that is named, with the chance that is named; at no other, and nowhere when none is."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkpoints.failpoint import MOMENTS, failpoint_of
from tests.support.commands import ROOT

CODE = """
import sys
from checkpoints.failpoint import failpoint_of
import os
die = failpoint_of(os.environ)
for name in sys.argv[1:]:
    die(name)
    print(name, flush=True)
"""


def passed(text: str) -> Iterator[str]:
    """The names of moments that a source passes: what a call of `failpoint` or `_failpoint` has as its argument."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("failpoint", "_failpoint"):
                (argument,) = node.args
                assert isinstance(argument, ast.Constant), ast.unparse(node)
                yield str(argument.value)


def moments() -> list[str]:
    return [
        name
        for package in ("checkpoints", "pools", "engine")
        for file in sorted((ROOT / package).rglob("*.py"))
        for name in passed(file.read_text())
    ]


def run(folder: Path, names: str, *passes: str) -> subprocess.CompletedProcess[str]:
    """A process that passes these moments."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "CHECKPOINTS_DEATHS": str(folder / "deaths")}
    environ["CHECKPOINTS_FAILPOINTS"] = names
    argv = [sys.executable, "-c", CODE, *passes]
    return subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=30, check=False)


def test_every_moment_is_passed_at_one_place_of_the_sources() -> None:
    found = moments()
    assert len(found) == len(set(found))
    assert set(MOMENTS) <= set(found)
    assert len(MOMENTS) == len(set(MOMENTS))


def test_without_a_name_no_moment_does_anything() -> None:
    for environ in ({}, {"CHECKPOINTS_FAILPOINTS": ""}):
        die = failpoint_of(environ)
        for name in (*MOMENTS, "anything"):
            die(name)


@pytest.mark.parametrize("said", ["nowhere=1", "commit.written=0.5,commit=1", "=1", "commit.written=", "commit.written=x"])
def test_a_moment_that_there_is_not_or_a_chance_that_is_none_is_refused(said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        failpoint_of({"CHECKPOINTS_FAILPOINTS": said, "CHECKPOINTS_DEATHS": str(tmp_path / "deaths")})


def test_the_moments_that_there_are_stand_in_the_refusal() -> None:
    with pytest.raises(ValueError, match=r"there is no moment 'nowhere'; there are open.locked, .*compact.removed"):
        failpoint_of({"CHECKPOINTS_FAILPOINTS": "nowhere=1", "CHECKPOINTS_DEATHS": "deaths"})


def test_a_process_dies_at_its_moment_and_leaves_the_name(tmp_path: Path) -> None:
    for _ in range(2):
        done = run(tmp_path, "commit.written=0,commit.synced=1", "open.read", "commit.written", "commit.synced", "open.read")
        assert done.returncode == -signal.SIGKILL
        assert done.stdout.split() == ["open.read", "commit.written"]
    assert (tmp_path / "deaths").read_text() == "commit.synced\ncommit.synced\n"


def test_a_chance_of_nothing_kills_nobody(tmp_path: Path) -> None:
    done = run(tmp_path, ",".join(f"{name}=0" for name in MOMENTS), *MOMENTS)
    assert (done.returncode, done.stdout.split()) == (0, list(MOMENTS))
    assert not (tmp_path / "deaths").exists()


def test_a_chance_is_one_of_each_time(tmp_path: Path) -> None:
    """Of a thousand passes with a chance of one in ten, some are survived and not all of them."""
    done = run(tmp_path, "roll.sealed=0.1", *["roll.sealed"] * 1_000)
    assert done.returncode == -signal.SIGKILL
    assert len(done.stdout.split()) < 500
    survived = [len(run(tmp_path, "roll.sealed=0.1", *["roll.sealed"] * 1_000).stdout.split()) for _ in range(3)]
    assert any(survived)
