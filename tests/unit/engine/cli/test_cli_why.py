"""The story of a task is told so that a person finds what took its time."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import pytest

from engine.cli.why import moment, show_why, standing
from tests.unit.engine.cli.test_cli_taskrows import TASK

OPTIONS = Namespace(json=False, no_color=True, quiet=False)
PLAIN = TASK | {
    "state": "done", "cause": None, "requeued_as": None, "is_any": False, "attempts": 2, "accepted_s": 1_000.0,
    "ended_s": 1_010.0,
    "deadline_s": None, "options": {},
}  # fmt: skip
TOLD: dict[str, Any] = {
    "task": PLAIN, "args": None, "args_bytes": None, "waited_for": [], "waited_for_count": 0, "attempts": [], "now_s": 1_020.0,
    "time": {"total_s": 10.0, "tasks_s": 5.0, "due_s": 0.0, "room_s": 1.0, "attempts_s": 3.0, "between_s": 1.0},
    "place": None, "obstacles": [],
}  # fmt: skip


def lines(capsys: pytest.CaptureFixture[str], told: dict[str, Any]) -> list[str]:
    """What is shown."""
    show_why(OPTIONS, told)
    return capsys.readouterr().out.splitlines()


def test_a_plain_story_has_what_was_asked_and_where_the_time_went(capsys: pytest.CaptureFixture[str]) -> None:
    shown = lines(capsys, TOLD)
    assert shown[0].split() == ["task", "0011-7,", "called", "mine"]
    assert shown[1] == "is        done after 10 s"
    assert shown[2] == "asked     counter/17 add"
    assert [line.split() for line in shown[-6:]] == [
        ["waited", "for", "other", "tasks", "5", "s", "50%"],
        ["waited", "for", "its", "time", "0", "µs", "0%"],
        ["waited", "for", "room", "1", "s", "10%"],
        ["with", "its", "worker", "3", "s", "30%"],
        ["between", "attempts", "1", "s", "10%"],
        ["in", "all", "10", "s"],
    ]
    assert not any(line.startswith(("WAITED FOR", "ATTEMPT", "deadline", "held")) for line in shown)


def test_what_it_waited_for_each_attempt_and_who_holds_it_up_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    error = {"type": "ValueError", "message": "as told\x1b[31m"}
    task = PLAIN | {
        "state": "running", "ended_s": None, "is_any": True, "deadline_s": 60.0, "progress": 0.5, "requeue_of": "0011-2",
        "options": {"priority": "high", "tags": ["a", "b"], "after": ["x"]},
    }  # fmt: skip
    told = TOLD | {
        "task": task, "args": [1, "x"], "args_bytes": 7, "waited_for_count": 101,
        "waited_for": [{"task": "x", "id": None, "state": "unknown", "ended_s": None, "waited_s": 5.0}],
        "attempts": [
            {"started_s": 1_006.0, "ended_s": 1_008.0, "agent": "counter/3", "error": error},
            {"started_s": 1_009.0, "ended_s": None, "agent": "counter/17", "error": None},
        ],
        "place": {"agent": "counter/17", "pool": "p1", "worker": "p1/0", "state": "down", "reason": "x"},
        "obstacles": [{"what": "worker", "text": "worker p1/0 is down: x"}],
    }  # fmt: skip
    text = "\n".join(lines(capsys, told))
    for line in (
        "is          running now: 50% of it, as it says", 'asked       any agent of counter add [1, "x"]',
        f"deadline    {moment(1_060.0)}", "options     priority high, tags a, b", "held by     worker p1/0 is down: x",
        "agent       counter/17, pool p1, worker p1/0 (down)", "requeue of  0011-2", "x           -   unknown  5 s",
        "and 100 more", "2 s  counter/3   ValueError: as told", "11 s  counter/17  running",
    ):  # fmt: skip
        assert line in text, text
    assert "\x1b" not in text
    large = lines(capsys, TOLD | {"args_bytes": 12_000})
    assert "asked     counter/17 add, 12,000 bytes of arguments" in large


def test_a_task_says_in_a_few_words_why_it_is_not_done() -> None:
    assert standing(PLAIN) == ""
    assert standing(PLAIN | {"state": "waiting", "due_s": 1_000.0}) == f"waits until {moment(1_000.0)}"
    retried = {"state": "waiting", "due_s": 1_000.0, "retried": 1, "attempts": 1}
    assert standing(PLAIN | retried) == f"waits until {moment(1_000.0)} for attempt 2"
    assert moment(None) == "-"
