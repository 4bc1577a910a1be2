"""`python -m examples.chores`: six workers do all chores, and the board is printed."""

from __future__ import annotations

import asyncio

from engine import Engine
from examples.chores.agents import Board, Worker

WORKERS = 6
CHORES = [f"chore-{number:02d}" for number in range(24)]
SHIPPED = ("engine.kinds.memory:Memory", "engine.kinds.topic:Topic")


async def main() -> None:
    """Each worker begins at another chore; where two meet, one of them comes late."""
    async with Engine(kinds=[Worker, Board, *SHIPPED]) as engine:
        await engine.spawn(Worker, WORKERS)
        await engine.spawn(Board, keys=["hall"])
        await engine.ask("topic/done", "subscribe", "board/hall", "hear")
        lists = [CHORES[number * 3 :] + CHORES[: number * 3] for number in range(WORKERS)]
        await asyncio.gather(*(engine.ask(f"worker/{number}", "work", chores) for number, chores in enumerate(lists)))
        while len(lines := await engine.ask("board/hall", "show")) < len(CHORES):
            await asyncio.sleep(0.01)
        print(*lines, sep="\n")


if __name__ == "__main__":
    asyncio.run(main())
