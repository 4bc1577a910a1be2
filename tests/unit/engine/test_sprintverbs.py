"""What a peer asks about sprints is read with its types, done, and answered by name where it cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.order import Order
from engine.sprintverbs import SprintVerbs
from pools.errors import BadArgument
from sprints.errors import BadBacklog, SprintOver, UnknownSprint
from tests.support.makers import Maker
from tests.support.processes import pool, running, until


class Desk:
    """The verbs of an engine, and a folder in which it is handed backlogs."""

    def __init__(self, verbs: SprintVerbs, folder: Path) -> None:
        self.verbs = verbs
        self.folder = folder
        self.held = folder / "held"

    async def ask(self, verb: str, **facts: Any) -> Any:
        """Ask for a verb."""
        return await self.verbs.verbs[verb](Order({"verb": verb, **facts}))

    def handed(self, *tasks: dict[str, Any], content: bytes | None = None) -> str:
        """A file with a backlog of these."""
        rows = []
        for task in tasks:
            args = {"folder": str(self.folder), "name": task["id"], **task.pop("args", {})}
            rows.append({"role": "maker", "method": "make", "artifacts": [task["id"]], "args": args} | task)
        roles = {"maker": {"kind": "maker", "agents": 2}}
        row = {"schema": "engine.backlog/v1", "name": "app", "roles": roles, "tasks": rows}
        self.held.mkdir(exist_ok=True)
        file = self.held / "backlog-x.json"
        file.write_bytes(orjson.dumps(row) if content is None else content)
        return str(file)

    async def begun(self, *tasks: dict[str, Any], **facts: Any) -> str:
        """Begin a campaign; returns its first sprint."""
        said = await self.ask("sprint-run", file=self.handed(*tasks), folder=str(self.folder), **facts)
        assert said["backlog"] == "app"
        return str(said["sprint"])


GATED = {"id": "g", "method": "wait_for", "args": {"gate": "gate"}}


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    """Verbs at an engine with one worker."""
    async with running([pool(1)], kinds=[Maker]) as engine:
        verbs = SprintVerbs(engine, folder / "held")
        yield Desk(verbs, folder)
        await verbs.close()


async def test_a_campaign_is_begun_paused_resumed_and_waited_for(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        sprint = await at.begun({"id": "a"}, {**GATED, "args": {"gate": "gate"}}, speed=2)
        assert not (at.held / "backlog-x.json").exists()
        assert [(one["sprint"], one["campaign"], one["backlog"]) for one in await at.ask("sprint-status")] == [
            (sprint, sprint, "app")
        ]
        await at.ask("sprint-pause", sprint=sprint)
        assert (await at.ask("sprint-status"))[0]["is_paused"]
        await at.ask("sprint-resume", sprint=sprint)
        waiting = asyncio.create_task(at.ask("sprint-wait", sprint=sprint))
        (tmp_path / "gate").touch()
        await waiting
        assert await at.ask("sprint-status") == []
        for verb in ("sprint-pause", "sprint-resume", "sprint-abort"):
            with pytest.raises(SprintOver):
                await at.ask(verb, sprint=sprint)
            with pytest.raises(UnknownSprint):
                await at.ask(verb, sprint="../..")
            with pytest.raises(BadArgument):
                await at.ask(verb, sprint=7)
        with pytest.raises(UnknownSprint):
            await at.ask("sprint-wait", sprint="sp-20260101-001")
        assert await at.begun({"id": "a"}, {**GATED, "args": {"gate": "gate"}}) == ""  # nothing is left to do


async def test_an_aborted_one_says_why(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        sprint = await at.begun({**GATED, "args": {"gate": "gate"}})
        await at.ask("sprint-abort", sprint=sprint)
        await at.ask("sprint-wait", sprint=sprint)
        events = (at.held / sprint / "ledger.jsonl").read_bytes().splitlines()
        assert [event["why"] for event in map(orjson.loads, events) if event["e"] == "aborted"] == ["somebody asked for it"]


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        ({"sprints": 0}, BadBacklog),
        ({"sprints": "2"}, BadBacklog),
        ({"speed": -1}, BadBacklog),
        ({"speed": "x"}, BadBacklog),
        ({"seed": -1}, BadBacklog),
        ({"path": "x"}, BadArgument),
        ({"price": 5}, BadBacklog),
        ({"is_queued": "yes"}, BadArgument),
        ({"folder": 7}, BadArgument),
    ],
)
async def test_what_cannot_be_is_refused_by_name_and_leaves_nothing(
    tmp_path: Path, facts: dict[str, Any], error: type[Exception]
) -> None:
    async with desk(tmp_path) as at:
        with pytest.raises(error):
            await at.ask("sprint-run", **{"file": at.handed({"id": "a"}), "folder": str(tmp_path)} | facts)
        assert list(at.held.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
async def test_a_file_that_is_no_backlog_is_refused_and_removed(tmp_path: Path, content: bytes) -> None:
    async with desk(tmp_path) as at:
        with pytest.raises((BadArgument, BadBacklog)):
            await at.ask("sprint-run", file=at.handed(content=content), folder=str(tmp_path))
        assert list(at.held.iterdir()) == []


async def test_no_file_from_elsewhere_is_read_or_removed(tmp_path: Path) -> None:
    other = tmp_path / "mine.json"
    other.write_bytes(b"{}")
    async with desk(tmp_path) as at:
        for file in (str(other), f"{at.held}/../mine.json", str(at.held / "none.json")):
            with pytest.raises(BadArgument):
                await at.ask("sprint-run", file=file, folder=str(tmp_path))
    assert other.read_bytes() == b"{}"


async def test_nothing_of_the_sprints_is_loaded_before_there_are_some_and_what_was_left_goes_on(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.verbs.start()
        assert at.verbs._sprinting is None
        assert await at.ask("sprint-status") == []
        sprint = await at.begun({**GATED, "args": {"gate": "gate"}})
    async with desk(tmp_path) as at:
        at.verbs.start()
        await until(lambda: at.verbs._sprinting is not None and at.verbs._sprinting.status())
        (tmp_path / "gate").touch()
        await at.ask("sprint-wait", sprint=sprint)
        assert (tmp_path / "work" / "g").exists()
