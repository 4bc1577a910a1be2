"""Whether the user's own servers can carry a cluster, tried from one of its nodes before anything is started there.

Owns what they must be: reached, safe to be told who comes, willing to let that one in, keepers of streams, as many of them as
the file asks for. What is made for it is gone again. As a program, on a node: `python -m engine.cluster.trial node.json`, which
says in a line what is wrong, and ends with 2 where another try is no use.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine import errors
from engine.cluster.access import Distrusted, FabricAway, connected, require_nats
from engine.cluster.nodefile import NodeFile, read_node_file
from engine.cluster.subjects import Subjects
from engine.errors import EngineError, Unavailable, exit_code

if TYPE_CHECKING:
    from nats.js.client import JetStreamContext

__all__ = ["Unfit", "main", "tried"]

#: Seconds that the servers have to answer, and each question to them.
CONNECT_S, ASK_S = 5.0, 5.0
#: Bytes of what is made to see whether it can be.
BYTES = 4_096
#: What servers say that have just begun, and have no leader among them yet.
BUSY = 10_008


class Unfit(Unavailable):
    """The servers cannot carry a cluster as its file wants it."""


async def tried(node: NodeFile) -> None:
    """Return if the servers of a node can carry its cluster. Raises FabricAway, Denied, Unfit, ConfigError, UnsafePath."""
    nats = await connected(node.access, f"trial-{node.id}", lambda _line: None, wait_s=CONNECT_S)
    try:
        await _keep(nats.jetstream(timeout=ASK_S), node)
    finally:
        await nats.close()


async def _keep(context: JetStreamContext, node: NodeFile) -> None:
    """Find out whether they keep what is written, so often."""
    from nats.errors import Error
    from nats.js.api import StorageType, StreamConfig
    from nats.js.errors import NotFoundError

    where, wanted = ", ".join(node.urls), node.replicas
    try:
        await context.account_info()
        try:
            there = (await context.stream_info(Subjects(node.cluster).tasks)).config.num_replicas or 1
        except NotFoundError:
            name = f"{node.cluster}-trial"
            config = StreamConfig(
                name=name, subjects=[f"{node.cluster}.trial"], storage=StorageType.FILE, num_replicas=wanted, max_bytes=BYTES
            )
            await context.add_stream(config)
            await context.delete_stream(name)
            return
    except (Error, TimeoutError) as error:
        if isinstance(error, TimeoutError) or getattr(error, "err_code", None) == BUSY:
            raise FabricAway(f"the servers at {where} keep nothing now: {_said(error)}") from error
        raise Unfit(f"the servers at {where} cannot keep what a cluster needs, on {wanted}: {_said(error)}") from error
    if there < wanted:
        said = f"the servers at {where} keep this cluster on {there}, and the file asks for {wanted}"
        raise Unfit(f"{said}: that is decided when it begins; write replicas: {there}, or give the cluster another name")


def _said(error: Exception) -> str:
    """What a server said; that it has no streams at all is said by nobody answering."""
    from nats.errors import NoRespondersError
    from nats.js.errors import APIError, ServiceUnavailableError

    is_silent = isinstance(error, ServiceUnavailableError) and error.err_code is None
    if is_silent or isinstance(error, NoRespondersError):
        return "they have no JetStream (it is switched on with `jetstream {}`), or not for this user"
    described = error.description if isinstance(error, APIError) else None
    return described or str(error) or type(error).__name__


def main(words: list[str]) -> int:
    """Try the servers of a node; returns the exit code."""
    if len(words) != 1:
        print("usage: python -m engine.cluster.trial node.json", file=sys.stderr)
        return errors.WRONG
    try:
        require_nats()
        asyncio.run(tried(read_node_file(Path(words[0]))))
    except (EngineError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return errors.WRONG if isinstance(error, Distrusted) else exit_code(error)
    return errors.DONE


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
