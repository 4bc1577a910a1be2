"""An agent that fetches pages, and its tests: no process, no waiting, a worker that dies when the test says so."""

from __future__ import annotations

from engine import Agent, Context
from engine.testing import SimSwarm


class Scout(Agent):
    seen: int = 0

    async def visit(self, url: str, ctx: Context) -> int:
        size: int = await ctx.step("fetch", len, url)
        self.seen += 1
        ctx.timer(60, "visit", url)  # again in a minute
        return size


async def test_a_scout_comes_back_every_minute(swarm: SimSwarm) -> None:
    await swarm.spawn(Scout, 1)
    await swarm.ask("scout/0", "visit", "https://example.org")
    await swarm.advance(180)
    assert swarm.state("scout/0") == {"seen": 4}


async def test_a_scout_survives_its_worker(swarm: SimSwarm) -> None:
    await swarm.spawn(Scout, 1)
    swarm.kill_after_step("scout/0", "fetch")  # dies between the step and the end of the task
    assert await swarm.ask("scout/0", "visit", "https://example.org") == 19
    assert swarm.state("scout/0") == {"seen": 1}
