"""A connection to the servers of a cluster that lets go of one which does not answer any more.

Owns how a connection ends. The library ends each one in order: what was not sent yet is sent first, and over TLS the server
says goodbye too. A server whose host is lost does neither, and would be waited for until the system gives it up: half a minute
over TLS, a quarter of an hour with something unsent. What was not sent then is what a lost connection loses in any case.
"""

from __future__ import annotations

import asyncio
from typing import Any

from nats.aio.client import Client
from nats.aio.transport import TcpTransport

__all__ = ["CLOSE_S", "Connection"]

#: Seconds that a server has to take the last of what was sent, and to say goodbye.
CLOSE_S = 1.0


class Connection(Client):
    """It."""

    _broken: asyncio.StreamWriter | None = None

    async def _attempt_reconnect(self) -> None:
        """Go to another server: this one is lost already."""
        self._break()
        await super()._attempt_reconnect()

    async def _connect_to_server(self, s: Any) -> None:
        """Come to a server, with nothing left of the one before."""
        self._break()
        await super()._connect_to_server(s)

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        """Close it for good: in order, where the server does its part."""
        breaking = asyncio.get_running_loop().call_later(CLOSE_S, self._break)
        try:
            await super()._close(status, do_cbs)
        finally:
            breaking.cancel()

    def _break(self) -> None:
        """Have the socket closed as it is; once, since what is closed twice over TLS knows of no socket any more."""
        transport = self._transport
        writer = transport._io_writer if isinstance(transport, TcpTransport) else None
        if writer is not None and writer is not self._broken:
            self._broken = writer
            writer.transport.abort()
