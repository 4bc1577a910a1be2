"""A task that is held back knows until when it is of use, and what it becomes when it leaves."""

from __future__ import annotations

from typing import Any

import pytest

from engine.demand import Demand, task_of
from engine.options import Options
from engine.submission import submission_of
from pools.lane import Named


@pytest.mark.parametrize(
    ("due_s", "timeout_s", "until_s"), [(None, None, None), (5.0, None, 5.0), (None, 2.0, 12.0), (11.0, 2.0, 11.0)]
)
def test_it_is_of_use_until_its_time_or_that_of_the_attempt_is_over(
    due_s: float | None, timeout_s: float | None, until_s: float | None
) -> None:
    demand = Demand("a", ("counter/1", "get"), Options(timeout_s=timeout_s), due_s, None)
    assert demand.until_s(10.0) == until_s
    assert demand.late().type == "TaskExpired"
    assert ("within 2 s" in demand.late().message) == (timeout_s is not None)


@pytest.mark.parametrize(
    ("args", "rest"),
    [({}, ()), ({"args": [1, [2]]}, (1, [2])), ({"args": {"x": 1}}, (Named({"x": 1}),)), ({"args": [[3]]}, ([3],))],
)
def test_it_leaves_as_a_stream_takes_it(args: dict[str, Any], rest: tuple[Any, ...]) -> None:
    assert task_of(submission_of({"agent": "counter/1", "method": "add", **args})) == ("counter/1", "add", *rest)
