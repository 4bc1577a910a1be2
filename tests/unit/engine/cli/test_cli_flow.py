"""Each line gets one answer with its name, whatever the line is."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator, AsyncIterable
from pathlib import Path
from typing import Any

import pytest

from engine.cli.flow import Flow
from engine.cli.intake import Intake
from engine.cli.outlet import Outlet
from engine.errors import BadLine, Failure
from engine.submission import Called
from pools.result import Batch


class Echo:
    """Stands for an engine: a task's value is its arguments, `fail` fails, `cut` is what a lost engine answers."""

    def __init__(self, size: int = 3) -> None:
        self.size = size
        self.tasks: list[tuple[Any, ...]] = []

    async def map_batches(self, tasks: AsyncIterable[Any]) -> AsyncGenerator[Batch, None]:
        batch: list[tuple[Any, tuple[Any, ...]]] = []
        number = 0
        async for task in tasks:
            name, task = task if type(task) is Called else (number, task)
            self.tasks.append(task)
            batch.append((name, task))
            number += 1
            if len(batch) == self.size:
                yield self._answer(batch)
                batch = []
        if batch:
            yield self._answer(batch[::-1])

    @staticmethod
    def _answer(batch: list[tuple[Any, tuple[Any, ...]]]) -> Batch:
        failures = []
        for at, (_, task) in enumerate(batch):
            if task[1] == "fail":
                failures.append((at, Failure("ValueError", "as told", 0.5)))
            elif task[1] == "cut":
                failures.append((at, Failure("LinkClosed", "gone")))
        return Batch([number for number, _ in batch], [list(task[2:]) for _, task in batch], failures)


class Run:
    """One run over a file: what was said, and the lines that came out."""

    def __init__(self, tmp_path: Path) -> None:
        self.file, self.result = tmp_path / "tasks", tmp_path / "results"
        self.said: list[BadLine] = []
        self.engine = Echo()

    async def over(self, *lines: Any) -> list[dict[str, Any]]:
        texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        self.file.write_bytes(b"\n".join(texts))
        reading, writing = os.open(self.file, os.O_RDONLY), os.open(self.result, os.O_WRONLY | os.O_CREAT)
        self.flow = Flow(Intake(reading), Outlet(writing), self.said.append)
        await self.flow.run(self.engine.map_batches)
        os.close(reading)
        os.close(writing)
        return [json.loads(line) for line in self.result.read_bytes().splitlines()]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that has not begun."""
    return Run(tmp_path)


def task(method: str = "echo", **facts: Any) -> dict[str, Any]:
    return {"agent": "a/1", "method": method, **facts}


async def test_a_task_without_a_name_is_called_by_its_place_in_the_input(run: Run) -> None:
    assert await run.over(task(args=[5]), b"", b"  ", task(args=[6]), task(args=[7])) == [
        {"id": 0, "ok": True, "value": [5]},
        {"id": 3, "ok": True, "value": [6]},
        {"id": 4, "ok": True, "value": [7]},
    ]
    assert (run.flow.sent, run.flow.done, run.flow.failed, run.flow.bad) == (3, 3, 0, 0)


@pytest.mark.parametrize("name", ["x", 17, -1, "", [1], {"a": 1}, True, False, 0, 1.5])
async def test_a_name_comes_back_as_it_was_given(run: Run, name: Any) -> None:
    for result in await run.over(task(id=name), task(id=name), task(id=name)):
        assert result["id"] == name
        assert type(result["id"]) is type(name)


async def test_results_come_in_the_order_in_which_tasks_end(run: Run) -> None:
    run.engine.size = 100
    found = await run.over(task(id="a"), task(), task(id="c"))
    assert [result["id"] for result in found] == ["c", 1, "a"]


async def test_a_task_that_fails_says_why_and_the_others_go_on(run: Run) -> None:
    first, second, third = await run.over(task(), task("fail", id="bad"), task())
    assert first["ok"] is third["ok"] is True
    assert second == {"id": "bad", "ok": False, "error": {"type": "ValueError", "message": "as told", "retry_after_s": 0.5}}
    assert (run.flow.done, run.flow.failed, run.flow.ended) == (2, 1, 3)


async def test_a_bad_line_is_answered_with_its_number_and_the_rest_is_done(run: Run) -> None:
    found = await run.over(
        task(), b"oops", task(), {"id": "x", "agent": "a"}, b'{"agent":"a/1","method":"m","id":1,"id":2}', task()
    )
    bad = [line for line in found if "line" in line]
    assert [(line["line"], line.get("id"), line["ok"], line["error"]["type"]) for line in bad] == [
        (2, None, False, "BadLine"),
        (4, "x", False, "BadLine"),
        (5, None, False, "BadLine"),
    ]
    assert sorted(line["id"] for line in found if line["ok"]) == [0, 2, 5]
    assert [error.line for error in run.said] == [2, 4, 5]
    assert str(run.said[0]).startswith("line 2: not JSON")
    assert run.flow.bad == 3


async def test_a_file_of_bad_lines_alone_is_answered_too(run: Run) -> None:
    found = await run.over(*[b"oops"] * 5_000)
    assert [line["line"] for line in found] == list(range(1, 5_001))
    assert run.flow.sent == 0


async def test_an_empty_file_has_no_results(run: Run) -> None:
    assert await run.over() == []


async def test_when_the_engine_goes_away_nothing_more_is_sent(run: Run) -> None:
    found = await run.over(task(), task("cut"), *[task()] * 50_000)
    assert run.flow.is_cut
    assert found[1]["error"]["type"] == "LinkClosed"
    assert len(run.engine.tasks) < 50_002


async def test_how_much_of_the_input_was_taken_is_known(run: Run) -> None:
    await run.over(task(), b"oops", b"", task())
    assert run.flow.taken_bytes == run.file.stat().st_size + 1
