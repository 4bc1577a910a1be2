"""How a process comes to the NATS servers of its cluster.

Owns the addresses, the secret that is read from a file of this user's alone, and a connection that comes back by itself: what
happens to it is told in one line each time, never as a traceback.
"""

from __future__ import annotations

import asyncio
import logging
import stat
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from engine.errors import ConfigError, NotRunning, Unavailable, UnsafePath

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats

__all__ = ["Access", "Denied", "Distrusted", "FabricAway", "connected", "require_nats", "secret_of"]

#: Seconds that one attempt to connect may take, and between two of them.
CONNECT_S, AGAIN_S = 2, 0.2
#: Errors in a row of which none is told twice.
SAID = 5
#: Seconds between two signs of life on a connection, and those that may be missing before a stopped server is left.
PING_S, PINGS = 2, 2
#: Bytes of a file that holds a secret.
SECRET_BYTES = 65_536


class FabricAway(NotRunning):
    """No server of the cluster answers."""


class Distrusted(FabricAway):
    """What answers is not to be told who comes: it has no TLS though that was asked for, or a strange certificate."""


class Denied(Unavailable):
    """The servers of the cluster refuse the credentials."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where the servers are, and who comes.

    urls: such as nats://10.0.0.1:4222.  credentials: a file of mode 0600, JSON with `user` and `password`.
    ca, cert, key: files for TLS. It is asked for by each of these, and by a url that begins with `tls`.
    """

    urls: tuple[str, ...]
    credentials: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @property
    def has_tls(self) -> bool:
        """Whether nothing is to be said in clear text."""
        return self.ca is not None or self.cert is not None or any(url.startswith("tls:") for url in self.urls)

    def options(self) -> dict[str, Any]:
        """What nats-py is told. Raises ConfigError, UnsafePath, OSError."""
        options: dict[str, Any] = {"servers": list(self.urls)}
        logging.getLogger("asyncio").addFilter(_is_worth_telling)
        if self.credentials is not None:
            options["user"], options["password"] = secret_of(self.credentials)
        if self.ca is not None or self.cert is not None:
            import ssl

            options["tls"] = context = ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))
            if self.cert is not None:
                context.load_cert_chain(self.cert, self.key)
        return options


def _is_worth_telling(record: logging.LogRecord) -> bool:
    """Whether asyncio says something: that a TLS connection of nats-py ended in its usual way is nothing."""
    return "eof_received() has no effect" not in str(record.msg)


def require_nats() -> None:
    """Raises Unavailable with the mend where the packages of the extra `cluster` are not installed."""
    from importlib.util import find_spec

    if find_spec("nats") is None:
        raise Unavailable("unavailable: nats-py is not installed; pip install 'microagent-engine[cluster]'")


def secret_of(file: Path) -> tuple[str, str]:
    """The user and the password of a file. Raises ConfigError, UnsafePath, OSError."""
    _check(file)
    try:
        document = orjson.loads(file.read_bytes()[:SECRET_BYTES])
        user, password = document["user"], document["password"]
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError("it is JSON with the texts user and password", key="credentials", file=file) from error
    if type(user) is not str or type(password) is not str or not user or not password:
        raise ConfigError("user and password are texts", key="credentials", file=file)
    return user, password


def _check(file: Path) -> None:
    found = file.stat()
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise UnsafePath(f"{file} is open to others ({stat.S_IMODE(found.st_mode):04o}); chmod 600 {file}", path=file)


async def connected(access: Access, name: str, told: Callable[[str], None], *, wait_s: float = CONNECT_S) -> Nats:
    """A connection that comes back by itself for ever. told: hears in a line what happens to it.

    wait_s: seconds to try at first.  Raises FabricAway where no server answers, Distrusted where one does that is not to know
    who comes, Denied where it refuses who comes, ConfigError, UnsafePath.
    """
    import ssl

    from nats import errors

    from engine.cluster.connection import CLOSE_S, Connection
    from engine.cluster.shelter import NoTls, Sheltered

    said: deque[str] = deque(maxlen=SAID)

    async def lost() -> None:
        if connection.options["allow_reconnect"] and not connection.is_closed:
            told("the connection to the fabric is lost; it is tried again")

    async def back() -> None:
        told("connected to the fabric again")

    async def failed(error: Exception) -> None:
        text = str(error) or type(error).__name__
        is_news = text not in said
        said.append(text)
        if is_news and connection.options["allow_reconnect"]:  # what goes wrong before is told by the error that is raised
            told(f"the fabric: {text}")

    where = ", ".join(access.urls)
    connection = Sheltered() if access.has_tls else Connection()
    try:
        async with asyncio.timeout(wait_s):
            await connection.connect(
                **access.options(),
                name=name,
                error_cb=failed,
                disconnected_cb=lost,
                reconnected_cb=back,
                connect_timeout=CONNECT_S,
                reconnect_time_wait=AGAIN_S,  # type: ignore[arg-type]
                max_reconnect_attempts=-1,
                allow_reconnect=False,
                ping_interval=PING_S,
                max_outstanding_pings=PINGS,
            )
    except (errors.Error, OSError, TimeoutError) as error:
        with suppress(errors.Error, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_S * 2):  # a TLS handshake that failed is never seen to end
                await connection.close()
        if "authorization" in str(error).lower():
            refused = f"the servers at {where} refuse these credentials ({access.credentials or 'none were given'})"
            raise Denied(refused) from error
        if isinstance(error, NoTls | ssl.SSLCertVerificationError):
            why = str(error) if isinstance(error, NoTls) else f"its certificate is not to be trusted: {error.verify_message}"
            raise Distrusted(f"{where}: {why}") from error
        raise FabricAway(f"no server answers at {where}{f': {said[-1]}' if said else ''}") from error
    connection.options["allow_reconnect"] = True
    return connection
