"""A failure keeps what happened on its way between processes."""

from __future__ import annotations

from typing import Any

import pytest

from pools import errors, values
from pools.errors import Failure, PoolError, TaskFailed, failure_of, raised


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Endless(Exception):
    def __str__(self) -> str:
        return str(self)


class Odd(Exception):
    def __str__(self) -> str:
        return 5  # type: ignore[return-value]


@pytest.mark.parametrize("error", [Unspeakable(), Endless(), Odd()])
def test_an_error_whose_text_cannot_be_had_still_makes_a_failure(error: Exception) -> None:
    failure = failure_of(error)
    assert failure.type == type(error).__name__
    assert "cannot be shown" in failure.message


def test_a_long_text_is_cut() -> None:
    assert len(failure_of(ValueError("x" * 10_000)).message) == errors.MESSAGE_CHARS


def test_a_failure_can_always_be_sent() -> None:
    assert values.fault(list(failure_of(ValueError("half \udc80 a character")))) is None


@pytest.mark.parametrize(
    "name",
    [
        "BadAddress",
        "BadArgument",
        "BadReply",
        "FrameTooLarge",
        "LinkClosed",
        "MailboxFull",
        "OutboxFull",
        "Overloaded",
        "PoolFull",
        "PoolUnavailable",
        "RateLimited",
        "StateTooLarge",
        "TaskCancelled",
        "TaskExpired",
        "UnknownAgent",
        "UnknownKind",
        "UnknownMethod",
        "WorkerDied",
    ],
)
def test_the_engines_own_errors_come_back_as_themselves(name: str) -> None:
    first = getattr(errors, name)("what happened")
    back = raised(failure_of(first))
    assert type(back) is type(first)
    assert str(back) == "what happened"
    assert back.retry_after_s == first.retry_after_s


def test_what_an_agent_raised_comes_back_as_a_task_that_failed() -> None:
    back = raised(failure_of(KeyError("x")))
    assert isinstance(back, TaskFailed)
    assert (back.type, back.message, back.retry_after_s) == ("KeyError", "'x'", None)
    assert str(back) == "KeyError: 'x'"


def test_a_failure_that_passes_through_another_agent_keeps_its_first_name() -> None:
    once = raised(Failure("KeyError", "x", 2.0))
    assert failure_of(once) == Failure("KeyError", "x", 2.0)


@pytest.mark.parametrize(
    ("failure", "shown"),
    [
        (Failure("A", "b"), {"type": "A", "message": "b"}),
        (Failure("A", "b", 0.1), {"type": "A", "message": "b", "retry_after_s": 0.1}),
    ],
)
def test_a_result_line_shows_the_wait_only_where_there_is_one(failure: Failure, shown: dict[str, Any]) -> None:
    assert failure.as_dict() == shown


def test_the_errors_that_may_pass_say_when_to_try_again() -> None:
    passing = {
        name
        for name in errors.__all__
        if isinstance(leaf := getattr(errors, name), type) and issubclass(leaf, PoolError) and leaf.retry_after_s
    }
    full = {"MailboxFull", "OutboxFull", "PoolFull", "StoreFull"}
    assert passing == full | {"AgentMoving", "CircuitOpen", "LinkClosed", "PoolUnavailable", "WorkerDied"}
