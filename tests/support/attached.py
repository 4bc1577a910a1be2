"""The dashboard on a real engine: keys are pressed, and what the engine then says is looked at."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.command import CommandList, CommandPalette
from textual.pilot import Pilot

from engine.dashboard.app import Dashboard
from engine.dashboard.live import LiveSource
from tests.support.commands import Commands
from tests.support.glass import shown

__all__ = ["KIND", "Attached", "Counted", "attached"]

#: A kind with a method for everything that is to be seen.
KIND = """
from __future__ import annotations

import asyncio
import time
from typing import Any, ClassVar

from pools.agent import Agent
from pools.log import Log


class Scout(Agent):
    restart_kind: ClassVar[str] = "temporary"
    seen: int = 0
    notes: Log[str]

    def visit(self, page: str) -> int:
        self.seen += 1
        self.notes.append(page)
        return self.seen

    def crash(self, page: str) -> None:
        raise KeyError(page)

    async def wait(self, seconds: float, ctx: Any) -> int:
        await ctx.checkpoint(kind="milestone", progress=0.5, partial_result={"seen": self.seen})
        await asyncio.sleep(seconds)
        return self.seen

    def stall(self) -> None:
        time.sleep(60)
"""
#: Seconds that anything here may take.
WITHIN_S = 20.0


class Counted(LiveSource):
    """A source that keeps what was asked, and how many agents came."""

    def __init__(self, *facts: Any) -> None:
        super().__init__(*facts)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.rows: list[int] = []

    async def ask(self, verb: str, **facts: Any) -> Any:
        self.asked.append((verb, facts))
        answer = await super().ask(verb, **facts)
        if verb == "agents":
            self.rows.append(len(answer["agents"]))
        return answer


class Attached:
    """A dashboard that runs on an engine."""

    def __init__(self, pilot: Pilot[int], source: Counted) -> None:
        self.pilot = pilot
        self.source = source

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()

    async def until(self, is_so: Callable[[], Any], what: str = "") -> Any:
        """Wait until something is so; returns it."""
        deadline_s = time.monotonic() + WITHIN_S
        while not (found := is_so()):
            assert time.monotonic() < deadline_s, f"{what}\n{shown(self.pilot)}\n{self.notices}"
            await self.pilot.pause(0.05)
        return found

    async def sees(self, *texts: str) -> str:
        """Wait until texts stand on the screen, all of them at once; returns the whole screen.

        A screen is drawn in parts: that one of them stands there says nothing of the others.
        """
        text = shown(self.pilot)
        deadline_s = time.monotonic() + WITHIN_S
        while missing := [one for one in texts if one not in text]:
            assert time.monotonic() < deadline_s, f"no {missing}\n{text}\n{self.notices}"
            await self.pilot.pause(0.05)
            text = shown(self.pilot)
        return text

    async def hears(self, text: str) -> None:
        """Wait until a notice says something."""
        await self.until(lambda: any(text in one for one in self.notices), f"no notice {text!r}")

    @property
    def notices(self) -> list[str]:
        """What was said in notices so far."""
        return [f"{one.title}: {one.message}" for one in self.pilot.app._notifications]

    async def says(self, verb: str, **facts: Any) -> Any:
        """What the engine answers."""
        return await LiveSource.ask(self.source, verb, **facts)

    async def chooses(self, command: str) -> None:
        """Choose a command in the palette."""
        app = self.pilot.app
        await self.press("ctrl+p")
        await self.until(lambda: isinstance(app.screen, CommandPalette), "no palette")
        palette = app.screen
        for letter in command:
            await self.pilot.press("space" if letter == " " else letter)
        found = palette.query_one(CommandList)
        await self.until(
            lambda: found.option_count and command in str(found.get_option_at_index(0).prompt), f"no command {command!r}"
        )
        await self.until(lambda: found.highlighted == 0)
        await self.press("enter")
        await self.until(lambda: app.screen is not palette, "the palette stays")

    async def does(self, command: str) -> None:
        """Choose a command in the palette, and say yes."""
        await self.chooses(command)
        await self.sees("y  Yes")
        await self.press("y")


@asynccontextmanager
async def attached(engine: Commands, *keys: str, size: tuple[int, int] = (120, 40), **facts: Any) -> AsyncIterator[Attached]:
    """A dashboard on a running engine, after some keys."""
    source = Counted("engine", engine.environ)
    app = Dashboard(source, **facts)
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            made = Attached(pilot, source)
            await made.until(lambda: source.is_live and app.board is not None)
            await made.press(*keys)
            yield made
    finally:
        await source.close()
        await asyncio.sleep(0)
