"""One campaign at a time on a backlog; who waits has a turn, who left has none, what it failed with is told to all."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from checkpoints.files import Disk
from engine import sprintqueue
from engine.engine import Engine
from engine.errors import EngineStopped
from engine.sprinting import Sprinting
from sprints.backlog import Backlog, read_backlog
from sprints.campaign import Campaign
from sprints.errors import CampaignFailed, SprintBusy, SprintOver, StillQueued, TakenOut, TooManyQueued, UnknownSprint
from sprints.queue import Queue
from sprints.settings import Settings
from tests.support.makers import Maker
from tests.support.processes import pool, running, until


def backlog(folder: Path, **more: Any) -> Backlog:
    """One task, which waits until there is a file `gate`."""
    args = {"folder": str(folder), "name": "a", "gate": "gate"}
    task = {"id": "a", "role": "maker", "method": "wait_for", "args": args, "artifacts": ["a"]}
    roles = {"maker": {"kind": "maker", "agents": 1}}
    return read_backlog({"schema": "engine.backlog/v1", "name": "app", "roles": roles, "tasks": [task]} | more)


def task(folder: Path, name: str) -> list[dict[str, Any]]:
    """One task that makes a file."""
    args = {"folder": str(folder), "name": name}
    return [{"id": name, "role": "maker", "method": "make", "args": args, "artifacts": [name]}]


@asynccontextmanager
async def sprinting(folder: Path) -> AsyncIterator[Sprinting]:
    """The campaigns of an engine with one worker."""
    async with running([pool(1)], kinds=[Maker]) as engine:
        made = Sprinting(engine, str(folder / "sprints"))
        yield made
        await made.close()


async def test_the_second_is_refused_or_has_its_turn_and_who_leaves_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sprintqueue, "QUEUED", 2)
    settings = Settings(str(tmp_path))
    async with sprinting(tmp_path) as made:
        run = await made.run(backlog(tmp_path), settings)
        await made.begun(run)
        with pytest.raises(SprintBusy, match=run.campaign.first):
            await made.run(backlog(tmp_path), settings)
        waiting = [asyncio.create_task(made.run(backlog(tmp_path), settings, is_queued=True)) for _ in range(2)]
        await until(lambda: made.status()[0]["queued"] == 2)
        with pytest.raises(TooManyQueued):
            await made.run(backlog(tmp_path), settings, is_queued=True)
        waiting[0].cancel()
        await asyncio.gather(waiting[0], return_exceptions=True)
        assert made.status()[0]["queued"] == 1
        (tmp_path / "gate").touch()
        await made.finished(run)
        second = await waiting[1]
        await made.finished(second)  # nothing was left to do
        assert second.campaign.first == ""
        assert made.status() == []
        await made.ended(run.campaign.first)
        with pytest.raises(UnknownSprint):
            await made.ended("sp-20261121-999")
        with pytest.raises(SprintOver):
            await made.pause(run.campaign.first)


async def test_who_waits_on_the_disk_waits_in_its_place_also_after_a_start_or_is_taken_out(tmp_path: Path) -> None:
    settings = Settings(str(tmp_path))
    async with sprinting(tmp_path) as made:
        run = await made.run(backlog(tmp_path), settings)
        await made.begun(run)
        queued = [str(await made.queue(backlog(tmp_path, tasks=task(tmp_path, name)), settings)) for name in "bcd"]
        asked = asyncio.create_task(made.turn(queued[0]))
        await asyncio.sleep(0)
        await made.leave(run)
        await made.close()
        await asyncio.gather(asked, return_exceptions=True)
        assert Queue(made.archive.folder).ids() == queued
        again = Sprinting(made._engine, made.archive.folder)
        assert again.resume() is not None
        assert again.status()[0]["queued"] == 3
        with pytest.raises(StillQueued):
            await again.pause(queued[1])
        taken = asyncio.create_task(again.turn(queued[1]))
        await asyncio.sleep(0)
        await again.abort(queued[1], "as told")
        with pytest.raises(TakenOut):
            await taken
        assert Queue(again.archive.folder).ids() == [queued[0], queued[2]]
        (tmp_path / "gate").touch()
        turns = [await again.turn(name) for name in (queued[0], queued[2])]
        for turn in turns:
            assert not isinstance(turn, str)
            await again.finished(turn)
        firsts = [turn.campaign.first for turn in turns if not isinstance(turn, str)]
        assert again.archive.ids() == [run.campaign.first, *firsts]
        assert [told.planned for told in map(again.archive.chronicle, firsts)] == [["b"], ["d"]]
        assert Queue(again.archive.folder).ids() == []
        assert await again.turn(queued[2]) == firsts[1]
        with pytest.raises(UnknownSprint):
            await again.turn(queued[1])
        await again.close()


async def test_who_had_its_turn_when_the_engine_was_killed_has_it_once(tmp_path: Path) -> None:
    settings = Settings(str(tmp_path))
    async with sprinting(tmp_path) as made:
        run = await made.run(backlog(tmp_path), settings)
        await made.begun(run)
        queued = str(await made.queue(backlog(tmp_path, tasks=task(tmp_path, "b")), settings))
        file = next((tmp_path / "sprints" / "queue").iterdir())
        kept = file.read_bytes()
        (tmp_path / "gate").touch()
        turn = await made.turn(queued)
        assert not isinstance(turn, str)
        await made.finished(turn)
        assert not file.exists()
        file.write_bytes(kept)  # as if the engine had been killed before it was removed
        (file.parent / "000009-q-0123456789ab.json").write_bytes(b"{}")
        again = Sprinting(made._engine, made.archive.folder)
        assert again.resume() is None
        assert again.status() == []
        assert not file.exists()
        assert len(again.archive.ids()) == 2
        assert any(
            "q-0123456789ab" in event.text for event in cast(Engine, made._engine).events if event.name == "sprint.broken"
        )


async def test_what_a_campaign_failed_with_is_told_by_name_to_who_waits_and_who_asks_later(tmp_path: Path) -> None:
    async with sprinting(tmp_path) as made:
        run = await made.run(backlog(tmp_path, ship={"work": "/proc/nowhere"}), Settings(str(tmp_path)))
        with pytest.raises(CampaignFailed, match="/proc/nowhere"):
            await made.begun(run)
        with pytest.raises(CampaignFailed, match="/proc/nowhere"):
            await made.ended(run.campaign.first)


async def test_a_campaign_that_is_left_goes_on_once_and_only_where_it_was_not_over(tmp_path: Path) -> None:
    async with sprinting(tmp_path) as made:
        run = await made.run(backlog(tmp_path), Settings(str(tmp_path)))
        await made.begun(run)
        asked = asyncio.create_task(made.finished(run))
        await asyncio.sleep(0)
        await made.leave(run)
        with pytest.raises(EngineStopped):
            await asked
        assert made.resume("other") is None
        again = made.resume("app")
        assert again is not None
        assert made.resume("app") is None  # it runs
        (tmp_path / "gate").touch()
        await made.finished(again)
        assert again.campaign.first == run.campaign.first
        assert made.resume() is None
        assert len(made.archive.ids()) == 1


async def test_a_campaign_that_was_left_between_two_sprints_goes_on_with_the_next_one(tmp_path: Path) -> None:
    args = {"folder": str(tmp_path), "gate": "gate"}
    tasks = [{"id": f"t{at}", "role": "maker", "method": "wait_for", "args": {**args, "name": f"t{at}"}} for at in range(11)]
    async with sprinting(tmp_path) as made:
        run = await made.run(backlog(tmp_path, tasks=tasks), Settings(str(tmp_path), sprints=3, is_optimized=False))
        await made.begun(run)
        first = run.campaign.first
        lock = Disk().lock(str(tmp_path / "sprints" / "LOCK"))  # so nobody gives an id to the next one
        (tmp_path / "gate").touch()
        await until(lambda: made.archive.has_report(first))
        await made.leave(run)
        assert made.archive.ids() == [first]
        assert made.resume("app") is None  # of which no sprint is in its midst
        again = made.resume()
        lock.close()
        assert again is not None
        await made.finished(again)
        rows = made.archive.rows(first)
        assert [row["sprint"]["verdicts"] for row in rows] == [{"done": 10}, {"done": 1}]


async def test_who_leaves_waits_for_the_report_that_is_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = threading.Event(), threading.Event()
    report = Campaign._report

    def slowly(campaign: Campaign, sprint: str, told: Any) -> None:
        begun.set()
        time.sleep(0.2)
        report(campaign, sprint, told)
        ended.set()

    monkeypatch.setattr(Campaign, "_report", slowly)
    async with sprinting(tmp_path) as made:
        run = await made.run(backlog(tmp_path), Settings(str(tmp_path)))
        (tmp_path / "gate").touch()
        await until(begun.is_set)
        await made.leave(run)
        assert ended.is_set()


async def test_a_sprint_that_is_about_to_go_on_can_be_told_something_at_once(tmp_path: Path) -> None:
    async with sprinting(tmp_path) as made:
        run = await made.run(backlog(tmp_path), Settings(str(tmp_path)))
        await made.begun(run)
        sprint = run.campaign.first
        await made.pause(sprint)
        await made.leave(run)
        again = made.resume()
        assert again is not None
        assert again.campaign.runner is None  # it has not come to it yet
        await made.go_on(sprint)
        assert not made.status()[0]["is_paused"]
        await made.leave(again)
        assert made.resume() is not None
        await made.abort(sprint, "as told")
        await made.ended(sprint)
        assert made.archive.chronicle(sprint).aborted == "as told"
        with pytest.raises(SprintOver):
            await made.pause(sprint)
