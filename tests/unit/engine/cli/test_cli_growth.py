"""How a spawn reaches an engine that somebody else starts, and what is said where that engine never listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli import growth
from engine.errors import NotRunning, Unavailable
from engine.paths import find_paths


def connect(home: Path) -> None:
    environ = {"ENGINE_HOME": str(home)}
    growth._connected("nightly", environ, find_paths("nightly", environ))


def test_an_engine_that_ended_meanwhile_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="no engine named 'nightly' runs"):
        connect(tmp_path)


def test_an_engine_that_runs_and_never_listens_is_said_with_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "PATIENCE_S", 0.05)
    monkeypatch.setattr(growth, "is_running", lambda _paths: 42)
    said = r"^engine nightly \(pid 42\) runs, but does not listen; end it: engine --name nightly stop --emergency$"
    with pytest.raises(Unavailable, match=said):
        connect(tmp_path)
