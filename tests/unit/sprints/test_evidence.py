"""The one rule of `done`, and every way to miss it."""

from __future__ import annotations

from typing import Any

import pytest

from sprints.check import CheckResult
from sprints.evidence import EFFECTS, Evidence, judged
from sprints.item import Item
from sprints.outcome import Outcome
from sprints.receipt import Made

ITEM = Item("menu", "The menu", "frontend", "build", feature="menus", bug="b-1")
MADE = Made("menu.txt", "ab" * 32, 3)
PASSED, MISSED = ("expr ok", CheckResult(True)), ("expr ok", CheckResult(False, "it gives 3"))


def judge(ok: bool = True, effects: dict[str, int] | None = None, **facts: Any) -> Any:
    error = {} if ok else {"error_type": facts.pop("error_type", "ValueError"), "error": "no"}
    outcome = Outcome("menu", ok, agent="frontend/1", ran_s=0.5, effects=effects or {}, **error)
    return judged(ITEM, outcome, Evidence(**facts))


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_answer_with_an_effect_is_done(effect: str) -> None:
    receipt = judge(effects={effect: 1})
    assert (receipt.verdict, receipt.why) == ("done", None)
    assert (receipt.role, receipt.feature, receipt.bug, receipt.agent) == ("frontend", "menus", "b-1", "frontend/1")


def test_a_new_artifact_is_an_effect() -> None:
    receipt = judge(artifacts=[MADE], check=PASSED)
    assert (receipt.verdict, receipt.artifacts, receipt.check) == ("done", (MADE,), "expr ok")


@pytest.mark.parametrize("effects", [{}, {"fields": 0}, {"fields": 0, "steps": 0}, {"tests": 9, "lines": 100}, {"asks": 3}])
def test_an_answer_without_any_effect_is_unproven(effects: dict[str, int]) -> None:
    receipt = judge(effects=effects, check=PASSED)
    assert receipt.verdict == "unproven"
    assert "no effect" in receipt.why


def test_a_check_that_does_not_pass_is_a_failure_whatever_else_there_is() -> None:
    receipt = judge(effects={"fields": 1}, artifacts=[MADE], check=MISSED)
    assert receipt.verdict == "failed"
    assert receipt.why == "its check (expr ok) did not pass: it gives 3"


def test_one_wrong_artifact_is_enough_to_be_unproven() -> None:
    receipt = judge(effects={"fields": 1}, artifacts=[MADE], check=PASSED, wrong=[("b.txt", "is missing")])
    assert (receipt.verdict, receipt.why) == ("unproven", "b.txt is missing")
    many = judge(wrong=[(f"{number}", "is missing") for number in range(9)])
    assert many.why.endswith("; and 6 more")


def test_who_raised_failed_and_says_why() -> None:
    receipt = judge(ok=False, effects={"fields": 1})
    assert (receipt.verdict, receipt.error) == ("failed", "ValueError: no")
    assert receipt.why == "it ended with ValueError: no"


@pytest.mark.parametrize(("error", "verdict"), [("TaskExpired", "expired"), ("TaskCancelled", "cancelled")])
def test_who_was_too_late_or_called_back_did_not_fail(error: str, verdict: str) -> None:
    assert judge(ok=False, error_type=error).verdict == verdict


def test_a_long_or_broken_reason_fits_into_a_line() -> None:
    receipt = judged(ITEM, Outcome("menu", False, error_type="E", error="\ud800" + "x" * 10_000), Evidence())
    assert len(receipt.error or "") == 1_000
    (receipt.error or "").encode()


def test_the_names_of_errors_are_those_of_the_pools() -> None:
    from pools import errors
    from sprints.evidence import CANCELLED, EXPIRED

    assert hasattr(errors, "TaskExpired")
    assert hasattr(errors, "TaskCancelled")
    assert "TaskExpired" in EXPIRED
    assert "TaskCancelled" in CANCELLED
