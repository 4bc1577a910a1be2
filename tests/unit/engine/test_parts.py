"""A task in parts: all of them, in order, and one end."""

from __future__ import annotations

import asyncio
from asyncio import Future
from typing import Any

import pytest

from engine.foreseen import Foreseen
from engine.parts import Parts
from pools.errors import BadReply, Failure, TaskFailed
from pools.spec import ForesightSpec
from tests.support.grounds import Plain


class Asked:
    """Answers as agents would: `split` makes parts of two, `total` adds up, the last part first."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.taken_back: list[Future[Any]] = []
        self.answer: Any = None

    def ask(self, address: str, method: str, *arguments: Any, **named: Any) -> Future[Any]:
        loop = asyncio.get_running_loop()
        self.calls.append((address, method, *arguments, *named.items()))
        future: Future[Any] = loop.create_future()
        if method == "split":
            items = arguments[1]["items"] if type(arguments[1]) is dict else arguments[1][0]
            parts = [[items[at : at + 2]] for at in range(0, len(items), 2)]
            future.set_result(parts if self.answer is None else self.answer)
        elif method == "join":
            future.set_result(arguments[1])
        elif arguments and arguments[0][0] == "hang":
            pass
        else:
            after_s = 0.02 if arguments and arguments[0][0] == 0 else 0.0
            loop.call_later(after_s, self._end, future, arguments)
        return future

    def _end(self, future: Future[Any], arguments: tuple[Any, ...]) -> None:
        if future.done():
            return
        if arguments and arguments[0][0] == "bad":
            future.set_exception(TaskFailed(Failure("KeyError", "bad")))
        else:
            future.set_result(arguments[0] if arguments else None)

    def cancel(self, future: Future[Any]) -> None:
        self.taken_back.append(future)


def parts() -> tuple[Parts, Asked, Foreseen]:
    asked, foreseen = Asked(), Foreseen(ForesightSpec(), Plain(), lambda: 0.0)
    return Parts(asked, foreseen), asked, foreseen  # type: ignore[arg-type]


async def test_results_are_joined_in_the_order_of_the_parts_whoever_ends_first() -> None:
    made, asked, _ = parts()
    assert await made.run("scout", "total", [[0, 1, 2, 3, 4]]) == [[0, 1], [2, 3], [4]]
    assert [call[1] for call in asked.calls] == ["split", "total", "total", "total", "join"]
    assert asked.calls[0] == ("scout/0", "split", "total", [[0, 1, 2, 3, 4]])
    assert asked.calls[-1][1:3] == ("join", "total")


async def test_arguments_by_name_are_split_by_name() -> None:
    made, asked, _ = parts()
    assert await made.run("scout", "total", {"items": [1, 2, 3]}) == [[1, 2], [3]]
    assert asked.calls[0] == ("scout/0", "split", "total", {"items": [1, 2, 3]})


async def test_what_is_not_split_after_all_runs_as_it_is() -> None:
    made, asked, _ = parts()
    assert await made.run("scout", "total", [[1, 2]]) == [1, 2]
    assert [call[1] for call in asked.calls] == ["split", "total"]
    asked.answer = []
    assert await made.run("scout", "total", [[1, 2, 3]]) == [1, 2, 3]


async def test_a_part_that_fails_says_which_and_why_and_the_others_are_taken_back() -> None:
    made, asked, _ = parts()
    with pytest.raises(TaskFailed, match="part 2 of 3: bad") as failed:
        await made.run("scout", "total", [["hang", 1, "bad", 2, "hang", 3]])
    assert failed.value.type == "KeyError"
    assert isinstance(failed.value.__cause__, TaskFailed)
    assert len(asked.taken_back) == 2
    assert "join" not in [call[1] for call in asked.calls]


async def test_its_end_may_be_had_as_a_value_or_a_failure() -> None:
    made, asked, _ = parts()
    assert await made.ended("scout", "total", [[1, 2, 3]]) == ([[1, 2], [3]], [])
    value, (failure,) = await made.ended("scout", "total", [[1, 2, "bad"]])
    assert (value, failure) == (None, Failure("KeyError", "part 2 of 2: bad"))
    asked.answer = "no parts"
    value, (failure,) = await made.ended("scout", "total", [[1, 2, 3]])
    assert failure.type == BadReply.__name__


async def test_one_that_is_taken_back_takes_back_its_parts() -> None:
    made, asked, foreseen = parts()
    running = asyncio.ensure_future(made.ended("scout", "total", [["hang", 1, "hang", 2]]))
    while len(asked.calls) < 3:
        await asyncio.sleep(0)
    running.cancel()
    _, (failure,) = await running
    assert failure.type == "TaskCancelled"
    assert len(asked.taken_back) == 2
    assert foreseen.history.record(("scout", "total")) is None


async def test_every_part_is_learned_from() -> None:
    made, _, foreseen = parts()
    await made.run("scout", "total", [[0, 1, 2, 3, 4]])
    record = foreseen.history.record(("scout", "total"))
    assert record is not None
    assert record.learned == 3
    assert foreseen.trial.judged == 0
