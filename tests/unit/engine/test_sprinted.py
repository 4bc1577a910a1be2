"""A sprint in the caller's own engine: its folders, its classes, and that who leaves stops nothing for good."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pools.errors import KindNotLoaded, UnknownKind
from sprints.errors import BadBacklog
from tests.support.makers import Maker
from tests.support.processes import pool, running, until


def backlog(folder: Path, *names: str, **more: Any) -> dict[str, Any]:
    """Tasks that make files; those whose names begin with `g` wait until there is a file `gate`."""
    tasks = []
    for name in names:
        args = {"folder": str(folder), "name": name} | ({"gate": "gate"} if name.startswith("g") else {})
        method = "wait_for" if name.startswith("g") else "make"
        tasks.append({"id": name, "role": "maker", "method": method, "args": args, "artifacts": [name]})
    roles = {"maker": {"kind": "maker", "agents": 2}}
    return {"schema": "engine.backlog/v1", "name": "app", "roles": roles, "tasks": tasks} | more


async def test_ledgers_are_beside_the_work_or_where_it_is_said(tmp_path: Path) -> None:
    async with running([pool(1)], kinds=[Maker]) as engine:
        (told,) = await engine.sprint(backlog(tmp_path, "a"), folder=tmp_path, speed=60)
        assert (tmp_path / "sprints" / told["sprint"]["id"] / "ledger.jsonl").exists()
        other = backlog(tmp_path, "b", name="other")
        (told,) = await engine.sprint(other, folder=tmp_path, speed=60, archive=tmp_path / "kept" / "here")
        assert (tmp_path / "kept" / "here" / told["sprint"]["id"] / "report.html").exists()
        assert len(list((tmp_path / "sprints").glob("sp-*"))) == 1


async def test_classes_that_it_uses_are_loaded_and_what_cannot_be_is_named(tmp_path: Path) -> None:
    async with running([pool(1)], kinds=[]) as engine:
        with pytest.raises(UnknownKind, match="maker"):
            await engine.sprint(backlog(tmp_path, "a"), folder=tmp_path, speed=60)
        with pytest.raises(KindNotLoaded):
            await engine.sprint(backlog(tmp_path, "a", use=["none.py:Maker"]), folder=tmp_path, speed=60)
        with pytest.raises(BadBacklog):
            await engine.sprint(backlog(tmp_path), folder=tmp_path)
        (told,) = await engine.sprint(backlog(tmp_path, "a", use=["tests.support.makers:Maker"]), folder=tmp_path, speed=60)
        assert told["sprint"]["verdicts"] == {"done": 1}


async def test_who_is_cancelled_leaves_it_as_it_is_and_the_next_call_goes_on(tmp_path: Path) -> None:
    async with running([pool(1)], kinds=[Maker]) as engine:
        going = asyncio.create_task(engine.sprint(backlog(tmp_path, "a", "g"), folder=tmp_path, sprints=3))
        await until(lambda: (tmp_path / "work" / "a").exists())
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        (tmp_path / "gate").touch()
        (told,) = await engine.sprint(backlog(tmp_path, "a", "g"), folder=tmp_path)
        assert told["sprint"]["verdicts"] == {"done": 2}
        assert len(list((tmp_path / "sprints").glob("sp-*"))) == 1
