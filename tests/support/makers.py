"""Agents that make files for backlogs, and a diary of when each began and ended, which outlives every process."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from pools.agent import Agent

__all__ = ["Maker"]


def _note(folder: Path, line: str) -> None:
    descriptor = os.open(folder / "diary", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


class Maker(Agent):
    """Writes artifacts into the folder `work` of a folder."""

    made: int = 0

    def make(self, folder: str, name: str, text: str = "", hold_s: float = 0.0) -> int:
        """Write `work/NAME`; the diary says when that began and ended."""
        place = Path(folder)
        _note(place, f"begin {name}")
        if hold_s:
            time.sleep(hold_s)
        (place / "work" / name).write_text(text or f"{name} was made\n")
        self.made += 1
        _note(place, f"end {name}")
        return self.made

    async def wait_for(self, folder: str, name: str, gate: str) -> int:
        """The same, as soon as there is a file of that name."""
        while not (Path(folder) / gate).exists():
            await asyncio.sleep(0.01)
        return self.make(folder, name)

    def claim(self) -> str:
        """Say that it is done, and do nothing."""
        return "done"

    def fail(self, word: str) -> None:
        """Raise an error."""
        raise ValueError(word)
