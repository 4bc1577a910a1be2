"""The worker of the yardstick `rawnats`: counters in one dict, tasks from a JetStream consumer, replies by plain publish. It
ends with the process that started it. Started as `python -m bench.natsworker URL STREAM SUBJECT AGENTS`."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import nats
import orjson
import uvloop
from nats.js.api import ConsumerConfig

from bench.counter import Counter

if TYPE_CHECKING:
    from nats.aio.msg import Msg

__all__ = ["main"]

#: tasks that the server hands out before the first of them is acknowledged: more than are ever in flight.
UNACKNOWLEDGED = 10_000


async def serve(url: str, stream: str, subject: str, agents: int) -> None:
    """Answer tasks until killed; a line on stdout says that it has begun."""
    counters = {f"counter/{number}": Counter() for number in range(agents)}
    connection = await nats.connect(url)

    async def on_task(message: Msg) -> None:
        address, method, argument, number, answers = orjson.loads(message.data)
        counter = counters[address]
        value = getattr(counter, method)() if argument is None else getattr(counter, method)(argument)
        await connection.publish(answers, orjson.dumps([number, value]))
        await message.ack()

    limits = ConsumerConfig(max_ack_pending=UNACKNOWLEDGED)
    await connection.jetstream().subscribe(subject, stream=stream, cb=on_task, manual_ack=True, config=limits)
    await connection.flush()
    print("ready", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    url, stream, subject, agents = sys.argv[1:]
    uvloop.run(serve(url, stream, subject, int(agents)))


if __name__ == "__main__":
    main()
