"""An agent each of whose tasks is one event that an overview counts, and what differs between two documents."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pools.agent import Agent

__all__ = ["MEASURED", "Planted", "changes", "flat"]

#: Cells that time alone may change, in any engine that runs: how they follow from an event is tested by itself.
MEASURED = frozenset(
    {
        "time_s",
        "uptime_s",
        "performance.efficiency",
        "resources.cpu",
        "resources.memory_bytes",
        "resources.memory",
        "resources.network_bytes_per_s",
        "resources.disk_bytes_per_s",
        "rates",
    }
)


class Planted(Agent):
    """Does what is planted."""

    total: int = 0
    text: str = ""

    def add(self, number: int) -> int:
        """Count."""
        self.total += number
        return self.total

    def fail(self) -> None:
        """Fail."""
        raise ValueError("as told")

    def nap(self, seconds: float) -> None:
        """Keep the worker, and use no processor."""
        time.sleep(seconds)

    def spin(self, seconds: float) -> None:
        """Take so many seconds of a processor."""
        until_s = time.thread_time() + seconds
        while time.thread_time() < until_s:
            pass

    def keep(self, size: int) -> int:
        """Have a state of so many bytes."""
        self.text = "x" * size
        self.total += 1
        return self.total

    async def wait(self, path: str) -> int:
        """Wait until there is a file."""
        while not Path(path).exists():
            await asyncio.sleep(0.005)
        self.total += 1
        return self.total

    def end(self) -> None:
        """End the process."""
        os._exit(3)


def flat(document: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Every cell by its path; lists as a whole, and what is measured all the time left out."""
    for key, value in document.items():
        path = f"{before}{key}"
        if path in MEASURED:
            continue
        if isinstance(value, Mapping):
            yield from flat(value, f"{path}.")
        else:
            yield path, value


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The cells that differ: for numbers by how much, else what they are now."""
    old, new = dict(flat(before)), dict(flat(after))
    assert old.keys() == new.keys()
    found = {}
    for path, value in new.items():
        if value != old[path]:
            is_number = isinstance(value, int) and isinstance(old[path], int)
            found[path] = value - old[path] if is_number else value
    return found
