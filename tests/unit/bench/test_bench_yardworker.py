"""The two forms of a yardstick's frame: what goes out, what an agent answers, where the reply is put."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import orjson
import pytest

from bench import raw, rows
from bench.counter import Counter
from bench.tasks import Call, mixed_tasks
from bench.yardworker import FORMS


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_list_of_tasks_comes_back_as_its_replies(form: ModuleType) -> None:
    tasks = mixed_tasks(100, agents=7)
    agents = {f"counter/{number}": Counter() for number in range(7)}
    got: list[Any] = [None] * len(tasks)
    for start in range(0, 100, 30):
        frame = orjson.loads(orjson.dumps(form.pack(tasks.calls[start : start + 30], start)))
        reply = orjson.loads(orjson.dumps(form.answer(agents, frame)))
        assert form.keep(got, start, reply) == min(30, 100 - start)
    assert got == tasks.replies


def test_the_first_yardstick_sends_columns() -> None:
    calls: list[Call] = [("counter/1", "add", 2), ("counter/2", "get", None)]
    assert raw.pack(calls, 7) == [("counter/1", "counter/2"), ("add", "get"), (2, None)]


def test_the_second_yardstick_sends_a_row_a_task_and_matches_by_id() -> None:
    assert rows.pack([("counter/1", "add", 2)], 7) == [(7, ("counter/1", "add", 2))]
    got: list[Any] = [None] * 3
    assert rows.keep(got, 0, [[2, 9]]) == 1
    assert got == [None, None, 9]
