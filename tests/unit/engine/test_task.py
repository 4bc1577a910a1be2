"""A task says what was asked of it and what became of it, in as little memory as that takes."""

from __future__ import annotations

import sys

import pytest

from engine.options import Options
from engine.task import Task, exact
from pools.errors import Failure, TaskCancelled, TaskFailed


def test_json_is_kept_in_no_more_memory_than_it_is_long() -> None:
    value = list(range(1_000))
    text = exact(value)
    assert sys.getsizeof(text) == len(text) + sys.getsizeof(b"")


def test_the_outcome_of_a_task_is_its_value_or_its_error() -> None:
    task = Task(1, None, "counter/1", "get", None, 0.0)
    task.value = b"[1,null]"
    assert task.outcome() == [1, None]
    task.value = b"null"
    assert task.outcome() is None
    task.value, task.error = None, Failure("ValueError", "as told")
    with pytest.raises(TaskFailed, match="as told"):
        task.outcome()
    task.error = Failure("TaskCancelled", "gone")
    with pytest.raises(TaskCancelled):
        task.outcome()


def test_the_size_of_a_task_grows_with_what_it_holds() -> None:
    small = Task(1, None, "counter/1", "get", None, 0.0)
    large = Task(1, "name", "counter/1", "get", b"x" * 1_000, 0.0)
    assert large.size_bytes >= small.size_bytes + 1_000
    ending = small.end("done", 5.0, value=b"1")
    assert (ending.task, ending.state, ending.ended_s, ending.value, ending.error) == (small, "done", 5.0, b"1", None)
    assert small.is_ending
    assert (small.state, small.ended_s) == ("queued", None)


def test_a_task_whose_effects_are_counted_ends_with_them_and_any_other_with_what_came() -> None:
    plain = Task(1, None, "counter/1", "get", None, 0.0)
    ending = plain.done(5.0, [1, {"fields": 1}, 0.5])
    assert (ending.state, ending.value, ending.effects, ending.ran_s) == ("done", b'[1,{"fields":1},0.5]', None, None)
    counted = Task(1, None, "counter/1", "get", None, 0.0, options=Options(count_effects=True))
    ending = counted.done(5.0, [[1], {"fields": 1, "tests": 12}, 0.5])
    assert (ending.state, ending.ended_s, ending.value) == ("done", 5.0, b"[1]")
    assert (ending.effects, ending.ran_s) == ({"fields": 1, "tests": 12}, 0.5)
    assert ending.size_bytes > plain.end("done", 5.0, value=b"[1]").size_bytes + len("fieldstests")
    before = counted.kept_bytes
    counted.effects = ending.effects
    assert counted.kept_bytes > before + len("fieldstests")
