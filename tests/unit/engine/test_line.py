"""A refused verb is raised as the error that it was, whoever asked."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import EngineError, IntakeFull, JournalFailed, NotRequeued, ResultGone, TaskOpen, UnknownTask
from engine.line import error_of
from pools.errors import BadArgument, KindNotLoaded, TaskFailed, TooManyAgents


@pytest.mark.parametrize("leaf", [IntakeFull, JournalFailed, NotRequeued, ResultGone, TaskOpen, UnknownTask])
def test_an_error_about_a_task_is_itself_again(leaf: type[EngineError]) -> None:
    error = error_of({"error": [leaf.__name__, "said so", leaf.retry_after_s]})
    assert type(error) is leaf
    assert str(error) == "said so"
    assert error.retry_after_s == leaf.retry_after_s


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"error": ["BadArgument", "x", None]}, BadArgument),
        ({"error": ["KindNotLoaded", "x", None], "trace": "t"}, KindNotLoaded),
        ({"error": ["TooManyAgents", "x", None], "limit": 5, "where": "p"}, TooManyAgents),
        ({"error": ["EngineStopped", "x", 1.0]}, EngineError),
        ({"error": ["ValueError", "x", None]}, ValueError),
        ({"error": ["Strange", "x", None]}, TaskFailed),
    ],
)
def test_every_other_error_is_as_near_as_can_be(said: dict[str, Any], kind: type[Exception]) -> None:
    assert type(error_of(said)) is kind
