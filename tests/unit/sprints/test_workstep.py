"""A step is read field by field; what is wrong with it is named."""

from __future__ import annotations

from typing import Any

import pytest

from sprints.errors import BadWorkflow
from sprints.workstep import ATTEMPTS, BACKOFF_S, Retry, read_step

PLAIN: dict[str, Any] = {"id": "cut", "kind": "cutter", "method": "cut"}


def read(**fields: Any) -> Any:
    return read_step({**PLAIN, **fields}, "steps.0", Retry())


def test_a_plain_step_is_tried_three_times_from_two_seconds_on() -> None:
    step = read()
    assert (step.retry.attempts, step.retry.backoff_s) == (ATTEMPTS, BACKOFF_S) == (3, 2.0)
    assert (step.route, step.address, step.after, step.may_fail) == ("workflow", "cutter", (), False)


def test_an_agent_is_asked_directly() -> None:
    step = read_step({"id": "a", "agent": "cutter/0", "method": "cut"}, "steps.0", Retry())
    assert (step.route, step.address) == ("direct", "cutter/0")


def test_it_waits_for_what_it_refers_to() -> None:
    step = read(after="first", each="${list}", args=["${item}", {"x": "${other.part}"}, "${input.file}"])
    assert step.after == ("first", "other", "list")


@pytest.mark.parametrize(
    ("fields", "path", "said"),
    [
        ({"id": "a b"}, "steps.0.id", "is no id"),
        ({"id": "item"}, "steps.0.id", "not input, item, part"),
        ({"metod": "x"}, "steps.0.metod", "did you mean 'method'"),
        ({"method": "a-b"}, "steps.0.method", "as text"),
        ({"args": 7}, "steps.0.args", "a list of arguments"),
        ({"args": ["x ${y}"]}, "steps.0.args", "stands alone"),
        ({"args": ["${item}"]}, "steps.0.args", "`each`"),
        ({"kind": None}, "steps.0", "either"),
        ({"agent": "a/0"}, "steps.0", "either"),
        ({"kind": "a/0"}, "steps.0.kind", "name of a kind"),
        ({"route": "all"}, "steps.0.route", "direct, broadcast or workflow"),
        ({"route": "direct"}, "steps.0.route", "to an agent"),
        ({"each": ["a"]}, "steps.0.each", "earlier step"),
        ({"each": "${item}"}, "steps.0.each", "earlier step"),
        ({"each": "x ${a}"}, "steps.0.each", "stands alone"),
        ({"each": "${a}", "args": ["${item!}"]}, "steps.0.args", "an item is none"),
        ({"each": "${a}", "route": "broadcast"}, "steps.0.each", "part for each agent already"),
        ({"after": 3}, "steps.0.after", "list of the ids"),
        ({"may_fail": "no"}, "steps.0.may_fail", "true or false"),
        ({"retry": 3}, "steps.0.retry", "an object"),
        ({"retry": {"attempts": 0}}, "steps.0.retry.attempts", "from 1"),
        ({"retry": {"backoff_s": 0}}, "steps.0.retry.backoff_s", "seconds"),
        ({"retry": {"times": 1}}, "steps.0.retry.times", "no field"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(fields: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(BadWorkflow, match=said) as refused:
        read(**fields)
    assert refused.value.path == path


def test_a_step_is_an_object() -> None:
    with pytest.raises(BadWorkflow, match="an object"):
        read_step("cut", "steps.0", Retry())
