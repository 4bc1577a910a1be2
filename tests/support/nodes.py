"""Nodes of a cluster under test: an engine each, with its gateway, all real processes that end with the test."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import psutil

from engine.client import Client
from engine.cluster.access import connected
from engine.cluster.membership import Patience
from engine.cluster.sender import Sender
from engine.cluster.server import Server
from tests.support.commands import Commands
from tests.support.fabric import access_to, servers
from tests.support.hosts import Host
from tests.support.processes import until
from tests.support.seen import Seen

__all__ = ["Cluster", "Node", "clusters"]

POOLS = "agents: 1000\ndurability: sync\npools:\n  p1: {agents: 1000}\n"
#: A kind whose tasks leave a line for each run, and take as long as a file is there.
MARKER = """
import asyncio
from pathlib import Path
from engine import Agent

class Marker(Agent):
    seen: list[str] = []

    async def mark(self, folder: str, word: str) -> list[str]:
        with (Path(folder) / "runs").open("a") as runs:
            runs.write(word + "\\n")
        while (Path(folder) / "hold").exists():
            await asyncio.sleep(0.02)
        self.seen.append(word)
        return list(self.seen)

    async def asks(self, folder: str, word: str, other: str, ctx) -> int:
        with (Path(folder) / "runs").open("a") as runs:
            runs.write(word + "\\n")
        return await ctx.ask(other, "get")
"""
#: A kind whose tasks leave a file in the work folder of their node, and a line for each run; odd ones take as long as a file is
#: there.
MAKER = """
import asyncio
import os
from pathlib import Path
from engine import Agent

class Maker(Agent):
    made: int = 0

    async def make(self, folder: str, name: str) -> int:
        with (Path(folder) / "runs").open("a") as runs:
            runs.write(name + "\\n")
        while int(name[1:]) % 2 and (Path(folder) / "hold").exists():
            await asyncio.sleep(0.02)
        place = Path(os.environ["ENGINE_HOME"]).parent / "work" / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"{name} was made\\n")
        self.made += 1
        return self.made

    async def build(self, folder: str, name: str, parts: list[str]) -> int:
        work = Path(os.environ["ENGINE_HOME"]).parent / "work"
        text = "".join((work / part).read_text() for part in parts)
        done = await self.make(folder, name)
        (work / name).write_text(text + f"{name} was built\\n")
        return done

    async def claim(self, folder: str, name: str) -> str:
        return name
"""
TIMES: dict[str, float] = {"task_lease_s": 1.5, "heartbeat_s": 0.3, "suspicious_s": 1.0, "offline_s": 2.0}
TIMES |= {"leader_lease_s": 2.0, "leader_check_s": 0.5}


class Node:
    """A node: its engine keeps its state on the disk."""

    def __init__(self, folder: Path, name: str, facts: dict[str, Any], agents: int) -> None:
        self.agents = agents
        self.folder = folder / name
        self.folder.mkdir()
        self.name = name
        self.commands = Commands(self.folder)
        (self.folder / "pools.yaml").write_text(POOLS)
        (self.folder / "marker.py").write_text(MARKER)
        (self.folder / "maker.py").write_text(MAKER)
        self.file = self.folder / "node.json"
        engine = {"name": "engine", "home": str(self.commands.home)}
        self.file.write_bytes(orjson.dumps({"id": name, "cluster": "c", "engine": engine, **TIMES, **facts}))
        self.gateway: subprocess.Popen[bytes] | None = None
        self.driver: subprocess.Popen[bytes] | None = None
        #: What its gateway's command begins with, where it runs on a host of its own.
        self.prefix: list[str] = []

    @property
    def environ(self) -> dict[str, str]:
        """Variables with which its engine is found."""
        return self.commands.environ

    def tell(self, **facts: Any) -> None:
        """Change what its file says."""
        self.file.write_bytes(orjson.dumps(orjson.loads(self.file.read_bytes()) | facts))

    async def start_engine(self) -> None:
        """Have it run, with counters and markers of its own."""
        done = await asyncio.to_thread(self.commands, "start")
        assert done.returncode == 0, done.stderr
        async with Client(environ=self.commands.environ) as client:
            await client.ready(60)
            reference = f"{self.folder}/marker.py:Marker"
            await client.spawn("marker", self.agents, reference=reference, paths=[str(self.folder)])
            await client.spawn("counter", self.agents)
            reference = f"{self.folder}/maker.py:Maker"
            await client.spawn("maker", self.agents, reference=reference, paths=[str(self.folder)])

    def start_gateway(self) -> None:
        """Start its gateway; what it says is in gateway.log."""
        words = [*self.prefix, sys.executable, "-P", "-m", "engine.cluster.gateway", str(self.file)]
        with (self.folder / "gateway.log").open("ab") as log:
            self.gateway = subprocess.Popen(words, env=self.commands.environ, stderr=log)

    def start_driver(self) -> None:
        """Start its driver; what it says is in driver.log."""
        words = [*self.prefix, sys.executable, "-P", "-m", "engine.cluster.driver", str(self.file)]
        with (self.folder / "driver.log").open("ab") as log:
            self.driver = subprocess.Popen(words, env=self.commands.environ, stderr=log)

    def kill_driver(self) -> None:
        """Kill it, where it runs."""
        if self.driver is not None:
            self.driver.kill()
            self.driver.wait(timeout=20)

    @property
    def driven(self) -> str:
        """What its driver said."""
        log = self.folder / "driver.log"
        return log.read_text() if log.exists() else ""

    @property
    def log(self) -> str:
        """What its gateway said."""
        return (self.folder / "gateway.log").read_text()

    async def joined(self, within_s: float = 60) -> None:
        """Return once its gateway has joined."""
        assert self.gateway is not None
        joined, gateway = self.folder / "joined.json", self.gateway
        pid = gateway.pid
        await until(
            lambda: gateway.poll() is not None or (joined.exists() and orjson.loads(joined.read_bytes())["pid"] == pid),
            within_s,
        )
        assert gateway.poll() is None, self.log

    def kill_gateway(self) -> None:
        """Kill it, where it runs."""
        if self.gateway is not None:
            self.gateway.kill()
            self.gateway.wait(timeout=20)

    def processes(self) -> list[psutil.Process]:
        """Its gateway, and its engine with all that this has started."""
        daemon = psutil.Process(int((self.commands.home / "run" / "engine" / "daemon.lock").read_text()))
        gateway = [] if self.gateway is None else [psutil.Process(self.gateway.pid)]
        return [*gateway, daemon, *daemon.children(recursive=True)]

    async def kill_engine(self) -> None:
        """Kill the engine's process."""
        pid = (await asyncio.to_thread(self.commands.document, "stats"))["pid"]
        os.kill(pid, 9)

    def close(self) -> None:
        """End everything of it."""
        self.kill_driver()
        self.kill_gateway()
        self.commands.close()


class Cluster(Seen[Node]):
    """Nodes and the servers that join them. folder: where markers leave their lines."""

    def __init__(self, folder: Path, made: list[Server], names: Sequence[str], agents: int) -> None:
        self.servers = made
        urls = [server.spec.url for server in made]
        facts = {"urls": urls, "credentials": str(made[0].spec.credentials), "nodes": list(names), "replicas": len(made)}
        super().__init__("c", folder, {name: Node(folder, name, facts, agents) for name in names})

    @asynccontextmanager
    async def sender(self, **facts: Any) -> AsyncIterator[Sender]:
        """A sender with a connection of its own."""
        nats = await connected(access_to(self.servers), "sender", self.said, wait_s=30)
        try:
            patience = Patience(0.3, 1.0, 2.0)
            made = Sender(nats, "c", list(self.nodes), replicas=len(self.servers), patience=patience, **facts)
            async with made as sender:
                yield sender
        finally:
            await nats.close()


@asynccontextmanager
async def clusters(
    folder: Path,
    names: Sequence[str] = ("n1", "n2"),
    count: int = 1,
    on: Sequence[Host] = (),
    agents: int = 20,
    prepared: Callable[[Node], None] = lambda _node: None,
) -> AsyncIterator[Cluster]:
    """A cluster whose nodes have all joined; `count` servers.  on: a host for each node's gateway.

    agents: of each kind on every node that are its own, and none of the cluster's.
    prepared: called with each node before anything of it is started.
    """
    async with servers(folder, count, "0.0.0.0" if on else "127.0.0.1") as made:
        cluster = Cluster(folder, made, names, agents)
        for node, host in zip(cluster.nodes.values(), on, strict=False):
            node.prefix = host.prefix
            node.tell(urls=[f"nats://{host.gateway}:{server.spec.port}" for server in made])
        for node in cluster.nodes.values():
            prepared(node)
        try:
            await asyncio.gather(*(node.start_engine() for node in cluster.nodes.values()))
            for node in cluster.nodes.values():
                node.start_gateway()
            await asyncio.gather(*(node.joined() for node in cluster.nodes.values()))
            yield cluster
        finally:
            for node in cluster.nodes.values():
                node.close()
