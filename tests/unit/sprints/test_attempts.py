"""Each call counts its own attempts, whoever else tries the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sprints.attempts import attempt_now, tried, tried_async


def raising(_argument: Any, error: Exception) -> Any:
    raise error


async def raising_async(_argument: Any, error: Exception) -> Any:
    raise error


def flaky(fails: int, seen: list[int]) -> Any:
    def work(argument: Any) -> Any:
        seen.append(attempt_now())
        if len(seen) <= fails:
            raise ValueError(f"attempt {len(seen)}")
        return argument

    return work


def test_work_is_tried_until_it_succeeds_with_a_pause_between() -> None:
    seen: list[int] = []
    pauses: list[float] = []
    assert tried(flaky(2, seen), raising, "x", most=5, wait_s=0.5, sleep=pauses.append) == "x"
    assert seen == [0, 1, 2]
    assert pauses == [0.5, 0.5]


def test_after_the_last_attempt_the_fallback_decides() -> None:
    with pytest.raises(ValueError, match="attempt 3"):
        tried(flaky(9, []), raising, "x", most=3, wait_s=0)
    assert tried(flaky(9, []), lambda argument, error: (argument, str(error)), "x", most=2, wait_s=0) == ("x", "attempt 2")


def test_the_fallback_knows_the_last_attempt_and_afterwards_nothing_is_left() -> None:
    assert tried(flaky(9, []), lambda _argument, _error: attempt_now(), "x", most=4, wait_s=0) == 3
    assert attempt_now() == 0


def test_work_within_work_counts_apart() -> None:
    outer: list[int] = []

    def work(_argument: Any) -> Any:
        tried(flaky(2, []), raising, "inner", most=3, wait_s=0)
        outer.append(attempt_now())
        if len(outer) < 3:
            raise ValueError
        return "done"

    assert tried(work, raising, "x", most=3, wait_s=0) == "done"
    assert outer == [0, 1, 2]


async def test_many_at_once_count_apart() -> None:
    seen: dict[int, list[int]] = {number: [] for number in range(20)}

    async def work(number: int) -> int:
        seen[number].append(attempt_now())
        await asyncio.sleep(0)
        assert attempt_now() == seen[number][-1]
        if len(seen[number]) <= number % 3:
            raise ValueError(number)
        return number

    values = await asyncio.gather(*(tried_async(work, raising_async, number, most=3, wait_s=0) for number in seen))
    assert values == list(range(20))
    assert all(attempts == list(range(number % 3 + 1)) for number, attempts in seen.items())


async def test_async_work_pauses_and_falls_back_too() -> None:
    pauses: list[float] = []

    async def pause(after_s: float) -> None:
        pauses.append(after_s)

    async def work(_argument: Any) -> Any:
        raise ValueError("never")

    with pytest.raises(ValueError, match="never"):
        await tried_async(work, raising_async, "x", most=3, wait_s=0.25, sleep=pause)
    assert pauses == [0.25, 0.25]
