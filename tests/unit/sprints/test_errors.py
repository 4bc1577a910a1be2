"""An error says what, which and where, and keeps its facts."""

from __future__ import annotations

import inspect

import pytest

from engine.errors import AGAIN, WRONG, exit_code
from sprints import errors
from sprints.errors import BacklogCycle, BadBacklog, BadImport, SprintBusy, SprintOver, TooManySprints, UnknownSprint


def test_every_error_of_the_floor_has_its_base_and_is_promised() -> None:
    found = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}
    assert found == set(errors.__all__)
    assert all(issubclass(getattr(errors, name), errors.SprintError) for name in found)


def test_a_fault_of_a_backlog_says_where_it_stands() -> None:
    assert str(BadBacklog("is missing", key="tasks[0].id", place="app.yaml:7")) == "app.yaml:7: tasks[0].id: is missing"
    assert str(BadBacklog("is missing")) == "is missing"
    assert str(BacklogCycle(["a", "b", "a"], place="app.yaml:7")) == "app.yaml:7: these tasks wait for each other: a -> b -> a"
    assert str(BadImport("no task", line=3)) == "line 3: no task"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadBacklog("x"), WRONG),
        (BacklogCycle(["a", "a"]), WRONG),
        (BadImport("x"), WRONG),
        (SprintOver("sp-20261121-001", "go on"), WRONG),
        (UnknownSprint("sp-20261121-001"), WRONG),
        (SprintBusy("app", "sp-20261121-001"), AGAIN),
        (TooManySprints("20261121", 9), AGAIN),
    ],
)
def test_every_error_has_its_exit_code_and_says_when_to_try_again(error: errors.SprintError, code: int) -> None:
    assert exit_code(error) == code
    assert (error.retry_after_s is not None) == (code == AGAIN)
    assert str(error)


def test_a_circle_of_steps_is_named_with_its_members() -> None:
    error = errors.WorkflowCycle(["a", "b", "a"])
    assert error.circle == ("a", "b", "a")
    assert "a after b after a" in str(error)
