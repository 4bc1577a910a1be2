"""Checkpoints of an agent's tasks in lines of text, as `checkpoints show` has them below the state.

Owns the columns, and how much of a value is shown; all of it is in the JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from engine.cli.screen import Screen
from engine.cli.table import Column, table

__all__ = ["waypoint_lines"]

#: Characters of a value that are shown: what fits beside the rest into a wide terminal.
VALUE_CHARS = 40
COLUMNS = (
    Column("REVISION", is_right=True),
    Column("CHECKPOINT"),
    Column("PROGRESS", is_right=True),
    Column("MADE", rank=1),
    Column("TASK", rank=4),
    Column("PARTIAL RESULT", rank=2),
    Column("STATE", rank=3),
)


def waypoint_lines(checkpoints: Sequence[dict[str, Any]], screen: Screen) -> list[str]:
    """The lines of the table. checkpoints: as `Checkpoint.as_dict` has them, oldest first."""
    return table(COLUMNS, [_row(one) for one in checkpoints], screen)


def _row(one: dict[str, Any]) -> list[str]:
    progress = one["progress"]
    return [
        str(one["revision"]),
        one["kind"],
        "-" if progress is None else f"{progress:.0%}",
        time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one["at_s"])),
        one["task_id"] or "-",
        _value(one["partial_result"]),
        _value(one["state"]),
    ]


def _value(value: Any) -> str:
    if value is None:
        return "-"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_CHARS else f"{text[: VALUE_CHARS - 1]}…"
