"""The spans of a run: the method, its steps, its questions, and the commit of what it changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pools.hearing import Hearing
from pools.span import Span, read_span
from pools.speech import Mouth
from pools.traced import Recorder, Run

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Ledger:
    """Something that is synced later."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def when_synced(self, call: Callable[[], None]) -> bool:
        self.calls.append(call)
        return True


class Rig:
    """A recorder and what the engine hears of it."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.hearing = Hearing()
        self.spans: list[Span] = []
        self.hearing.on_event = lambda event: self.spans.append(read_span(event.text))  # type: ignore[arg-type]
        mouth = Mouth(self.hearing.descriptor)
        mouth.place = "p", "p.0"
        self.recorder = Recorder(mouth, asyncio.get_running_loop(), ledger)  # type: ignore[arg-type]

    def run(self) -> Run:
        run = self.recorder.begin(PARENT, "k", "k/1", "walk", "a-1")
        assert run is not None
        return run

    def heard(self) -> list[str]:
        while self.hearing._end >= 0 and self.hearing.hear():
            pass
        return [span.name for span in self.spans]


@pytest.fixture
async def rig() -> Any:
    made = Rig(Ledger())
    yield made
    made.hearing.close()


async def test_a_run_ends_with_its_method_and_then_its_commit_begins(rig: Rig) -> None:
    ledger: Any = rig.recorder.ledger
    assert rig.run().timed(lambda: 5, is_async=False)() == 5
    assert rig.heard() == ["process k"]
    await asyncio.sleep(0)
    ledger.calls.pop()()
    assert rig.heard() == ["process k", "commit k"]
    process, commit = rig.spans
    assert (process.trace, process.parent) == tuple(PARENT.split("-")[1:3])
    assert commit.parent == process.span
    assert process.attributes["engine.worker"] == commit.attributes["engine.worker"] == "p.0"
    assert commit.start_ns >= process.end_ns - 1_000_000


@pytest.mark.parametrize("is_async", [False, True])
async def test_one_that_fails_says_why_and_commits_nothing(rig: Rig, is_async: bool) -> None:
    async def wait() -> None:
        raise ValueError("no")

    def fail() -> None:
        raise ValueError("no")

    called = rig.run().timed(wait if is_async else fail, is_async=is_async)
    with pytest.raises(ValueError, match="no"):
        await called() if is_async else called()
    await asyncio.sleep(0)
    assert rig.heard() == ["process k"]
    assert rig.spans[0].error == "ValueError: no"
    ledger: Any = rig.recorder.ledger
    assert ledger.calls == []


async def test_steps_and_questions_are_its_parts(rig: Rig) -> None:
    run = rig.run()

    async def step(error: Exception | None) -> int:
        if error is not None:
            raise error
        return 7

    assert await run.step("fetch", step(None)) == 7
    with pytest.raises(ValueError, match="x"):
        await run.step("fail", step(ValueError("x")))
    token, future = object(), asyncio.get_running_loop().create_future()
    rig.recorder.asked(token, future, "k/2", "add")
    assert rig.recorder.sent.leave(token) is None  # nobody asks
    with run.asking():
        rig.recorder.asked(token, future, "k/2", "add")
    assert rig.recorder.sent.leave(token) is not None
    future.set_result(1)
    await asyncio.sleep(0)
    run.end(None)
    assert rig.heard() == ["step fetch", "step fail", "send k", "process k"]
    assert {span.parent for span in rig.spans[:3]} == {rig.spans[3].span}
    assert rig.spans[1].error == "ValueError: x"


@pytest.mark.parametrize("parent", ["", "x", PARENT[:-1] + "0"])
async def test_what_is_part_of_no_trace_is_not_recorded(rig: Rig, parent: str) -> None:
    assert rig.recorder.begin(parent, "k", "k/1", "walk", "a-1") is None


async def test_a_task_in_a_process_of_its_own_is_over_with_that(rig: Rig) -> None:
    async def driven() -> None:
        await asyncio.sleep(0)

    await rig.run().around(driven())
    assert rig.heard() == ["process k"]
