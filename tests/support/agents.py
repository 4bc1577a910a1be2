"""Agents for tests with real workers: each does what its message says."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from pools.agent import Agent
from pools.context import Context
from pools.log import Log
from pools.method import task

__all__ = ["Asker", "Book", "Chore", "Doer", "Few", "Payer", "Tally", "Waiter"]


class Stranger(BaseException):
    """What some libraries raise to get past `except Exception`."""


class Tally(Agent):
    """Counts; the lightest agent."""

    total: int = 0

    def add(self, x: int) -> int:
        """Add x."""
        self.total += x
        return self.total

    def get(self) -> int:
        """The total."""
        return self.total

    def pair(self, x: int = 0, y: int = 0) -> list[int]:
        """What came."""
        return [x, y]

    def where(self) -> list[int]:
        """The process it lives in, and its number among the agents by its key."""
        return [os.getpid(), int(self.key) if self.key.isdigit() else -1]


class Doer(Agent):
    """Does one of many things, most of them bad."""

    done: int = 0

    def do(self, what: str, number: float = 0) -> Any:
        """Do it."""
        self.done += 1
        return getattr(self, f"_{what}")(number)

    def _ok(self, _number: float) -> int:
        return self.done

    def _fail(self, _number: float) -> None:
        raise ValueError("as told")

    def _exit(self, _number: float) -> None:
        raise SystemExit(3)

    def _end(self, number: float) -> None:
        os._exit(int(number))

    def _kill(self, _number: float) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def _recurse(self, number: float) -> None:
        self._recurse(number)

    def _stranger(self, _number: float) -> None:
        raise Stranger("a stranger")

    def _surrogate(self, _number: float) -> None:
        raise ValueError("half \udc80 a character")

    def _deep(self, number: float) -> Any:
        value: Any = []
        for _ in range(int(number)):
            value = [value]
        return value

    def _long(self, number: float) -> str:
        return "x" * int(number)

    def _hang(self, _number: float) -> None:
        while True:
            pass

    def _stall(self, number: float) -> None:
        time.sleep(number)

    def _pid(self, _number: float) -> int:
        return os.getpid()

    def _modules(self, _number: float) -> list[str]:
        return sorted(sys.modules)

    def _descriptors(self, _number: float) -> list[str]:
        return [str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.exists()]

    def _loop(self, _number: float) -> str:
        return type(asyncio.get_running_loop()).__module__

    def _path(self, _number: float) -> list[str]:
        return sys.path


class Book(Agent):
    """Has state that can change in place."""

    pages: list[int]
    index: dict[str, list[int]]
    notes: Log[Any]

    def write(self, page: int) -> list[int]:
        """Add a page; returns the agent's own list."""
        self.pages.append(page)
        return self.pages

    def spoil(self, page: int) -> None:
        """Change everything, then fail."""
        self.pages.append(page)
        self.index.setdefault("a", []).append(page)
        self.notes.append(page)
        raise ValueError("as told")

    def show(self) -> list[Any]:
        """All of the state."""
        return [self.pages, self.index, list(self.notes)]

    def grow(self, size: int) -> int:
        """Fill the pages."""
        self.pages = [7] * size
        return size

    def any_value(self, value: Any) -> Any:
        """Give back what came."""
        return value


class Waiter(Agent):
    """Waits without holding anybody up."""

    count: int = 0

    async def wait(self, seconds: float) -> int:
        """Wait, then count."""
        self.count += 1
        await asyncio.sleep(seconds)
        return self.count

    async def forever(self) -> None:
        """Wait until the end of the world."""
        self.count += 1
        await asyncio.get_running_loop().create_future()

    def seen(self) -> int:
        """How many waits began and were kept."""
        return self.count


class Chore(Agent):
    """Does what is written down for later: in its order, sometimes only after a few attempts, and saying how far it is."""

    words: Log[str]

    def note(self, word: str) -> int:
        """Write a word down; returns how many there are."""
        self.words.append(word)
        return len(self.words)

    def told(self) -> list[str]:
        """The words."""
        return list(self.words)

    def attempt(self, file: str, failures: int, error: str = "ValueError") -> int:
        """Fail so many times, counted in a file, since what a failed task did is taken back; returns the attempts."""
        with Path(file).open("ab") as tries:
            tries.write(b".")
        attempts = Path(file).stat().st_size
        if attempts <= failures:
            raise {"ValueError": ValueError, "KeyError": KeyError}[error](f"attempt {attempts}")
        return attempts

    async def hold(self, file: str) -> None:
        """Wait until there is a file."""
        while not Path(file).exists():
            await asyncio.sleep(0.005)

    async def hold_half(self, file: str, ctx: Context) -> None:
        """The same, half way through."""
        ctx.progress(0.25)
        ctx.progress(0.5)
        await self.hold(file)
        ctx.progress(0.75)

    def sleep(self, seconds: float) -> None:
        """Hold the whole worker up."""
        time.sleep(seconds)

    def sleep_half(self, seconds: float, ctx: Context) -> None:
        """The same, half way through."""
        ctx.progress(0.5)
        time.sleep(seconds)

    @task(max_run_s=60)
    def sleep_alone(self, seconds: float, ctx: Context) -> None:
        """The same, in a process of its own."""
        ctx.progress(0.5)
        time.sleep(seconds)

    def progress(self, fraction: float, ctx: Context) -> None:
        """Say how far it is."""
        ctx.progress(fraction)


class Few(Agent):
    """Waits, few of its kind at once."""

    concurrency = 5
    count: int = 0

    async def wait(self, seconds: float) -> int:
        """Wait, then count."""
        await asyncio.sleep(seconds)
        self.count += 1
        return self.count


class Asker(Agent):
    """Speaks with other agents."""

    heard: int = 0

    async def ask(self, address: str, method: str, ctx: Context, arguments: list[Any] | None = None) -> Any:
        """Ask another agent, and give back what it said."""
        return await ctx.ask(address, method, *(arguments or ()))

    async def chain(self, addresses: list[str], ctx: Context) -> int:
        """Ask the first to ask the second, and so on; the last one counts."""
        first, *rest = addresses
        if not rest:
            return int(await ctx.ask(first, "add", 1))
        return int(await ctx.ask(first, "chain", rest))

    def tell(self, address: str, x: int, ctx: Context, times: int = 1) -> int:
        """Tell a tally to add x, some times."""
        for _ in range(times):
            ctx.tell(address, "add", x)
        return times

    def tell_and_fail(self, address: str, ctx: Context) -> None:
        """Tell, then fail: nobody hears anything."""
        ctx.tell(address, "add", 1_000)
        ctx.spawn("tally", "never")
        ctx.timer(0, "hear", 1_000)
        raise ValueError("as told")

    def tell_order(self, address: str, count: int, ctx: Context) -> None:
        """Send the pages 0 to count - 1 to a book."""
        for page in range(count):
            ctx.tell(address, "write", page)

    def flood(self, address: str, ctx: Context) -> None:
        """Send more than one task may."""
        for _ in range(20_000):
            ctx.tell(address, "add", 1)

    def make(self, kind: str, key: str, ctx: Context) -> None:
        """Make another agent, and tell it something at once."""
        ctx.spawn(kind, key)
        ctx.tell(f"{kind}/{key}", "add", 5)

    def later(self, after_s: float, x: int, ctx: Context) -> None:
        """Have `hear` called after a while."""
        ctx.timer(after_s, "hear", x)

    def hear(self, x: int) -> int:
        """Note what was heard."""
        self.heard += x
        return self.heard

    def say(self, text: str, ctx: Context) -> None:
        """Write a line into the engine's log."""
        ctx.log(text)


class Payer(Agent):
    """Sends what it counts: every payment is in one tally, sooner or later."""

    paid: int = 0

    def pay(self, to: str, ctx: Context) -> int:
        """Pay one."""
        self.paid += 1
        ctx.tell(to, "add", 1)
        return self.paid

    def seen(self) -> int:
        """How much was paid."""
        return self.paid
