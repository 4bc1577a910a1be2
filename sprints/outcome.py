"""What came back from an agent for one item: an answer or an error, and what was counted on the way.

It is what somebody says, no verdict: that takes evidence. Made by whoever dispatches, read by who judges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the task of an item ended.

    item: its id.  ok: whether it answered.  value: the answer; None where it failed.  error_type, error: the failure's name and
    message.  agent: who did it, where that is known.  ran_s, waited_s: seconds with the agent, and before it.  effects: what it
    did, counted by kind, such as `{"fields": 1, "steps": 2}`.  wrong: artifacts that were found to be no evidence where it was
    done, each with why.
    """

    item: str
    ok: bool
    value: Any = None
    error_type: str | None = None
    error: str | None = None
    agent: str | None = None
    ran_s: float | None = None
    waited_s: float | None = None
    effects: Mapping[str, int] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)
