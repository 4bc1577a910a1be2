"""A module of agents in several versions, each in a folder of its own, and a load on its agents that counts its answers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from engine.engine import Engine
from pools.spec import PoolSpec

__all__ = ["Load", "open_shop", "versions", "write"]

FIRST = """
from pools.agent import Agent
from pools.context import Context

class Till(Agent):
    total: int = 0

    def add(self, n: int) -> int:
        self.total += n
        return self.total

    def version(self) -> int:
        return 1

    async def rest(self, seconds: float) -> int:
        import asyncio
        await asyncio.sleep(seconds)
        return self.version()

    def call(self, target: str, is_well: bool, ctx: Context) -> int:
        with ctx.outside(target):
            if not is_well:
                raise OSError("no route")
        return self.version()

    def later(self, seconds: float, ctx: Context) -> None:
        ctx.timer(seconds, "add", 1000)
"""
#: What each version has instead of what the first one has.
CHANGES: dict[str, dict[str, str]] = {
    "same": {"return 1": "return 2"},
    "bad": {
        "return 1": "return 3",
        "        self.total += n": "        if self.total % 10 == 9:\n            raise ValueError\n        self.total += n",
    },
    "wider": {
        "total: int = 0": "cents: int = 0\n    sales: int = 0",
        "self.total += n\n": "self.cents += 100 * n\n        self.sales += 1\n",
        "return self.total": "return self.cents // 100",
        "return 1": "return 4",
    },
    "silent": {"total: int = 0": "total: int = 0\n    sales: int = 0", "return 1": "return 5"},
    "other": {"class Till": "class Desk"},
    "broken": {"class Till": "class Till(Nothing)\nclass Till"},
    "hanging": {"from pools.context": "import time\ntime.sleep(60)\nfrom pools.context"},
    "deadly": {"return 1": "import os\n        os._exit(3)"},
}
#: The same fields, with ways between them that some states do not go.
CHANGES |= dict.fromkeys(("uneven", "rising", "mortal"), CHANGES["wider"])
WAYS = """
    @staticmethod
    def upgrade(state):
        return {"cents": state["total"] * 100, "sales": 0}

    @staticmethod
    def downgrade(state):
        return {"total": state["cents"] // 100}
"""
#: What each version has instead in these ways.
WAYS_CHANGED: dict[str, dict[str, str]] = {
    "wider": {},
    "uneven": {'return {"total"': 'if state["cents"] == 700:\n            raise LookupError("seven")\n        return {"total"'},
    "rising": {'return {"cents"': 'if state["total"] == 7:\n            raise LookupError("seven")\n        return {"cents"'},
    "mortal": {'return {"total"': 'if state["cents"] == 700:\n            import os; os._exit(3)\n        return {"total"'},
}


def write(folder: Path, version: str = "first") -> Path:
    """Write a version of the module into a folder, and return that."""
    source = FIRST
    for old, new in CHANGES.get(version, {}).items():
        assert old in source
        source = source.replace(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    ways = WAYS if version in WAYS_CHANGED else ""
    for old, new in WAYS_CHANGED.get(version, {}).items():
        assert old in ways
        ways = ways.replace(old, new)
    (folder / "shop.py").write_text(source + ways)
    return folder


async def versions(engine: Any, count: int) -> set[int]:
    """The versions that the first so many agents run."""
    return set(await asyncio.gather(*(engine.ask(f"till/{key}", "version") for key in range(count))))


class Load:
    """Asks agents to add 1 all the time. ended: answers by what they were.  slowest_s: of all answers."""

    def __init__(self, engine: Any, agents: int, callers: int = 20) -> None:
        self.ended: Counter[str] = Counter()
        self.slowest_s = 0.0
        self._engine, self._agents = engine, agents
        self._is_on = True
        self._tasks = [asyncio.create_task(self._call(number, callers)) for number in range(callers)]

    async def _call(self, key: int, step: int) -> None:
        while self._is_on:
            key = (key + step) % self._agents
            began_s = time.monotonic()
            try:
                await self._engine.ask(f"till/{key}", "add", 1)
                self.ended["ok"] += 1
            except Exception as error:
                self.ended[getattr(error, "type", type(error).__name__)] += 1
            self.slowest_s = max(self.slowest_s, time.monotonic() - began_s)
            await asyncio.sleep(0.002)

    async def stop(self) -> Counter[str]:
        """Ask nothing more; returns what became of all that was asked."""
        self._is_on = False
        await asyncio.gather(*self._tasks)
        return self.ended

    async def total(self) -> int:
        """What all agents have been given."""
        asked = (self._engine.ask(f"till/{key}", "add", 0) for key in range(self._agents))
        return sum(await asyncio.gather(*asked))


@asynccontextmanager
async def open_shop(
    folder: Path, workers: int = 4, agents: int = 400, *, is_kept: bool = False, **facts: Any
) -> AsyncIterator[Engine]:
    """An engine with agents of the first version."""
    first = write(folder / "first")
    kept: Mapping[str, Any] = {"data": folder / "data"} if is_kept else {}
    pool = PoolSpec("p", agents=10_000, workers=workers)
    async with Engine(kinds=["shop:Till"], paths=[str(first)], pools=[pool], **kept, **facts) as engine:
        await engine.spawn("till", agents)
        yield engine
