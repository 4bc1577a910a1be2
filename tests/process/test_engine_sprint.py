"""Sprints as a library: in the caller's process, and over a client's connection."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from engine.blockingclient import BlockingClient
from engine.client import Client
from engine.errors import EngineStopped
from sprints.archive import Archive
from sprints.errors import BadBacklog, CampaignFailed, LedgerCorrupt, SprintBusy
from sprints.verification import verify
from tests.support.commands import commands
from tests.support.makers import Maker
from tests.support.processes import pool, running


class Flaky(Maker):
    """Fails so many times at each file before it makes it."""

    def make_at_last(self, folder: str, name: str, failures: int) -> int:
        """The diary says each attempt, as nothing of one that failed is left."""
        diary = Path(folder) / f"{name}.attempts"
        with diary.open("a") as file:
            file.write("x")
        if len(diary.read_text()) <= failures:
            raise ValueError("not yet")
        return self.make(folder, name)


RECORD = {"id", "backlog", "start", "seconds", "agents", "tasks", "verdicts", "carried", "releases"}


def backlog(folder: Path, *tasks: dict[str, Any], agents: int = 2, **more: Any) -> dict[str, Any]:
    """A backlog of tasks that make the file of their name."""
    rows = []
    for task in tasks:
        args = {"folder": str(folder), "name": task["id"], **task.pop("args", {})}
        rows.append({"role": "maker", "method": "make", "artifacts": [task["id"]], "args": args} | task)
    roles = {"maker": {"kind": "maker", "agents": agents}}
    return {"schema": "engine.backlog/v1", "name": "app", "roles": roles, "tasks": rows} | more


def gated(name: str) -> dict[str, Any]:
    """A task that waits until there is a file `gate`."""
    return {"id": name, "method": "wait_for", "args": {"gate": "gate"}}


async def begun(folder: Path, name: str) -> None:
    """Return once a task is being done."""
    async with asyncio.timeout(20):
        while not (folder / "diary").exists() or f"begin {name}" not in (folder / "diary").read_text():
            await asyncio.sleep(0.01)


async def test_an_item_is_tried_as_often_as_it_says_and_no_other_because_of_it(tmp_path: Path) -> None:
    async with running([pool(1)], kinds=[Flaky]) as engine:
        tries = {"none": (0, 1), "late": (2, 2), "never": (1, 2), "plain": (0, 0)}
        tasks = [
            {"id": name, "method": "make_at_last", "args": {"failures": failures}, "retries": retries}
            for name, (retries, failures) in tries.items()
        ]
        row = backlog(tmp_path, *tasks) | {"roles": {"maker": {"kind": "flaky", "agents": 4}}}
        (told,) = await engine.sprint(row, folder=tmp_path, speed=60)
        assert told["sprint"]["verdicts"] == {"done": 2, "failed": 2}
        made = {path.name.partition(".")[0]: len(path.read_text()) for path in tmp_path.glob("*.attempts")}
        assert made == {"none": 1, "late": 3, "never": 2, "plain": 1}
        assert (tmp_path / "releases" / "current" / "files" / "late").exists()


async def test_a_backlog_is_worked_on_and_each_sprint_returned_as_a_row(tmp_path: Path) -> None:
    async with running([pool(2)], kinds=[Maker]) as engine:
        row = backlog(tmp_path, *({"id": f"t{at}"} for at in range(25)), {"id": "last", "after": ["t24"]}, agents=1)
        rows = await engine.sprint(row, folder=tmp_path, speed=60, sprints=None, is_optimized=False)
        assert len(rows) >= 2
        for told in rows:
            assert told.keys() == {"sprint", "impact", "next"}
            assert told["sprint"].keys() >= RECORD
            assert set(told["next"]) == {"carried", "retry", "follow_ups"}
        assert rows[0]["sprint"]["tasks"] == 10
        assert sum(told["impact"]["done"] for told in rows) == 26
        archive = Archive(str(tmp_path / "sprints"))
        assert [told["sprint"]["id"] for told in rows] == archive.ids()
        assert [verify(archive.path(sprint), is_over=True) for sprint in archive.ids()] == [[] for _ in rows]
        assert await engine.sprint(row, folder=tmp_path, speed=60) == []  # nothing is left to do
    assert (tmp_path / "releases" / "current" / "files" / "last").exists()


async def test_two_at_once_are_refused_and_one_that_was_cancelled_goes_on(tmp_path: Path) -> None:
    row = backlog(tmp_path, {"id": "a"}, gated("b"))
    async with running([pool(2)], kinds=[Maker]) as engine:
        first = asyncio.create_task(engine.sprint(row, folder=tmp_path))
        await begun(tmp_path, "a")
        with pytest.raises(SprintBusy):
            await engine.sprint(row, folder=tmp_path)
        archive = Archive(str(tmp_path / "sprints"))
        async with asyncio.timeout(20):
            while archive.chronicle(archive.ids()[0]).verdicts["done"] < 1:
                await asyncio.sleep(0.01)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        second = asyncio.create_task(engine.sprint(row, folder=tmp_path, sprints=5))
        await asyncio.sleep(0.1)
        (tmp_path / "gate").touch()
        (told,) = await second
        assert told["sprint"]["verdicts"] == {"done": 2}
        assert archive.ids() == [told["sprint"]["id"]]
    assert (tmp_path / "diary").read_text().splitlines().count("begin a") == 1


async def test_an_engine_that_stops_leaves_its_sprints_and_says_so(tmp_path: Path) -> None:
    row = backlog(tmp_path, {"id": "a"}, gated("b"))
    async with running([pool(2)], kinds=[Maker]) as engine:
        going = asyncio.create_task(engine.sprint(row, folder=tmp_path))
        await begun(tmp_path, "a")
        await engine.stop(grace_s=0)
        with pytest.raises(EngineStopped):
            await going
    (tmp_path / "gate").touch()
    async with running([pool(2)], kinds=[Maker]) as engine:
        (told,) = await engine.sprint(row, folder=tmp_path)
        assert told["sprint"]["verdicts"] == {"done": 2}


async def test_what_is_wrong_is_raised(tmp_path: Path) -> None:
    async with running([pool(1)], kinds=[Maker]) as engine:
        with pytest.raises(BadBacklog, match="tasks"):
            await engine.sprint(backlog(tmp_path), folder=tmp_path)
        with pytest.raises(CampaignFailed, match="/proc/nowhere"):
            await engine.sprint(backlog(tmp_path, {"id": "a"}, ship={"work": "/proc/nowhere"}), folder=tmp_path)
        await engine.sprint(backlog(tmp_path, {"id": "a"}), folder=tmp_path, speed=60)
        ledger = tmp_path / "sprints" / Archive(str(tmp_path / "sprints")).ids()[-1] / "ledger.jsonl"
        ledger.write_bytes(ledger.read_bytes().replace(b'"done"', b'"dona"', 1))
        with pytest.raises(LedgerCorrupt, match=r"ledger\.jsonl:"):
            await engine.sprint(backlog(tmp_path, {"id": "a"}, {"id": "b"}), folder=tmp_path, speed=60)


def test_a_client_has_the_engine_work_on_a_file_and_gets_the_same_rows(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        assert engine("start").returncode == 0
        use = ["tests.support.makers:Maker"]
        (tmp_path / "app.json").write_text(json.dumps(backlog(tmp_path, {"id": "a"}, {"id": "b"}, use=use)))

        async def work() -> list[dict[str, Any]]:
            async with Client(environ=engine.environ) as client:
                found = await client.sprint(tmp_path / "app.json", speed=60)
                with pytest.raises(CampaignFailed, match="/proc/nowhere"):
                    row = backlog(tmp_path, {"id": "c"}, use=use, name="other", ship={"work": "/proc/nowhere"})
                    await client.sprint(row, folder=tmp_path)
                return found

        (told,) = asyncio.run(work())
        assert told["sprint"]["verdicts"] == {"done": 2}
        assert told["sprint"].keys() >= RECORD
        assert (tmp_path / "work" / "b").exists()
        with BlockingClient(environ=engine.environ) as client:
            (second,) = client.sprint(backlog(tmp_path, {"id": "x"}, use=use, name="third"), folder=tmp_path, speed=60)
            assert second["sprint"]["verdicts"] == {"done": 1}


async def test_a_second_one_waits_for_its_turn_where_it_is_told_to(tmp_path: Path) -> None:
    async with running([pool(2)], kinds=[Maker]) as engine:
        first = asyncio.create_task(engine.sprint(backlog(tmp_path, {"id": "a"}, gated("b")), folder=tmp_path))
        await begun(tmp_path, "a")
        more = backlog(tmp_path, {"id": "a"}, gated("b"), {"id": "c"})
        second = asyncio.create_task(engine.sprint(more, folder=tmp_path, speed=60, is_queued=True))
        await asyncio.sleep(0)
        (tmp_path / "gate").touch()
        assert [told["sprint"]["verdicts"] for told in [*await first, *await second]] == [{"done": 2}, {"done": 1}]
    assert sorted((tmp_path / "diary").read_text().split()[1::2]) == ["a", "a", "b", "b", "c", "c"]


async def test_two_engines_in_one_folder_do_not_work_on_one_backlog(tmp_path: Path) -> None:
    row = backlog(tmp_path, {"id": "a"}, gated("b"))
    async with running([pool(1)], kinds=[Maker]) as engine, running([pool(1)], kinds=[Maker]) as other:
        first = asyncio.create_task(engine.sprint(row, folder=tmp_path))
        await begun(tmp_path, "a")
        (sprint,) = Archive(str(tmp_path / "sprints")).ids()
        with pytest.raises(SprintBusy, match=sprint):
            await other.sprint(row, folder=tmp_path)
        (tmp_path / "gate").touch()
        (told,) = await first
        assert told["sprint"]["verdicts"] == {"done": 2}
        assert await other.sprint(row, folder=tmp_path) == []
    assert sorted((tmp_path / "diary").read_text().splitlines()) == ["begin a", "begin b", "end a", "end b"]


@pytest.mark.parametrize("wrong", [{"sprints": 0}, {"speed": "fast"}, {"seed": -1}])
async def test_what_no_sprint_can_be_told_is_refused_and_leaves_nothing(tmp_path: Path, wrong: dict[str, Any]) -> None:
    async with running([pool(1)], kinds=[Maker]) as engine:
        with pytest.raises(BadBacklog, match=next(iter(wrong))):
            await engine.sprint(backlog(tmp_path, {"id": "a"}), folder=tmp_path, **wrong)
    assert list(tmp_path.iterdir()) == []
