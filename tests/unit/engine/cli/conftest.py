"""`engine sprint` in this process, in a folder of its own where no engine runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.cli.main import main

__all__ = ["Sprint"]

#: Runs `engine sprint` with words; returns its code, what it printed and what it said.
Sprint = Callable[..., tuple[int, str, str]]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Where the sprints of the engine are."""
    return tmp_path / "home" / "state" / "engine" / "sprints"


@pytest.fixture
def sprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sprint:
    """The command."""
    for name in ("ENGINE_NAME", "ENGINE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["sprint", *words])
        return (code, *capsys.readouterr())

    return run
