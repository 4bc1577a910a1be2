"""The attendant of a node whose disk takes nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from engine.cluster import attendant
from tests.support.processes import until


async def test_what_cannot_be_told_now_is_told_later_and_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attendant, "AGAIN_S", 0.01)
    made, in_the_way = attendant.Attendant(tmp_path), tmp_path / ".attendant.json"
    in_the_way.mkdir()
    for _ in range(3):
        made._tell()
    assert not (tmp_path / "attendant.json").exists()
    in_the_way.rmdir()
    await until(lambda: (tmp_path / "attendant.json").exists())
    assert json.loads((tmp_path / "attendant.json").read_text())["pid"] == os.getpid()
