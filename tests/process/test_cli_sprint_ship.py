"""`engine sprint run` says by its exit code whether what was done is in a release."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.commands import commands

MAKER = '''
"""An agent that writes."""

from pathlib import Path

from engine import Agent


class Maker(Agent):
    made: int = 0

    def make(self, path: str) -> int:
        self.made += 1
        return Path(path).write_text("made")
'''


@pytest.mark.parametrize(("code", "ended"), [(0, 0), (3, 1)])
def test_what_is_done_and_not_shipped_ends_with_1(tmp_path: Path, code: int, ended: int) -> None:
    (tmp_path / "maker.py").write_text(MAKER)
    backlog = {
        "schema": "engine.backlog/v1",
        "name": "app",
        "use": ["maker.py:Maker"],
        "roles": {"maker": {"kind": "maker", "agents": 2}},
        "ship": {"hooks": [{"command": [sys.executable, "-c", f"raise SystemExit({code})"]}]},
        "tasks": [
            {"id": name, "role": "maker", "method": "make", "args": [str(tmp_path / "work" / name)], "artifacts": [name]}
            for name in ("a", "b")
        ],
    }
    (tmp_path / "app.json").write_text(json.dumps(backlog))
    with commands(tmp_path) as engine:
        done = engine("sprint", "run", "app.json", "--speed", "20", "--quiet")
    assert "2 of 2 items done" in done.stdout, done.stdout + done.stderr
    assert done.returncode == ended, done.stdout + done.stderr
    assert (tmp_path / "releases" / "current").exists() == (code == 0)
