"""The yardstick of the cluster: the same tasks over the same server with nats-py and no engine. Each task is one message that
JetStream has synced before it is acknowledged, and one reply by plain publish; a worker process stands in for each node."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Self

import nats
import orjson
from nats.js.api import RetentionPolicy, StorageType, StreamConfig

from bench.tasks import AGENTS, Passes
from bench.yardlink import ROOT
from engine.cluster.tether import tethered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nats.aio.msg import Msg

    from bench.tasks import Call

__all__ = ["RawNats"]

#: the stream that it keeps its tasks in.
STREAM = "raw"

#: seconds after which it is said that something was lost.
RUN_S = 120.0

#: seconds that a worker may take to begin, a publish to be acknowledged, and a worker to end after it was told to.
READY_S, PUBLISH_S, END_S = 60.0, 30.0, 5.0


class RawNats:
    """A client with its workers; the agent with number i belongs to worker i modulo their number."""

    def __init__(self, url: str, workers: int) -> None:
        self._url = url
        self._processes: list[subprocess.Popen[bytes]] = []
        self._workers = workers
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def __aenter__(self) -> Self:
        self._connection = await nats.connect(self._url)
        self._stream = self._connection.jetstream(timeout=PUBLISH_S)
        self._answers = self._connection.new_inbox()
        await self._connection.subscribe(self._answers, cb=self._on_answer)
        try:
            await self._stream.add_stream(
                StreamConfig(
                    name=STREAM, subjects=[f"{STREAM}.*"], retention=RetentionPolicy.WORK_QUEUE, storage=StorageType.FILE
                )
            )
            for number in range(self._workers):
                self._processes.append(self._start(number))
            async with asyncio.timeout(READY_S):
                for process in self._processes:
                    assert process.stdout is not None
                    if await asyncio.to_thread(process.stdout.readline) != b"ready\n":
                        raise OSError("a worker of the yardstick ended before it began")
        except BaseException:
            await self.__aexit__()
            raise
        return self

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        words = [self._url, STREAM, f"{STREAM}.{number}", str(AGENTS)]
        argv = tethered([sys.executable, "-m", "bench.natsworker", *words])
        return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE)

    async def __aexit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            await asyncio.to_thread(process.wait, END_S)
            assert process.stdout is not None
            process.stdout.close()
        await self._stream.delete_stream(STREAM)
        await self._connection.close()

    async def run(self, passes: Passes, in_flight: int) -> float:
        """Run each task once, so many at a time; returns the seconds, after all replies were checked."""
        got: list[Any] = [None] * len(passes.tasks)
        work = iter(enumerate(passes.tasks.calls))
        gc.collect()
        start = time.perf_counter()
        async with asyncio.timeout(RUN_S):
            await asyncio.gather(*(self._asker(work, got) for _ in range(in_flight)))
        seconds = time.perf_counter() - start
        passes.check(got)
        return seconds

    async def _asker(self, work: Iterator[tuple[int, Call]], got: list[Any]) -> None:
        loop = asyncio.get_running_loop()
        for number, (address, method, argument) in work:
            self._waiting[number] = answer = loop.create_future()
            subject = f"{STREAM}.{int(address.rpartition('/')[2]) % self._workers}"
            payload = orjson.dumps([address, method, argument, number, self._answers])
            await self._stream.publish(subject, payload, stream=STREAM)
            got[number] = await answer

    async def _on_answer(self, message: Msg) -> None:
        number, value = orjson.loads(message.data)
        self._waiting.pop(number).set_result(value)
