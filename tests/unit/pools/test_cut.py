"""Every writer is held before any goes on; who dies meanwhile makes it be tried again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pools import cut as module
from pools.cut import cut
from pools.errors import PoolUnavailable, WorkerDied


class Seat:
    """A worker by hand. log: what was asked of all.  dies: with its first requests, another process follows.

    answers_after: how many requests it does not answer.
    """

    def __init__(self, name: str, log: list[str], *, dies: int = 0, pid: int | None = 5, answers_after: int = 0) -> None:
        self.name, self.state, self.pid = name, "running", pid
        self._silent = answers_after
        self._log, self._dies = log, dies

    def request(self, verb: str) -> asyncio.Future[Any]:
        """Note it."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._log.append(f"{verb} {self.name}")
        if verb == "hold" and self._dies:
            self._dies -= 1
            future.set_exception(WorkerDied("gone"))
        elif self._silent:
            self._silent -= 1
        else:
            asyncio.get_running_loop().call_later(0.01, lambda: future.done() or future.set_result([7, 72]))
        return future


class Pause:
    def __init__(self, log: list[str]) -> None:
        self._log = log

    async def hold(self) -> list[int]:
        """Note it."""
        self._log.append("hold roster")
        return [1, 9]

    def go_on(self) -> None:
        """Note it."""
        self._log.append("go_on roster")


async def test_all_are_held_at_once_and_all_go_on() -> None:
    log: list[str] = []
    seats: Any = {"p/0": Seat("a", log), "p/1": Seat("b", log)}
    pauses: Any = {"_roster": Pause(log)}
    assert await cut(seats, pauses) == {"p/0": [7, 72], "p/1": [7, 72], "_roster": [1, 9]}
    assert [word.split()[0] for word in log] == ["go_on"] * 2 + ["hold"] * 3 + ["go_on"] * 3
    assert len(set(log)) == 6


async def test_nobody_is_held_for_one_who_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOLD_S", 0.05)
    monkeypatch.setattr(module, "PAUSE_S", 0.001)
    log: list[str] = []
    stopped = Seat("b", log, answers_after=3)
    seats: Any = {"p/0": Seat("a", log), "p/1": stopped}
    assert await cut(seats, {}) == {"p/0": [7, 72], "p/1": [7, 72]}
    assert log == ["go_on a", "go_on b"] * 4 + ["hold a", "hold b", "go_on a", "go_on b"]


async def test_who_dies_meanwhile_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.001)
    log: list[str] = []
    seats: Any = {"p/0": Seat("a", log), "p/1": Seat("b", log, dies=2)}
    assert await cut(seats, {}) == {"p/0": [7, 72], "p/1": [7, 72]}
    assert 2 * log.count("hold a") == log.count("go_on a") == 6


async def test_a_worker_that_stays_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.001)
    away: Any = Seat("b", [], pid=None)
    away.state = "down"
    with pytest.raises(PoolUnavailable, match="worker b is down"):
        await cut({"p/0": away}, {})
