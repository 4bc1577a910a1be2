"""What sprints are worth, and how the one that runs stands, as their receipts are stamped."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from engine.engine import Engine
from engine.recount.sprintcount import read_sprints
from pools.agent import Agent
from pools.context import Context
from tests.support.planted import changes
from tests.support.processes import pool, running, until


class Builder(Agent):
    """Builds what it is told to, as soon as there is a file."""

    built: int = 0

    async def build(self, gate: str, tests: int, lines: int, ctx: Context) -> int:
        """Count what was built."""
        while not Path(gate).exists():
            await asyncio.sleep(0.005)
        ctx.report("tests", tests)
        ctx.report("lines", lines)
        self.built += 1
        return self.built

    def fail(self) -> None:
        """Build nothing."""
        raise ValueError("as told")


def backlog(folder: Path) -> dict[str, Any]:
    """Two tasks of one feature, one of another that fails, a bug; each waits for a file of its name."""

    def task(name: str, method: str = "build", **more: Any) -> dict[str, Any]:
        args = {"gate": str(folder / name), "tests": 3, "lines": 10} if method == "build" else {}
        return {"id": name, "role": "builder", "method": method, "args": args, **more}

    tasks = [task("a", feature="login"), task("b", feature="login"), task("c", bug="b1"), task("d", "fail", feature="search")]
    roles = {"builder": {"kind": "builder", "agents": 4}}
    return {"schema": "engine.backlog/v1", "name": "app", "roles": roles, "tasks": tasks}


def shown(engine: Engine) -> dict[str, Any]:
    return engine.overview().as_dict()


async def test_receipts_are_counted_as_they_are_stamped(tmp_path: Path) -> None:
    async with running([pool(1)], kinds=[Builder]) as engine:
        assert set(shown(engine)["impact"].values()) == {None}
        assert set(shown(engine)["sprint"].values()) == {None}
        archive = tmp_path / "sprints"
        running_all = asyncio.ensure_future(engine.sprint(backlog(tmp_path), folder=tmp_path, archive=archive))
        await until(lambda: shown(engine)["sprint"]["progress"] == 0.25)  # one has failed
        before = shown(engine)
        assert before["sprint"]["phase"] == "exec"
        assert 0 < before["sprint"]["left_s"] <= 900
        assert before["impact"] == {"features": 0, "tests": 0, "bugs_fixed": 0, "code_lines": 0}
        seen: list[dict[str, int]] = []
        for name, features, bugs in (("a", 0, 0), ("b", 1, 0), ("c", 1, 1)):
            (tmp_path / name).touch()
            built = len(seen) + 1
            await until(lambda built=built: shown(engine)["impact"]["tests"] == 3 * built)  # type: ignore[misc]
            seen.append(shown(engine)["impact"])
            assert seen[-1] == {"features": features, "tests": 3 * built, "bugs_fixed": bugs, "code_lines": 10 * built}
        (told,) = await running_all
        assert told["impact"]["tests"] == 9
        assert shown(engine)["impact"] == seen[-1] == read_sprints(archive)
        assert set(shown(engine)["sprint"].values()) == {None}
    async with running([pool(1)], kinds=[Builder]) as engine:
        engine.sprinting_in(archive)
        await until(lambda: shown(engine)["impact"]["tests"] is not None)
        assert shown(engine)["impact"] == seen[-1], "they are read from what is kept"


async def test_a_sprint_that_another_follows_says_when(tmp_path: Path) -> None:
    async with running([pool(1)], kinds=[Builder]) as engine:
        before = shown(engine)
        document = backlog(tmp_path)
        ending = asyncio.ensure_future(engine.sprint(document, folder=tmp_path, sprints=2, archive=tmp_path / "sprints"))
        await until(lambda: shown(engine)["sprint"]["progress"] == 0.25)
        now = shown(engine)
        assert now["sprint"]["next_in_s"] == now["sprint"]["left_s"]
        minutes, seconds = divmod(int(now["sprint"]["next_in_s"]), 60)
        assert [alert["level"] for alert in now["alerts"]] == ["ok", "info"]
        assert abs(int(now["alerts"][1]["text"].split()[-1].replace(":", "")) - (minutes * 100 + seconds)) <= 1
        assert "agents.total" in changes(before, now)
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)
