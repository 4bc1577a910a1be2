"""How far a run is: the part of the input whose tasks have ended, and when the rest will have."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.cli import progress as module
from engine.cli.flow import Flow
from engine.cli.progress import Progress


def flow(**counts: Any) -> Flow:
    facts = {"sent": 0, "done": 0, "failed": 0, "bad": 0, "ended": 0, "taken_bytes": 0} | counts
    return cast("Flow", SimpleNamespace(**facts))


def shown(counts: dict[str, Any], size_bytes: int | None, seconds: float) -> str:
    progress = Progress(flow(**counts), size_bytes, {}, no_colour=True)
    progress._began_s -= seconds
    return progress._said()


def test_the_part_that_is_done_is_of_the_bytes_whose_tasks_have_ended() -> None:
    counts = {"sent": 200, "done": 90, "failed": 10, "ended": 100, "taken_bytes": 500}
    assert shown(counts, 1_000, 25.0) == "90 done, 10 failed, 4/s, 25 %, 1 m 15 s left"


def test_where_the_size_is_not_known_nothing_is_promised() -> None:
    assert shown({"sent": 200, "done": 100, "ended": 100}, None, 10.0) == "100 done, 10/s"


def test_bad_lines_are_counted_beside() -> None:
    assert "3 bad lines" in shown({"sent": 1, "done": 1, "ended": 1, "bad": 3}, None, 1.0)


def test_it_never_goes_back() -> None:
    counts = flow(sent=10, done=10, ended=10, taken_bytes=500)
    progress = Progress(counts, 1_000, {}, no_colour=True)
    first = progress._done_fraction()
    counts.sent = 1_000
    assert progress._done_fraction() == first == 0.5


async def test_without_a_terminal_a_plain_line_comes_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "LINE_S", 0.001)
    progress = Progress(flow(sent=7, done=7, ended=7), None, {}, no_colour=True)
    showing = asyncio.ensure_future(progress.show())
    lines: list[str] = []
    async with asyncio.timeout(20):
        while len(lines) < 2:
            await asyncio.sleep(0.001)
            lines += capsys.readouterr().err.splitlines()
    showing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await showing
    assert all(line.startswith("engine: 7 done") for line in lines)
    assert "\x1b" not in "".join(lines)
