"""The tasks of the measurements, and the check that a wrong reply does not pass."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.tasks import Passes, TaskList, mixed_tasks, once_each, turn_tasks


def run_on(agents: dict[str, int], tasks: TaskList) -> list[Any]:
    """What counters that hold `agents` return."""
    got = []
    for key, method, *args in tasks.tasks:
        agents[key] = agents.get(key, 0) + (args[0] if method == "add" else 0)
        got.append(agents[key])
    return got


@given(seed=st.integers(0, 2**32), count=st.integers(1, 200), agents=st.integers(1, 20), passes=st.integers(1, 4))
def test_the_replies_are_those_of_counters_in_every_pass(seed: int, count: int, agents: int, passes: int) -> None:
    tasks = mixed_tasks(count, agents=agents, seed=seed)
    held: dict[str, int] = {}
    for number in range(passes):
        assert run_on(held, tasks) == tasks.replies_of_pass(number)


@given(seed=st.integers(0, 2**32), count=st.integers(1, 200), parts=st.integers(1, 5))
def test_a_split_keeps_each_agent_with_one_worker_and_its_tasks_in_order(seed: int, count: int, parts: int) -> None:
    tasks = mixed_tasks(count, agents=20, seed=seed)
    shares = tasks.split(parts)
    assert sorted(task for share in shares for task in share.tasks) == sorted(tasks.tasks)
    for number, share in enumerate(shares):
        assert all(int(key.partition("/")[2]) % parts == number for key, *_ in share.tasks)
        assert run_on({}, share) == share.replies


def test_calls_and_tasks_are_the_same_in_two_forms() -> None:
    tasks = mixed_tasks(100)
    assert [(key, method, *([] if argument is None else [argument])) for key, method, argument in tasks.calls] == tasks.tasks


def test_the_same_seed_gives_the_same_tasks_and_another_one_others() -> None:
    assert mixed_tasks(100, seed=1) == mixed_tasks(100, seed=1)
    assert mixed_tasks(100, seed=1) != mixed_tasks(100, seed=2)


def test_both_methods_are_mixed_about_evenly() -> None:
    added = [method for _, method, _ in mixed_tasks(10_000).calls].count("add")
    assert 4_500 < added < 5_500


def test_tasks_in_turn_meet_every_agent_before_one_comes_again() -> None:
    assert [key for key, *_ in turn_tasks(5, agents=3).tasks] == [
        "counter/0",
        "counter/1",
        "counter/2",
        "counter/0",
        "counter/1",
    ]


def test_once_each_asks_each_agent_of_a_range_one_thing() -> None:
    assert once_each(2, 4, amount=5).tasks == [("counter/2", "add", 5), ("counter/3", "add", 5)]
    assert once_each(2, 4).tasks == [("counter/2", "get"), ("counter/3", "get")]


def test_a_pass_with_the_right_replies_is_counted() -> None:
    passes = Passes(mixed_tasks(50))
    passes.check(list(passes.tasks.replies))
    assert passes.done == 1
    passes.check(passes.tasks.replies_of_pass(1))
    assert passes.done == 2


def test_one_wrong_reply_is_named_and_the_pass_is_not_counted() -> None:
    passes = Passes(mixed_tasks(50))
    got: list[object] = list(passes.tasks.replies)
    got[17] = -1
    with pytest.raises(ValueError, match=r"task 17 .* returned -1"):
        passes.check(got)
    assert passes.done == 0


@pytest.mark.parametrize("left", [0, 49])
def test_missing_replies_are_found(left: int) -> None:
    passes = Passes(mixed_tasks(50))
    with pytest.raises(ValueError, match=f"task {left} .* returned 'nothing'"):
        passes.check(list(passes.tasks.replies[:left]))


def test_a_place_that_no_reply_came_to_is_found() -> None:
    passes = Passes(mixed_tasks(50))
    got: list[object] = list(passes.tasks.replies)
    got[3] = None
    with pytest.raises(ValueError, match=r"task 3 .* returned None"):
        passes.check(got)


def test_more_replies_than_tasks_are_found() -> None:
    passes = Passes(mixed_tasks(50))
    with pytest.raises(ValueError, match="51 replies to 50 tasks"):
        passes.check([*passes.tasks.replies, 0])
