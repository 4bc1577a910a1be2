"""A connection to NATS that says nothing of who comes until it is encrypted.

Owns that one rule: nats-py uses TLS where a server's greeting asks for it, which anybody on the way can change, and else sends
user and password in clear text. It is held each time a connection is made, the later ones too.
"""

from __future__ import annotations

from nats.errors import Error

from engine.cluster.connection import Connection

__all__ = ["NoTls", "Sheltered"]


class NoTls(Error):
    """TLS was asked for, and the server has none."""


class Sheltered(Connection):
    """A client of servers that are spoken to over TLS, or not at all."""

    def _connect_command(self) -> bytes:
        """What names who comes: the first that is sent, right after TLS has begun."""
        writer = getattr(self._transport, "_io_writer", None)
        if writer is None or writer.get_extra_info("ssl_object") is None:
            if writer is not None:
                writer.close()
            raise NoTls("the server offers no TLS, which was asked for: nothing was sent to it")
        return super()._connect_command()
