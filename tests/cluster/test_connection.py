"""A connection to servers of which one does not answer any more: it is let go of, whatever was not sent to it yet."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop
from nats.errors import Error

from engine.cluster.access import connected
from engine.cluster.server import Server
from tests.support.fabric import Lines, access_to, servers
from tests.support.processes import until

pytestmark = pytest.mark.timeout(300)

#: More than a socket takes at once.
PIECE, PIECES = b"x" * 900_000, 30
#: Seconds of silence after which a server is left are four; a TLS connection that is ended in order waits for thirty more.
SOON_S = 24


@contextmanager
def stopped(made: list[Server], connection: Any) -> Iterator[None]:
    """The server of a connection stands still, as if its cable was pulled."""
    [pid] = [one.pid for one in made if connection.connected_url is not None and one.spec.port == connection.connected_url.port]
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def flood(connection: Any) -> None:
    with suppress(Error):
        for _ in range(PIECES):
            await connection.publish("x", PIECE)


async def left_and_closed(folder: Path, has_tls: bool, is_flooded: bool) -> None:
    """Another server is gone to soon; where there is none, the connection is closed soon."""
    said = Lines()
    async with servers(folder, 2, has_tls=has_tls) as made:
        connection = await connected(access_to(made), "test", said, wait_s=30)
        with stopped(made, connection):
            flooding = asyncio.ensure_future(flood(connection) if is_flooded else asyncio.sleep(0))
            await until(lambda: "connected to the fabric again" in said, SOON_S)
            await flooding
            assert (await connection.request("$SYS.REQ.USER.INFO", timeout=10)).data
            with stopped(made, connection):
                if is_flooded:
                    await asyncio.wait([asyncio.ensure_future(flood(connection))], timeout=1)
                async with asyncio.timeout(SOON_S):
                    await connection.close()


Way = Callable[[Awaitable[None]], None]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize(("has_tls", "is_flooded"), [(True, False), (False, True)], ids=["over TLS", "with much unsent"])
def test_a_server_that_does_not_answer_is_let_go_of(tmp_path: Path, run: Way, has_tls: bool, is_flooded: bool) -> None:
    run(left_and_closed(tmp_path, has_tls, is_flooded))
