"""A word for how a sprint stands, from its ledger alone."""

from __future__ import annotations

from typing import Any

import pytest

from engine.cli.sprintlines import began, moment, row_of, state_of
from sprints.chronicle import chronicle_of

BEGIN: list[dict[str, Any]] = [
    {"e": "sprint", "s": 0.0, "at": 1_795_219_200.0, "id": "sp-20261121-001", "backlog": "app", "agents": 1},
    {"e": "phase", "s": 0.0, "wave": 0, "phase": "exec", "planned_s": 720.0},
    {"e": "planned", "s": 0.0, "wave": 0, "items": ["a"]},
]
DONE: dict[str, Any] = {"e": "receipt", "s": 1.0, "item": "a", "verdict": "done"}
END: dict[str, Any] = {"e": "ended", "s": 2.0}
SHIPPED: dict[str, Any] = {"e": "shipped", "s": 1.5, "release": "0002-x", "items": ["a"]}


@pytest.mark.parametrize(
    ("events", "is_running", "word"),
    [
        ([], True, "exec"),
        ([], False, "stopped"),
        ([{"e": "paused", "s": 1.0}], True, "paused"),
        ([{"e": "paused", "s": 1.0}, {"e": "resumed", "s": 2.0}], True, "exec"),
        ([{"e": "paused", "s": 1.0}], False, "stopped"),
        ([END], False, "left some"),
        ([DONE, END], False, "done"),
        ([{"e": "aborted", "s": 1.0, "why": "x"}, END], False, "aborted"),
        ([DONE, SHIPPED, END, {"e": "rolled_back", "s": 2.0, "from": "0002-x", "to": "0001-y"}], False, "rolled back"),
        ([DONE, SHIPPED, END, {"e": "rolled_back", "s": 2.0, "from": "0001-y", "to": "0002-x"}], False, "done"),
        ([DONE, SHIPPED, END, {"e": "rolled_back", "s": 2.0, "from": "0002-x", "to": "0010-z"}], False, "done"),
    ],
)
def test_how_it_stands(events: list[dict[str, Any]], is_running: bool, word: str) -> None:
    told = chronicle_of([*BEGIN, *events])
    assert state_of(told, is_running=is_running) == word
    assert row_of(told, is_running=is_running)[4] == word
    assert began(told) == "2026-11-21 00:00:00"
    told.damage = "ledger.jsonl:2: it was changed"
    assert state_of(told) == "damaged"


def test_a_moment_of_one_that_runs() -> None:
    counts = dict.fromkeys(("done", "failed", "unproven", "expired", "cancelled"), 1) | {"planned": 9}
    status = {"sprint": "sp-1", "backlog": "app", "phase": "exec", "counts": counts, "is_paused": False, "left_s": 60.0}
    assert moment(status) == "sp-1 exec, 5 of 9 ended, 1 done, 1 m 0 s left"
    assert moment(status | {"is_paused": True}).endswith("paused")
    assert moment({"backlog": "app"}) == "app: about to begin"
