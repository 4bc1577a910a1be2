"""What is submitted is what is done: a task line, a tuple or a row is read as it is meant, or refused by what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest

from engine import task as module
from engine.errors import IntakeFull, SubmitStopped
from engine.task import (
    NAME_CHARS,
    SUBMIT_MOST,
    Submission,
    Task,
    exact,
    outcome,
    rows_of,
    submission_of,
    submissions_of,
    submit_parts,
)
from pools.errors import BadAddress, BadArgument, Failure, TaskCancelled, TaskFailed


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (("counter/1", "add", 2), Submission(None, "counter/1", "add", 2, None)),
        (("counter/1", "get"), Submission(None, "counter/1", "get", None, None)),
        (("counter", "pair", 1, 2), Submission(None, "counter", "pair", [1, 2], None)),
        (("counter/1", "any", None), Submission(None, "counter/1", "any", [None], None)),
        ({"id": "a", "agent": "counter/1", "method": "add", "args": [2]}, Submission("a", "counter/1", "add", 2, None)),
        ({"kind": "counter", "method": "add", "args": {"x": 2}}, Submission(None, "counter", "add", {"x": 2}, None)),
        ({"id": 7, "agent": "counter/1", "method": "get", "deadline_s": 5}, Submission(7, "counter/1", "get", None, 5.0)),
    ],
)
def test_a_line_and_its_row_are_the_same_submission(line: Any, meant: Submission) -> None:
    assert submission_of(line) == meant
    assert submission_of(meant) is meant
    assert submissions_of(rows_of([meant, meant])) == [meant, meant]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (5, "a task is a tuple"),
        ({"agent": "counter/1"}, "method"),
        ({"agent": "counter/1", "method": "get", "priority": 1}, "priority"),
        ({"agent": "counter/1", "method": "get", "deadline_s": 0}, "deadline_s"),
        ({"agent": "counter/1", "method": "get", "deadline_s": float("nan")}, "deadline_s"),
        ({"agent": "counter/1", "method": "get", "deadline_s": True}, "deadline_s"),
        ({"agent": "counter/1", "method": "get", "deadline_s": 1e9}, "deadline_s"),
        ({"agent": "counter/1", "method": "get", "id": [1]}, '"id"'),
        ({"agent": "counter/1", "method": "get", "id": "x" * (NAME_CHARS + 1)}, '"id"'),
        ({"agent": "counter/1", "method": "get", "id": 2**64}, '"id"'),
        (("counter/1", "x" * (NAME_CHARS + 1)), "a method"),
        (("counter/1", "add", float("nan")), "nan"),
        (("counter/1", "add", 2**64), "64 bits"),
        (("counter/1", "add", {1, 2}), "set"),
        (("counter/1", "add", "\udc80"), "surrogate"),
    ],
)
def test_a_line_that_cannot_be_done_as_it_is_meant_is_refused(line: Any, said: str) -> None:
    with pytest.raises(BadArgument, match=said):
        submission_of(line)


@pytest.mark.parametrize("address", ["Counter/1", "counter/", "co unter", "/1", "counter/1/2", ""])
def test_an_address_that_names_nothing_is_refused(address: str) -> None:
    with pytest.raises(BadAddress):
        submission_of((address, "get"))
    with pytest.raises(BadAddress):
        submissions_of([[address, "get", None, None, None]])


@pytest.mark.parametrize("rows", [None, {}, [], "x", [None], [[]], [["counter/1", "get"]], [[1, "get", None, None, None]],
                                  [["a/1", "get", None, None, None]] * (SUBMIT_MOST + 1)])  # fmt: skip
def test_rows_of_another_shape_are_refused(rows: Any) -> None:
    with pytest.raises(BadArgument):
        submissions_of(rows)


async def test_many_tasks_are_submitted_in_parts_and_a_refusal_says_which_were_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SUBMIT_TASKS", 4)
    room = 7
    parts: list[int] = []

    async def accept(part: Sequence[Submission]) -> list[str]:
        nonlocal room
        if len(part) > 2:  # as one that is too large for a frame
            return await submit_parts(part, accept, 2)
        if room < len(part):
            raise IntakeFull("full")
        room -= len(part)
        parts.append(len(part))
        return [str(room + 1 + at) for at in range(len(part))]

    lines = [submission_of(("counter/1", "get"))] * 10
    with pytest.raises(SubmitStopped, match="6 of 10 tasks were accepted") as caught:
        await submit_parts(lines, accept)
    assert (len(caught.value.ids), parts, caught.value.retry_after_s) == (6, [2, 2, 2], 1.0)
    with pytest.raises(IntakeFull):
        await submit_parts(lines[:3], accept, 2)
    assert await submit_parts([], accept) == []


def test_json_is_kept_in_no_more_memory_than_it_is_long() -> None:
    value = list(range(1_000))
    text = exact(value)
    assert sys.getsizeof(text) == len(text) + sys.getsizeof(b"")


def test_the_outcome_of_a_task_is_its_value_or_its_error() -> None:
    task = Task(1, None, "counter/1", "get", None, 0.0)
    task.value = b"[1,null]"
    assert outcome(task) == [1, None]
    task.value = b"null"
    assert outcome(task) is None
    task.value, task.error = None, Failure("ValueError", "as told")
    with pytest.raises(TaskFailed, match="as told"):
        outcome(task)
    task.error = Failure("TaskCancelled", "gone")
    with pytest.raises(TaskCancelled):
        outcome(task)


def test_the_size_of_a_task_grows_with_what_it_holds() -> None:
    small = Task(1, None, "counter/1", "get", None, 0.0)
    large = Task(1, "name", "counter/1", "get", b"x" * 1_000, 0.0)
    assert large.size_bytes >= small.size_bytes + 1_000
    ending = small.end("done", 5.0, value=b"1")
    assert (ending.task, ending.state, ending.ended_s, ending.value, ending.error) == (small, "done", 5.0, b"1", None)
    assert small.is_ending
    assert (small.state, small.ended_s) == ("queued", None)
