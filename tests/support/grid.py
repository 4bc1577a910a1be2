"""A cluster that the command line brought up on a network of hosts, and what can be done to one of these."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from nats.errors import Error
from nats.js.api import ClusterInfo

from engine.cluster.access import Access, connected
from engine.cluster.membership import Patience
from engine.cluster.nodefile import read_node_file
from engine.cluster.sender import Sender
from tests.support.clusters import TIMING
from tests.support.commands import Commands
from tests.support.lan import Host, lan
from tests.support.processes import ended_within, until
from tests.support.seen import Seen
from tests.support.tinywheels import tiny

__all__ = ["DRIVES", "LEADS", "Grid", "Station", "grids"]

#: A kind whose tasks leave a line for each run, and take as long as a file is in the folder of their node.
MARKER = """
import asyncio
import os
from pathlib import Path
from engine import Agent

class Marker(Agent):
    seen: list[str] = []

    async def mark(self, folder: str, word: str) -> list[str]:
        with (Path(folder) / "runs").open("a") as runs:
            runs.write(word + "\\n")
        while (Path(os.environ["ENGINE_HOME"]).parent / "hold").exists():
            await asyncio.sleep(0.05)
        self.seen.append(word)
        return list(self.seen)
"""
#: The cluster, and the engine of each node.
NAME = "engine"
#: What the log of a node says when it leads the cluster, and when it drives the sprints.
LEADS, DRIVES = "leads", "drives the sprints"
#: What a server's log says when it leads the servers.
METALEADER = re.compile(r"^\[\d+\] (\S+ \S+) .*Self is new JetStream cluster metadata leader", re.MULTILINE)


class Station:
    """A node: its host, and the folder of the cluster there."""

    def __init__(self, name: str, host: Host, environ: Mapping[str, str]) -> None:
        self.name = name
        self.host = host
        self.root = host.home / "c"
        #: Marks do not end there while this file is there.
        self.hold = self.root / "hold"
        self.environ = {**environ, "ENGINE_HOME": str(self.root / "home")}

    @property
    def log(self) -> str:
        """What its server, its gateway and its driver said."""
        file = self.root / "attendant.log"
        return file.read_text() if file.exists() else ""

    @property
    def has_server(self) -> bool:
        """Whether a server stands there."""
        return (self.root / "server.json").exists()

    def tokens(self, word: str = LEADS) -> list[int]:
        """Those with which it led, or with `DRIVES` drove the sprints."""
        return [int(token) for token in re.findall(rf"{word}, with token (\d+)", self.log)]

    def pids(self) -> list[int]:
        """All that runs there but its sshd."""
        return [pid for pid in self.host.pids() if pid != self.host.sshd.process.pid]

    def kill(self) -> list[int]:
        """Have all of it be gone at once, as if the power was; returns what that was. Its sshd stays."""
        gone: list[int] = []
        while pids := self.pids():
            gone += pids
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            assert ended_within(pids, 20)
        return gone


class Grid(Seen[Station]):
    """The cluster. engine: commands for it."""

    def __init__(self, engine: Commands, hosts: list[Host]) -> None:
        made = {f"n{at}": Station(f"n{at}", host, engine.environ) for at, host in enumerate(hosts, 1)}
        super().__init__(NAME, engine.folder, made)
        self.engine = engine
        self.wheels = tiny(engine.folder / "wheels")

    def command(self, *words: str, code: int = 0, timeout_s: float = 280) -> Any:
        """What a verb of the cluster says as JSON."""
        done = self.engine("cluster", *words, "--json", timeout_s=timeout_s)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def up(self, code: int = 0) -> Any:
        """Bring it up, or what is missing of it."""
        return self.command("up", "-j", "8", "--wheelhouse", str(self.wheels), code=code)

    def spawn(self, agents: int) -> None:
        """Have so many counters, and markers."""
        code = self.folder / "code"
        code.mkdir()
        (code / "marker.py").write_text(MARKER)
        self.command("spawn", "counter", "--count", str(agents))
        self.command("spawn", "--use", "marker:Marker", "--path", str(code), "--count", str(agents))

    @property
    def access(self) -> Access:
        """How one comes to its servers."""
        return read_node_file(self.nodes["n1"].root / "node.json").access

    @asynccontextmanager
    async def sender(self) -> AsyncIterator[Sender]:
        """A sender on this machine, which has a cable of its own."""
        nats = await connected(self.access, "sender", self.said, wait_s=30)
        try:
            patience = Patience(TIMING["heartbeat_s"], TIMING["suspicious_s"], TIMING["offline_s"])
            async with Sender(nats, NAME, list(self.nodes), replicas=len(self.access.urls), patience=patience) as sender:
                yield sender
        finally:
            await nats.close()

    def leader(self, word: str = LEADS) -> Station:
        """The node that led last, or with `DRIVES` drove the sprints."""
        return max(self.nodes.values(), key=lambda node: max(node.tokens(word), default=0))

    def metaleader(self) -> Station:
        """The node whose server led the servers last."""
        found = {}
        for node in self.nodes.values():
            log = node.root / "server" / "nats.log"
            told = METALEADER.findall(log.read_text()) if log.exists() else []
            found[max(told, default="")] = node
        return found[max(found)]

    async def streamleader(self, sender: Sender, stream: str = "tasks") -> Station:
        """The node whose server leads a stream."""
        async with asyncio.timeout(60):
            while True:
                info = await sender.nats.jetstream(timeout=10).stream_info(f"{NAME}-{stream}")
                if info.cluster is not None and info.cluster.leader in self.nodes:
                    return self.nodes[info.cluster.leader]
                await asyncio.sleep(0.1)

    async def whole(self, sender: Sender, within_s: float) -> None:
        """Return once every server has all that is kept, so that another one may be lost."""
        context = sender.nats.jetstream(timeout=10)
        async with asyncio.timeout(within_s):
            while True:
                with suppress(Error, TimeoutError):
                    streams = await context.streams_info()
                    readers = [one for each in streams for one in await context.consumers_info(each.config.name or "")]
                    if all(_is_whole(one.cluster) for one in (*streams, *readers)):
                        return
                await asyncio.sleep(0.5)


def _is_whole(cluster: ClusterInfo | None) -> bool:
    """Whether all servers that keep something are there, and have all of it."""
    others = [] if cluster is None else cluster.replicas or []
    return cluster is None or bool(cluster.leader and all(one.current and not one.offline for one in others))


@asynccontextmanager
async def grids(engine: Commands, folder: Path, count: int, agents: int = 40) -> AsyncIterator[Grid]:
    """A cluster on so many hosts, with agents; it is stopped afterwards, and nothing of it may be left."""
    with _prepared(engine, folder, count) as grid:
        try:
            await asyncio.to_thread(grid.up)
            await asyncio.to_thread(grid.spawn, agents)
            await until(lambda: grid.leader().tokens(), 60)
            yield grid
        finally:
            stopped = await asyncio.to_thread(engine, "cluster", "stop", timeout_s=280)
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr
        left = {node.name: node.pids() for node in grid.nodes.values()}
        assert not any(left.values()), left


@contextmanager
def _prepared(engine: Commands, folder: Path, count: int) -> Iterator[Grid]:
    engine.environ["HOME"] = str(folder)
    net = folder / "net"
    net.mkdir()
    with lan(net, count) as made:
        roles = dict.fromkeys(range(1, count + 1), "worker") | {1: "primary"}
        nodes = [
            {"id": f"n{at}", "address": f"root@{host.address}", "role": roles[at], "agents": 1000}
            for at, host in enumerate(made.hosts, 1)
        ]
        ssh = {"identity": str(made.identity), "known_hosts": str(made.known), "connect_timeout_s": 20}
        document = {"name": NAME, "folder": "~/c", "ssh": ssh, "timing": TIMING, "nodes": nodes}
        (engine.folder / "cluster.yaml").write_text(json.dumps(document))
        yield Grid(engine, made.hosts)
