"""Each error of the floor is one of it, and knows its facts."""

from __future__ import annotations

from sprints import errors


def test_every_error_is_of_the_floor() -> None:
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), errors.SprintError)


def test_a_circle_is_named_with_its_members() -> None:
    error = errors.WorkflowCycle(["a", "b", "a"])
    assert error.circle == ("a", "b", "a")
    assert "a after b after a" in str(error)
