"""One task of a backlog, and the reading of its row.

Owns what a row may say: every key with its type and its limit. What stands in other rows (who is waited for, who has the same
name) is the backlog's to check. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Item"]


@dataclass(frozen=True, slots=True)
class Item:
    """A task that a sprint may take.

    role: who does it, one of the backlog's.  args: positional ones as a list, named ones as a mapping, None for none.
    after: ids of those that must be done before.  value: what it is worth, in the unit of the backlog.  size_s: seconds that it
    is taken to need.  feature, bug: what it belongs to.  check: what proves it, see `sprints/check.py`.  artifacts: files that
    it must have written, relative to the work folder.  timeout_s: of one attempt.  retries: attempts beyond the first.
    """

    id: str
    title: str
    role: str
    method: str
    args: list[Any] | dict[str, Any] | None = None
    priority: str = "normal"
    after: tuple[str, ...] = ()
    value: float = 1.0
    size_s: float = 1.0
    feature: str | None = None
    bug: str | None = None
    tags: tuple[str, ...] = ()
    check: Mapping[str, Any] | None = None
    artifacts: tuple[str, ...] = ()
    timeout_s: float | None = None
    retries: int = 0
