"""The hold that one `up` has on a cluster, so that two at once do not make two clusters of it.

Owns the lock, which is taken on the first node of the file that answers: whoever types `up`, and wherever, comes to the same
one. A process on that node has it as long as its output is read, so that it is free again however the command ended.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import socket
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from engine.cluster import fabriconnode
from engine.cluster.far import document
from engine.cluster.outcome import NodeFailed
from engine.errors import NotRunning

if TYPE_CHECKING:
    from engine.cluster.clusterfile import Cluster
    from engine.cluster.node import Node

__all__ = ["Hold", "Occupied"]


class Occupied(NotRunning):
    """Somebody else brings the cluster up now; the message says who."""


class Hold:
    """The hold on a cluster for the time of a block: `with Hold(cluster):`. It works beside whatever the block does."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._loop = asyncio.new_event_loop()
        self._had: Future[str] = Future()
        self._keeping: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="hold", daemon=True)

    def __enter__(self) -> Self:
        """Raises Occupied; where no node answers there is nothing to hold."""
        self._thread.start()
        try:
            if refused := self._had.result():
                raise Occupied(refused)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        with suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join()

    def _cancel(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()

    def _run(self) -> None:
        self._keeping = self._loop.create_task(self._keep())
        self._keeping.add_done_callback(self._ended)
        try:
            self._loop.run_until_complete(asyncio.wait((self._keeping,)))
        finally:
            self._loop.close()

    def _ended(self, keeping: asyncio.Task[None]) -> None:
        """Tell who still waits for it what went wrong."""
        error = None if keeping.cancelled() else keeping.exception()
        if not self._had.done():
            self._tell("") if error is None else self._had.set_exception(error)

    async def _keep(self) -> None:
        """Have it on the first node that gives it, until cancelled."""
        for node in self._cluster.nodes:
            with suppress(NodeFailed):
                await self._keep_on(node)
            if self._had.done():
                return

    async def _keep_on(self, node: Node) -> None:
        """Have it on this node, as long as that answers. Raises NodeFailed."""
        from engine.cluster.reach import connected

        said = bytearray()

        def heard(part: bytes) -> None:
            if self._had.done():
                return
            said.extend(part)
            if b"\n" in said:
                told = document(bytes(said.partition(b"\n")[0]))
                if told.get("ok"):
                    self._tell("" if told["who"] is None else f"{node.id}: somebody else brings this cluster up: {told['who']}")

        async with connected(node, self._cluster.ssh) as remote:
            root = await remote.place(self._cluster.folder)
            words = ["env", "python3", "-I", "-", json.dumps({"do": "hold", "root": root, "who": _who()})]
            await remote.run(words, stdin=fabriconnode.program(), on_out=heard)

    def _tell(self, refused: str) -> None:
        self._had.set_result(refused)


def _who() -> str:
    """Who types this, and where."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    since = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    return f"{user} at {socket.gethostname()}, process {os.getpid()}, since {since}"
