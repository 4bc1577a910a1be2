"""`python -m bench.oracle HOME NAME AGENTS ASKERS`: adds one to agents picked at random, over whatever happens to the engine,
until its standard input ends; first it says `ready`. Then it waits until every add has its answer, reads every agent and says
what does not add up. Where it is told to end, nobody can be read: all that was answered is lost.

It knows the engine as a client does, and counts for itself. A client asks again under its own numbers until it has the answer.
Some agents are large, so that logs are rolled and folded all the time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from random import Random
from typing import Any

import uvloop

from bench.yardlink import ROOT
from engine import Client
from engine.errors import EngineError
from pools.errors import LinkClosed, PoolError

__all__ = ["main"]

#: Seconds that an engine may be away before its client gives up.
PATIENCE_S = 60.0
#: Large agents, how large, who adds to them, and the seconds between two adds of one of these.
BLOTS, BLOT_BYTES, SPILLERS, SPILL_S = 8, 400_000, 2, 0.01
#: Seconds that an agent gets to be readable in the end, and between two tries.
READ_S, READ_PAUSE_S = 5.0, 0.2


class Oracle:
    """Counts of each agent: adds that were issued, answered, and that failed, of which nobody knows whether they ran."""

    def __init__(self, client: Client, agents: int, chance: Random) -> None:
        self._client = client
        self._chance = chance
        self._agents = agents
        self.addresses = [f"counter/{key}" for key in range(agents)] + [f"blot/{key}" for key in range(BLOTS)]
        self.issued = [0] * len(self.addresses)
        self.unknown = [0] * len(self.addresses)
        self.answered = 0
        self.errors: dict[str, int] = {}
        self.is_over = False

    async def add_again_and_again(self) -> None:
        """Add one to one agent after the other, each when the one before has its answer."""
        while not self.is_over:
            await self._add(self._chance.randrange(self._agents), 1)

    async def spill_again_and_again(self) -> None:
        """The same with those that are large."""
        while not self.is_over:
            await self._add(self._agents + self._chance.randrange(BLOTS), BLOT_BYTES)
            await asyncio.sleep(SPILL_S)

    async def _add(self, at: int, what: int) -> None:
        self.issued[at] += 1
        try:
            await self._client.ask(self.addresses[at], "add", what)
        except (PoolError, EngineError) as error:
            self.unknown[at] += 1
            name = type(error).__name__
            self.errors[name] = self.errors.get(name, 0) + 1
            await asyncio.sleep(0.01)
        else:
            self.answered += 1

    async def report(self) -> dict[str, Any]:
        """What every agent has, against what it should have; one that cannot be read has nothing."""
        values = await self._read()
        lost = doubled = 0
        for issued, unknown, value in zip(self.issued, self.unknown, values, strict=True):
            lost += max(issued - unknown - (value or 0), 0)
            doubled += max((value or 0) - issued, 0)
        return self.told(lost, doubled, values.count(None), (await self._stats())["tasks"])

    async def _stats(self) -> dict[str, Any]:
        """What the engine says of itself, which may be on its way back."""
        until_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await self._client.stats()
            except LinkClosed:
                if time.monotonic() > until_s:
                    raise
                await asyncio.sleep(READ_PAUSE_S)

    async def _read(self) -> list[int | None]:
        """The value of each agent; None for one that cannot be read for READ_S seconds."""
        values: list[int | None] = [None] * len(self.addresses)
        until_s = time.monotonic() + READ_S
        while None in values and time.monotonic() < until_s:
            left = [at for at, value in enumerate(values) if value is None]
            async for result in self._client.map((self.addresses[at], "get") for at in left):
                if result.ok:
                    values[left[result.id]] = result.value
            await asyncio.sleep(READ_PAUSE_S)
        return values

    def told(self, lost: int, doubled: int, unread: int, tasks: dict[str, int] | None) -> dict[str, Any]:
        """The report. unread: agents that cannot be read.  tasks: the engine's own tally."""
        return {
            "lost": lost,
            "doubled": doubled,
            "unread": unread,
            "issued": sum(self.issued),
            "answered": self.answered,
            "unknown": sum(self.unknown),
            "errors": self.errors,
            "tasks": tasks,
        }


async def watch(home: str, name: str, agents: int, askers: int) -> None:
    """Add until standard input ends, then report."""
    chance = Random(int(os.environ.get("BENCH_SEED", "1")))
    loop = asyncio.get_running_loop()
    async with Client(name=name, environ={**os.environ, "ENGINE_HOME": home}, patience_s=PATIENCE_S) as client:
        await client.spawn("blot", BLOTS, reference="blot:Blot", paths=[str(ROOT / "bench")])
        print("ready", flush=True)
        oracle = Oracle(client, agents, chance)
        loop.add_signal_handler(signal.SIGTERM, _give_up, oracle)
        adders = [asyncio.ensure_future(oracle.add_again_and_again()) for _ in range(askers)]
        adders += [asyncio.ensure_future(oracle.spill_again_and_again()) for _ in range(SPILLERS)]
        await loop.run_in_executor(None, sys.stdin.read)
        oracle.is_over = True
        await asyncio.gather(*adders)
        print(json.dumps(await oracle.report()), flush=True)


def _give_up(oracle: Oracle) -> None:
    """Report that nothing of what was answered can be read, and end."""
    print(json.dumps(oracle.told(oracle.answered, 0, len(oracle.addresses), None)), flush=True)
    os._exit(0)


def main() -> None:
    """Run as the arguments say."""
    home, name, agents, askers = sys.argv[1:]
    uvloop.run(watch(home, name, int(agents), int(askers)))


if __name__ == "__main__":
    main()
