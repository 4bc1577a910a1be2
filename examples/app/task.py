"""One task of a backlog as a row, and the checks that many of them share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["AS_SAID", "Row", "ids", "is_true", "task"]

Row = dict[str, Any]
#: The file is what the agent says, and what its name says.
AS_SAID: Row = {"call": "examples.app.checks:as_said"}


def is_true(expression: str) -> Row:
    """A check of an answer by an expression."""
    return {"expr": expression, "equals": True}


def task(
    role: str,
    method: str,
    args: Sequence[str],
    artifact: str,
    feature: str,
    *,
    check: Row = AS_SAID,
    after: Sequence[str] = (),
    priority: str = "normal",
) -> Row:
    """A task of one artifact, whose name it has. args: the work folder first."""
    row: Row = {
        "id": artifact.replace("/", ":"),
        "title": f"{method} {' '.join(args[1:]) or artifact}",
        "role": role,
        "method": method,
        "args": list(args),
        "feature": feature,
        "artifacts": [artifact],
        "check": check,
        "size_s": 0.01,
    }
    return row | ({"after": list(after)} if after else {}) | ({"priority": priority} if priority != "normal" else {})


def ids(rows: Sequence[Row]) -> list[str]:
    """What others wait for."""
    return [row["id"] for row in rows]
