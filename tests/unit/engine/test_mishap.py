"""How a task ends that was not done depends on who took it back."""

from __future__ import annotations

import pytest

from engine.mishap import UNSENT, end_of
from engine.task import Task
from pools.errors import Failure


@pytest.mark.parametrize(
    ("wish", "failure", "state", "kind"),
    [
        (None, Failure("ValueError", "no"), "failed", "ValueError"),
        (None, Failure("MailboxFull", "full"), "failed", "MailboxFull"),
        ("cancelled", UNSENT, "cancelled", "TaskCancelled"),
        ("cancelled", Failure("StoreFull", "full"), "cancelled", "TaskCancelled"),
        ("expired", UNSENT, "expired", "TaskExpired"),
        ("expired", Failure("ValueError", "no"), "failed", "ValueError"),
    ],
)
def test_the_end_follows_the_failure_and_the_wish(wish: str | None, failure: Failure, state: str, kind: str) -> None:
    task = Task(1, None, "counter/1", "add", None, 0.0, deadline_s=2.0)
    task.wish = wish
    end = end_of(task, 3.0, failure)
    assert end.error is not None
    assert (end.state, end.error.type, end.ended_s) == (state, kind, 3.0)
    assert task.is_ending
