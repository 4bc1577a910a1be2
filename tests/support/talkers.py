"""Agents that say something."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from engine import Agent, task
from pools.context import Context

__all__ = ["Talker", "Walker"]

print("talkers are imported")

#: Threads that all agents of a worker use.
SHARED = ThreadPoolExecutor(2)


def helped(text: str) -> None:
    """A function that knows of no agent."""
    print("helper:", text)


class Talker(Agent):
    """Says what it is told to."""

    said: int = 0

    def say(self, text: str) -> int:
        print(text)
        self.said += 1
        return self.said

    def bare(self) -> None:
        print("bare")

    def ways(self, text: str) -> None:
        helped(text)
        print(f"error: {text}", file=sys.stderr)
        logging.getLogger("a.library").warning("library: %s", text)
        sys.stdout.write("written\n")

    async def wait(self, text: str, ctx: Context) -> str:
        print(f"before {text}")
        await asyncio.sleep(0.005)
        print(f"after {text}")
        return ctx.task_id

    async def spread(self) -> None:
        async def one(name: str) -> None:
            await asyncio.sleep(0.001)
            print(name)

        await asyncio.gather(one("gathered"), asyncio.create_task(one("made")))
        await asyncio.to_thread(print, "from a thread")

    def start_threads(self, name: str) -> None:
        thread = threading.Thread(target=print, args=(f"{name}: thread",))
        thread.start()
        thread.join()
        later = threading.Timer(0.001, print, (f"{name}: later",))
        later.start()
        SHARED.submit(print, f"{name}: pool").result()
        SHARED.submit(SHARED.submit, print, f"{name}: pool of pool")

    async def start_later(self, name: str) -> None:
        await asyncio.sleep(0)
        self.start_threads(name)
        await asyncio.get_running_loop().run_in_executor(SHARED, print, f"{name}: executor")

    def known(self, text: str, ctx: Context) -> str:
        print(text)
        ctx.log(f"log: {text}")
        ctx.log("hidden", level="debug")
        ctx.tell("talker/9", "bare")
        return ctx.task_id

    async def passes_on(self, other: str, ctx: Context) -> str:
        print("asks")
        await ctx.ask(other, "say", "asked")
        print("was answered")
        return ctx.task_id

    def many(self, count: int) -> int:
        for number in range(count):
            print(number)
        return count

    def fail(self) -> None:
        print("fails")
        raise ValueError("as told")

    @task(max_run_s=20)
    def alone(self, text: str) -> int:
        print(f"alone: {text}")
        print("unended", end="")
        return os.getpid()

    @task(max_run_s=20)
    async def alone_later(self, text: str, ctx: Context) -> str:
        await asyncio.sleep(0.001)
        print(f"later: {text}")
        ctx.log("logged alone")
        return ctx.task_id

    def die(self) -> None:
        print("last words")
        os._exit(3)

    def hang(self) -> None:
        print("hangs")
        while True:
            pass

    def run_program(self) -> None:
        os.write(1, b"past the interpreter\n")


class Walker(Agent):
    """Takes steps, and asks others."""

    sum: int = 0

    def add(self, x: int) -> int:
        print("adds")
        self.sum += x
        return self.sum

    def pass_on(self, others: list[str], ctx: Context) -> int:
        first, *rest = others
        ctx.tell(first, "pass_on" if rest else "add", rest or 1)
        self.sum += 1
        return self.sum

    async def walk(self, other: str, ctx: Context) -> int:
        print("walks")
        first = await ctx.step("look", lambda: 1)
        second = await ctx.step("go", self._go)
        asked: int = await ctx.ask(other, "add", 5)
        self.sum += asked
        return int(first + second + asked)

    @staticmethod
    async def _go() -> int:
        await asyncio.sleep(0.001)
        return 2

    async def stumble(self, ctx: Context) -> None:
        await ctx.step("fall", self._fall)

    @staticmethod
    def _fall() -> None:
        raise ValueError("fell")

    @task(max_run_s=20)
    def alone(self) -> int:
        self.sum += 1
        return self.sum
