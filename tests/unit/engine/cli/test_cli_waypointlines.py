"""Checkpoints in lines: one each, oldest first, and of a long value its begin."""

from __future__ import annotations

import time
from typing import Any

from engine.cli.screen import Screen
from engine.cli.waypointlines import VALUE_CHARS, waypoint_lines

PIPE = Screen()


def one(revision: int, **facts: Any) -> dict[str, Any]:
    return {
        "revision": revision, "kind": "user", "at_s": 0.0, "task_id": "", "progress": None, "partial_result": None,
        "context": None, "metadata": None, "state": {},
    } | facts  # fmt: skip


def test_each_checkpoint_has_a_line_with_what_is_known_of_it() -> None:
    last = one(2, kind="progress", at_s=86_400.5, task_id="0011-5", progress=0.625, partial_result=["ä"], state={"total": 1})
    head, first, second = (line.split("  ") for line in waypoint_lines([one(1), last], PIPE))
    made = [time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_s)) for at_s in (0, 86_400)]
    assert [word for word in head if word][:3] == ["REVISION", "CHECKPOINT", "PROGRESS"]
    assert [word.strip() for word in first if word.strip()] == ["1", "user", "-", made[0], "-", "-", "{}"]
    assert [word.strip() for word in second if word.strip()] == [
        "2", "progress", "62%", made[1], "0011-5", '["ä"]', '{"total": 1}',
    ]  # fmt: skip


def test_a_long_value_is_cut_and_says_so() -> None:
    line = waypoint_lines([one(1, partial_result="x" * 1_000)], PIPE)[1]
    assert f'"{"x" * (VALUE_CHARS - 2)}…' in line
    assert "x" * VALUE_CHARS not in line
