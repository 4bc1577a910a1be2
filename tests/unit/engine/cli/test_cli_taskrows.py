"""A task is shown with what is known of it, for people and for programs."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

import pytest

from engine.cli.taskrows import show_task, show_tasks

TASK: dict[str, Any] = {
    "id": "0011-7", "name": "mine", "state": "failed", "agent": "counter/17", "method": "add", "attempts": 1_200,
    "accepted_s": 1_795_219_200.25, "started_s": None, "ended_s": 1_795_219_201.0, "deadline_s": 60.0,
    "cause": {"type": "ValueError", "message": "as\ntold\x1b[31m"}, "requeue_of": None, "requeued_as": "0011-9",
    "progress": None, "retried": 0, "due_s": None, "waiting_for": [], "waiting_for_count": 0, "options": {"tags": ["a", "b"]},
    "effects": None, "ran_s": None,
}  # fmt: skip


def options(**facts: Any) -> Namespace:
    """Options of a verb."""
    return Namespace(**{"json": False, "no_color": True, "quiet": False, **facts})


def test_a_table_has_a_line_for_each_task_and_no_task_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    show_tasks(options(), [TASK, TASK | {"id": "0011-8", "cause": None}])
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["ID", "STATE", "AGENT", "METHOD", "ATTEMPTS", "ACCEPTED", "WHY"]
    assert first.startswith("0011-7  failed  counter/17  add        1,200  2026-")
    assert "ValueError: as" in first
    assert "\x1b" not in first
    assert second.startswith("0011-8")
    show_tasks(options(), [])
    assert capsys.readouterr().out == ""


def test_everything_about_one_leaves_out_what_it_has_not(capsys: pytest.CaptureFixture[str]) -> None:
    show_task(options(), "s", TASK | {"args": [1, "x"]})
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert shown["called"] == "mine"
    assert shown["started"] == "-"
    assert shown["accepted"].endswith(".250")
    assert shown["deadline"] == "1 m 0 s"
    assert shown["args"] == '[1, "x"]'
    assert shown["tags"] == "a, b"
    assert "progress" not in shown
    assert "waits" not in shown
    assert "effects" not in shown
    assert "ran" not in shown
    assert shown["requeued"] == "as  0011-9"
    show_task(options(json=True), "s", TASK)
    assert json.loads(capsys.readouterr().out) == {"schema": "s", "task": TASK}


def test_a_task_that_waits_says_for_what_and_one_that_runs_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    waits = {"state": "waiting", "cause": None, "waiting_for": ["a", 2], "waiting_for_count": 7}
    show_task(options(), "s", TASK | waits)
    assert "waits        waits for a, 2 and 5 more" in capsys.readouterr().out
    runs = {"state": "running", "cause": None, "progress": 0.404}
    show_tasks(options(), [TASK | waits, TASK | runs])
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("waits for a, 2 and 5 more")
    assert second.endswith("40% of it, as it says")
    show_task(options(), "s", TASK | runs)
    assert "progress     40%" in capsys.readouterr().out


def test_what_a_task_changed_is_shown_where_it_was_counted(capsys: pytest.CaptureFixture[str]) -> None:
    show_task(options(), "s", TASK | {"effects": {"fields": 2, "te\x1bsts": 1_200}, "ran_s": 0.25})
    shown = capsys.readouterr().out
    assert "effects      fields 2, te" in shown
    assert "sts 1,200" in shown
    assert "\x1b" not in shown
    assert "ran          250 ms" in shown
    show_task(options(), "s", TASK | {"effects": {}, "ran_s": 0.25})
    assert "effects      none" in capsys.readouterr().out
