"""How a task ends that was not done."""

from __future__ import annotations

import pytest

from engine.task import Task
from engine.undone import undone
from pools.errors import Failure


@pytest.mark.parametrize(
    ("wish", "type_", "state", "said"),
    [
        (None, "ValueError", "failed", "ValueError"),
        (None, "TaskCancelled", "cancelled", "TaskCancelled"),
        (None, "TaskExpired", "expired", "TaskExpired"),
        ("cancelled", "MailboxFull", "cancelled", "TaskCancelled"),
        ("expired", "StoreFull", "expired", "TaskExpired"),
        ("expired", "ValueError", "failed", "ValueError"),
    ],
)
def test_its_state_follows_from_its_failure_and_from_who_took_it_back(
    wish: str | None, type_: str, state: str, said: str
) -> None:
    task = Task(1, None, "counter/1", "add", None, 0.0, 3.0)
    task.wish = wish
    ending = undone(task, 2.0, Failure(type_, "why"))
    assert ending.error is not None
    assert (ending.state, ending.error.type, ending.ended_s) == (state, said, 2.0)
    assert task.is_ending
