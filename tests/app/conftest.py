"""The app, built once by the real three sprints for all tests that look at it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sprints.archive import Archive

ROOT = Path(__file__).resolve().parents[2]
#: Seconds that the three sprints have: ten times what they need on two cores.
BUILD_S = 170
#: Slow enough that no step's time is up on a machine that has much else to do; steps end when their work is done.
SPEED = "4"


class Built(NamedTuple):
    """A folder with an app, and what was printed while it was built."""

    folder: Path
    code: int
    printed: str

    @property
    def archive(self) -> Archive:
        return Archive(str(self.folder / "engine" / "state" / "engine" / "sprints"))

    def release(self, number: int) -> Path:
        """The files of a release."""
        (found,) = (self.folder / "releases").glob(f"{number:04}-*")
        return found / "files"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """The app; no process is left of it."""
    folder = tmp_path_factory.mktemp("app")
    environ = {name: text for name, text in os.environ.items() if not name.startswith("ENGINE_")}
    done = subprocess.run(
        [sys.executable, "-m", "examples.app", "--out", str(folder), "--speed", SPEED],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=BUILD_S,
        check=False,
    )
    yield Built(folder, done.returncode, done.stdout + done.stderr)
    assert not (folder / "engine" / "run" / "engine" / "engine.sock").exists()
