"""`python -m bench.oracle HOME NAME AGENTS ASKERS`: adds one to agents picked at random, over whatever happens to the engine,
until its standard input ends; then it waits until every add has its answer, reads every agent and says what does not add up.

It knows the engine as a client does, and counts for itself."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from random import Random
from typing import Any

import uvloop

from engine import Client
from engine.errors import EngineError
from pools.errors import PoolError

__all__ = ["main"]

#: Seconds that an engine may be away before its client gives up.
PATIENCE_S = 60.0


class Oracle:
    """Counts of each agent: adds that were issued, answered, and that failed, of which nobody knows whether they ran."""

    def __init__(self, client: Client, agents: int, chance: Random) -> None:
        self._client = client
        self._chance = chance
        self.issued = [0] * agents
        self.unknown = [0] * agents
        self.answered = 0
        self.errors: dict[str, int] = {}
        self.is_over = False

    async def add_again_and_again(self) -> None:
        """Add one to one agent after the other, each when the one before has its answer."""
        agents = len(self.issued)
        while not self.is_over:
            key = self._chance.randrange(agents)
            self.issued[key] += 1
            try:
                await self._client.ask(f"counter/{key}", "add", 1)
            except (PoolError, EngineError) as error:
                self.unknown[key] += 1
                name = type(error).__name__
                self.errors[name] = self.errors.get(name, 0) + 1
                await asyncio.sleep(0.01)
            else:
                self.answered += 1

    async def report(self) -> dict[str, Any]:
        """What every agent has, against what it should have."""
        lost = doubled = 0
        tasks = [(f"counter/{key}", "get") for key in range(len(self.issued))]
        async for result in self._client.map(tasks):
            if not result.ok:
                raise ValueError(f"{tasks[result.id][0]} cannot be read: {result.error}")
            issued, unknown = self.issued[result.id], self.unknown[result.id]
            lost += max(issued - unknown - result.value, 0)
            doubled += max(result.value - issued, 0)
        stats = await self._client.stats()
        return {
            "lost": lost,
            "doubled": doubled,
            "issued": sum(self.issued),
            "answered": self.answered,
            "unknown": sum(self.unknown),
            "errors": self.errors,
            "tasks": stats["tasks"],
        }


async def watch(home: str, name: str, agents: int, askers: int) -> None:
    """Add until standard input ends, then report."""
    chance = Random(int(os.environ.get("BENCH_SEED", "1")))
    async with Client(name=name, environ={**os.environ, "ENGINE_HOME": home}, patience_s=PATIENCE_S) as client:
        oracle = Oracle(client, agents, chance)
        adders = [asyncio.ensure_future(oracle.add_again_and_again()) for _ in range(askers)]
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        oracle.is_over = True
        await asyncio.gather(*adders)
        print(json.dumps(await oracle.report()), flush=True)


def main() -> None:
    """Run as the arguments say."""
    home, name, agents, askers = sys.argv[1:]
    uvloop.run(watch(home, name, int(agents), int(askers)))


if __name__ == "__main__":
    main()
