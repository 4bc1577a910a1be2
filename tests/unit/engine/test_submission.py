"""What is submitted is what is done: a task line, a tuple or a row is read as it is meant, or refused by what is wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from engine import submission as module
from engine.errors import IntakeFull, SubmitStopped
from engine.options import NAME_CHARS, Options
from engine.submission import SUBMIT_MOST, Submission, rows_of, submission_of, submissions_of, submit_parts
from pools.errors import BadAddress, BadArgument

LATER = Options(priority="low", retries=3, retry_on=("ValueError",), backoff_s=2.0)


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
        (
            {"kind": "counter", "method": "get", "priority": "Critical", "after": ["a", 2, "a"], "sticky": "x", "key": "k"},
            Submission("k", "counter", "get", None, None, ("a", 2), "x", Options(priority="critical")),
        ),
        (
            {"agent": "counter/1", "method": "get", "priority": "low", "retries": 3, "retry_on": "ValueError", "backoff_s": 2},
            Submission(
                None,
                "counter/1",
                "get",
                None,
                None,
                options=LATER,
            ),
        ),
        (
            {"skills": ["search"], "method": "get"},
            Submission(None, "*", "get", None, None, options=Options(skills=("search",))),
        ),
        (
            {"agent": "counter/1", "method": "get", "tags": ["a", "b"], "tenant": "t", "timeout_s": 1, "delay_s": 0, "id": "n"},
            Submission("n", "counter/1", "get", None, None, options=Options(tags=("a", "b"), tenant="t", timeout_s=1.0)),
        ),
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
        ({"agent": "counter/1", "method": "get", "priority": 1}, "priority is low, normal, high or critical, not 1"),
        ({"agent": "counter/1", "method": "get", "priority": "urgent"}, "not 'urgent'"),
        ({"agent": "counter/1", "method": "get", "timeout_s": -1}, "timeout_s"),
        ({"agent": "counter/1", "method": "get", "delay_s": -1}, "delay_s"),
        ({"agent": "counter/1", "method": "get", "delay_s": 5, "deadline_s": 4}, "expire after 4 s"),
        ({"agent": "counter/1", "method": "get", "deadline_at": 100.0}, "in the past"),
        ({"agent": "counter/1", "method": "get", "deadline_at": 9e9, "deadline_s": 4}, "either"),
        ({"agent": "counter/1", "method": "get", "after": [[1]]}, "after"),
        ({"agent": "counter/1", "method": "get", "after": [""]}, "after"),
        (
            {"agent": "counter/1", "method": "get", "after": ["x"], "after_failed": "shrug"},
            "after_failed is fail, wait or ignore",
        ),
        ({"agent": "counter/1", "method": "get", "retries": 101}, "retries"),
        ({"agent": "counter/1", "method": "get", "retries": True}, "retries"),
        ({"agent": "counter/1", "method": "get", "retry_on": [1]}, "retry_on"),
        ({"agent": "counter/1", "method": "get", "backoff_s": 0}, "backoff_s"),
        ({"agent": "counter/1", "method": "get", "tags": ["x"] * 33}, "tags"),
        ({"agent": "counter/1", "method": "get", "tenant": 5}, "tenant"),
        ({"agent": "counter/1", "method": "get", "sticky": "x"}, "sticky"),
        ({"agent": "counter/1", "method": "get", "skills": ["x"]}, "skills choose an agent"),
        ({"skills": ["x"], "method": "get", "sticky": "a"}, "sticky"),
        ({"skills": [], "method": "get"}, "names either"),
        ({"agent": "counter/1", "method": "get", "id": "a", "key": "b"}, "twice"),
        ({"agent": "counter/1", "method": "get", "deadline_s": 0}, "deadline_s"),
        ({"agent": "counter/1", "method": "get", "deadline_s": float("nan")}, "deadline_s"),
        ({"agent": "counter/1", "method": "get", "deadline_s": True}, "deadline_s"),
        ({"agent": "counter/1", "method": "get", "deadline_s": 1e9}, "deadline_s"),
        ({"agent": "counter/1", "method": "get", "id": [1]}, '"id"'),
        ({"agent": "counter/1", "method": "get", "wish": 1}, "no field 'wish'"),
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


def test_defaults_are_for_what_a_line_does_not_say() -> None:
    defaults = Options(priority="high", retries=3)
    for line in (("counter/1", "add", 2), {"agent": "counter/1", "method": "add", "args": [2]}):
        assert submission_of(line, defaults=defaults) == Submission(None, "counter/1", "add", 2, None, options=defaults)
    line = {"agent": "counter/1", "method": "add", "priority": "normal", "tags": "a"}
    assert submission_of(line, defaults=defaults).options == Options(retries=3, tags="a")
    read = submission_of(line)
    assert submission_of(read, defaults=defaults) is read  # who has read it knew what it says
    with pytest.raises(BadArgument, match="they are for tasks that name a kind"):
        submission_of(("counter/1", "add"), defaults=Options(skills="math"))
    with pytest.raises(BadArgument, match="would expire"):
        submission_of({"agent": "counter/1", "method": "add", "deadline_s": 1}, defaults=Options(delay_s=2))
    (back,) = submissions_of(rows_of([submission_of(line, defaults=defaults)]))
    assert back.options == Options(retries=3, tags="a")


@pytest.mark.parametrize("at_s", [10**400, -(10**400), float("inf"), float("nan"), -1, 0, "5", True, 253_402_300_800])
def test_a_moment_that_no_clock_shows_is_no_deadline(at_s: Any) -> None:
    with pytest.raises(BadArgument, match="deadline_at, since 1970, is a number of seconds"):
        submission_of({"agent": "counter/1", "method": "add", "deadline_at": at_s})


def test_a_field_that_is_null_was_not_said() -> None:
    line = {"agent": "counter/1", "method": "add", "id": None, "after": None}
    assert submission_of(line) == submission_of({**line, "priority": None}) == Submission(None, "counter/1", "add", None, None)


def test_options_are_options() -> None:
    wrong: Any = {"priority": "high"}
    with pytest.raises(BadArgument, match=r"Options\(priority='high'\), got dict"):
        submission_of(("counter/1", "add"), defaults=wrong)


def test_a_moment_travels_as_it_was_said() -> None:
    line = {"agent": "counter/1", "method": "add", "deadline_at": time.time() + 60}
    (back,) = submissions_of(rows_of([submission_of(line)]))
    assert back.deadline_at == line["deadline_at"]
