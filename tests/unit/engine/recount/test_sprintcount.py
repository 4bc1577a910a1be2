"""Sprints are worth what the lines of their ledgers say, as far as these are whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.recount.sprintcount import read_sprints, read_step


def ledger(folder: Path, sprint: str, *events: dict[str, Any], tail: str = "") -> None:
    place = folder / sprint
    place.mkdir(parents=True)
    lines = [json.dumps({"n": at + 1, "at": 100.0 + at, **event}) + "\n" for at, event in enumerate(events)]
    (place / "ledger.jsonl").write_text("".join(lines) + tail)


def header(**more: Any) -> dict[str, Any]:
    return {"e": "sprint", "backlog": "app", **more}


def receipt(verdict: str = "done", **more: Any) -> dict[str, Any]:
    return {"e": "receipt", "item": "i", "verdict": verdict, **more}


def test_nothing_is_known_where_there_was_no_sprint(tmp_path: Path) -> None:
    assert read_sprints(tmp_path / "none") is None
    ledger(tmp_path, "sp-20261122-001")
    assert read_sprints(tmp_path) is None


def test_features_and_bugs_count_when_all_of_them_is_done_and_once_for_a_backlog(tmp_path: Path) -> None:
    first = header(features={"login": 2, "search": 1, "half": 2}, bugs={"b1": 1})
    ledger(
        tmp_path,
        "sp-20261122-001",
        first,
        receipt(feature="login", effects={"tests": 3, "lines": 10}),
        receipt(feature="login"),
        receipt(feature="search"),
        receipt(feature="half"),
        receipt("failed", feature="half", effects={"tests": 50}),
        receipt(bug="b1", effects={"lines": 5}),
    )
    ledger(
        tmp_path,
        "sp-20261122-002",
        header(features={"search": 1, "half": 1}),
        receipt(feature="search"),
        receipt(feature="half"),
    )
    ledger(tmp_path, "sp-20261122-003", {**header(features={"search": 1}), "backlog": "other"}, receipt(feature="search"))
    assert read_sprints(tmp_path) == {"features": 4, "tests": 3, "bugs_fixed": 1, "code_lines": 15}
    assert read_sprints(tmp_path, until_s=100.0) == {"features": 0, "tests": 0, "bugs_fixed": 0, "code_lines": 0}


def test_what_is_half_written_does_not_count(tmp_path: Path) -> None:
    ledger(tmp_path, "sp-20261122-001", header(features={}), receipt(effects={"tests": 1}), tail='{"n":3,"at":1')
    assert read_sprints(tmp_path) == {"features": 0, "tests": 1, "bugs_fixed": 0, "code_lines": 0}


def test_a_sprint_is_in_the_step_that_began_last(tmp_path: Path) -> None:
    steps = [{"e": "phase", "wave": wave, "phase": phase} for wave, phase in ((0, "plan"), (0, "exec"), (1, "plan"))]
    ledger(tmp_path, "sp-20261122-001", header(), *steps)
    found = [read_step(tmp_path, "sp-20261122-001", until_s) for until_s in (100.0, 102.0, 1_000.0)]
    assert [(step["wave"], step["phase"]) for step in found] == [(-1, "ship"), (0, "exec"), (1, "plan")]
