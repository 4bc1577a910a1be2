"""A cluster as it is measured: one real NATS server, and nodes that are an engine with a gateway each, all processes of their
own that end with the block."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from bench.daemon import NAME, Daemon, own_daemon
from bench.yardlink import ROOT
from engine.cluster.access import connected
from engine.cluster.sender import Sender
from engine.cluster.server import Server, ServerSpec
from engine.cluster.tether import tethered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["NODES", "Fabric", "Node", "own_cluster"]

#: nodes of the cluster, and its name.
NODES, CLUSTER = ("n1", "n2"), "bench"

#: seconds that a gateway may take to join, and to end; and between two looks at one that joins.
JOIN_S, END_S, LOOK_S = 60.0, 40.0, 0.05

#: pools of an engine that is one of several on this machine.
POOLS = "agents: {agents}\ndurability: sync\npools:\n  bench: {{agents: {agents}, workers: 1}}\n"


class Node:
    """A node: an engine with so many counters, and its gateway where it is clustered."""

    def __init__(self, name: str, daemon: Daemon, folder: Path, url: str) -> None:
        self.daemon = daemon
        self._gateway: subprocess.Popen[bytes] | None = None
        self._file = folder / name / "node.json"
        self._file.parent.mkdir()
        self._log = self._file.with_name("gateway.log")
        engine = {"name": NAME, "home": daemon.environ["ENGINE_HOME"]}
        facts = {"cluster": CLUSTER, "id": name, "nodes": NODES, "urls": [url], "engine": engine}
        self._file.write_bytes(orjson.dumps(facts))

    def spawn(self, agents: int) -> None:
        """Start its engine."""
        self.daemon.spawn(agents, self.daemon.pools(POOLS.format(agents=agents)))

    async def join(self) -> None:
        """Start its gateway; returns once it has joined.  Raises OSError with what it said where it does not."""
        self._gateway = gateway = self._start()
        until_s = time.monotonic() + JOIN_S
        while not self._file.with_name("joined.json").exists():
            if gateway.poll() is not None or time.monotonic() > until_s:
                raise OSError(f"a gateway did not join: {self._log.read_text()}")
            await asyncio.sleep(LOOK_S)

    def _start(self) -> subprocess.Popen[bytes]:
        argv = tethered([sys.executable, "-P", "-m", "engine.cluster.gateway", str(self._file)])
        with self._log.open("wb") as log:
            return subprocess.Popen(argv, cwd=ROOT, stderr=log)

    def leave(self) -> None:
        """End its gateway, in order."""
        if self._gateway is not None:
            self._gateway.terminate()
            try:
                self._gateway.wait(END_S)
            except subprocess.TimeoutExpired:
                self._gateway.kill()
                self._gateway.wait()
            self._gateway = None


class Fabric:
    """The nodes, and the server that joins them."""

    def __init__(self, folder: Path, daemons: list[Daemon]) -> None:
        self._server = Server(ServerSpec("s1", CLUSTER, folder / "s1", port=_free_port()), lambda _line: None)
        self.url = self._server.spec.url
        self.nodes = [Node(name, daemon, folder, self.url) for name, daemon in zip(NODES, daemons, strict=True)]

    async def join(self) -> None:
        """Have the server serve and all nodes join."""
        await self._server.start()
        await self._server.ready()
        for node in self.nodes:
            await node.join()

    async def part(self) -> None:
        """End what joins the engines; they go on, each alone."""
        for node in self.nodes:
            await asyncio.to_thread(node.leave)
        await self._server.stop()

    @asynccontextmanager
    async def sender(self) -> AsyncIterator[Sender]:
        """Who sends tasks into the cluster, and stands on no node of it: all its tasks go to another process and back."""
        nats = await connected(self._server.spec.access, "bench", lambda _line: None)
        try:
            async with Sender(nats, CLUSTER, NODES) as sender:
                yield sender
        finally:
            await nats.close()


@asynccontextmanager
async def own_cluster(agents: int) -> AsyncIterator[Fabric]:
    """A cluster whose nodes have so many counters each and have joined, for the time of the block."""
    with ExitStack() as stack:
        daemons = [stack.enter_context(own_daemon()) for _ in NODES]
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        fabric = Fabric(folder, daemons)
        try:
            for node in fabric.nodes:
                node.spawn(agents)
            await fabric.join()
            yield fabric
        finally:
            await fabric.part()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port
