"""Imports point down only, and never in a circle; the contracts stand in .importlinter."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("bench", "engine", "sprints", "pools", "checkpoints")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of a copy of the house, as `lint-imports` does."""
    program = (
        "import sys; from importlinter.cli import lint_imports_command;"
        "sys.argv = ['lint-imports', '--no-cache']; lint_imports_command()"
    )
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the house in which a test may break something."""
    for floor in FLOORS:
        shutil.copytree(ROOT / floor, tmp_path / floor, ignore=shutil.ignore_patterns("__pycache__", "results"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_contracts_are_kept() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("checkpoints/shards.py", "import pools.spec", "Imports point down only"),
        ("pools/spec.py", "import engine.errors", "Imports point down only"),
        ("pools/events.py", "import sprints", "Imports point down only"),
        ("sprints/__init__.py", "import pools.events", "Imports point down only"),
        ("engine/units.py", "import bench", "Imports point down only"),
        (
            "pools/spec.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import engine.errors",
            "Imports point down only",
        ),
        ("pools/errors.py", "import pools.link", "No cycles inside a folder"),
    ],
)
def test_an_import_that_points_up_or_around_would_be_found(copy: Path, file: str, line: str, broken: str) -> None:
    path = copy / file
    path.write_text(path.read_text() + f"\n{line}\n")
    done = lint(copy)
    assert done.returncode != 0
    assert any(broken in row and "BROKEN" in row for row in done.stdout.splitlines()), done.stdout
