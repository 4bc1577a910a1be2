"""The workload of receipts: its lies are real ones, and a flipped byte that nobody names would be counted."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest

from bench import receipts
from bench.maker import LIES, content_of
from checkpoints.files import Disk
from sprints.ledger import open_ledger


def test_one_of_twenty_lies_in_every_way_and_stale_files_are_there_before(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    plan = receipts.planned(str(tmp_path / "work"), Random(1), 2_000)
    assert len(plan.lies) == 100
    ways = {"wrong", "missing", "stale", "idle", *receipts.FOREIGN}
    assert set(plan.lies.values()) == ways
    assert len(LIES) == 5
    stale = {name for name, lie in plan.lies.items() if lie == "stale"}
    assert {path.name for path in (tmp_path / "work").iterdir()} == stale
    assert all((tmp_path / "work" / name).read_bytes() == content_of(name) for name in stale)
    assert {item.id for item in plan.items if not item.artifacts} == {name for name, lie in plan.lies.items() if lie == "idle"}


def test_a_flipped_byte_that_is_not_named_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = open_ledger(Disk(), str(tmp_path), receipts.SPRINT, time.time, lambda _line: None)
    for number in range(12):
        ledger.add("receipt", 0.0, item=f"{number}", role="r", verdict="done", effects={"steps": 1})
    ledger.sync()
    ledger.close()
    path = str(tmp_path / "ledger.jsonl")
    named, flipped = receipts.named_bytes(path, f"{tmp_path}/flipped", Random(1))
    assert named == flipped > 1_000
    monkeypatch.setattr("sprints.ledger._digest", lambda before, facts: "0" * 64)
    assert receipts.named_bytes(path, f"{tmp_path}/flipped", Random(1))[0] < flipped
