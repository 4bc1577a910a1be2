"""Where a worker's process begins, after its fork.

Owns what is the process's own: its loop, its signals, its socket, and the pipe by which it ends with the engine. What it does
from then on is `worker`'s business; it is forked by `zygote`.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import time

import uvloop

from pools.channel import Channel
from pools.gauges import Gauges
from pools.seclusion import die_with
from pools.shift import Shift
from pools.speech import listened

__all__ = ["main"]


def main(channel_fd: int, lifeline: int, gauges_fd: int, rows: int, *, is_heard: bool = False) -> None:
    """Run one worker until the engine goes away.

    channel_fd: its socket.  lifeline: a pipe of which the engine holds the other end.
    gauges_fd: the table that all workers share, of `rows` rows.  is_heard: the engine reads what is written to standard error.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with(lifeline)
    if is_heard:
        listened()
    left: int | None = channel_fd
    while left is not None:
        left = _live(left, Gauges(rows, os.dup(gauges_fd)))
        gc.unfreeze()
        gc.collect()  # what the time before has left


def _live(channel_fd: int, gauges: Gauges) -> int | None:
    """Be a worker, until the place is given up; returns the socket for the next time."""
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = Shift(loop, gauges)
    channel = Channel(worker.on_message, worker.on_closed, time.time)
    worker.attach(channel)
    loop.run_until_complete(loop.create_connection(lambda: channel, sock=socket.socket(fileno=channel_fd)))
    loop.run_forever()
    loop.close()
    return worker.left
