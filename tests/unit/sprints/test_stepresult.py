"""What became of a step is a plain row."""

from __future__ import annotations

from sprints.stepresult import StepResult


def test_a_result_is_an_object_by_name() -> None:
    assert StepResult("a", 0, True, 5).as_dict() == {
        "step": "a", "part": 0, "ok": True, "value": 5, "error_type": None, "error": None, "task": None,
    }  # fmt: skip
