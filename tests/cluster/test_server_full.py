"""A NATS server whose disk is full: what it acknowledged is there, and it takes more as soon as there is room, by itself."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from nats.errors import Error

from engine.cluster.access import Access, connected
from tests.support.commands import ROOT
from tests.support.fabric import Lines, free_ports, secret
from tests.support.mounts import fill, mounted
from tests.support.processes import until

pytestmark = pytest.mark.timeout(300)

DISK_MB = 48
PIECE = b"x" * 60_000


class Watched:
    """A server that is watched as a node has it watched."""

    def __init__(self, folder: Path, name: str, port: int, **facts: Any) -> None:
        self.folder, self.url = folder / name, f"nats://127.0.0.1:{port}"
        document = {"name": name, "cluster": "c", "folder": name, "port": port, "credentials": "credentials-node.json"}
        file = folder / f"{name}.json"
        file.write_bytes(orjson.dumps(document | facts))
        words = [sys.executable, "-P", "-m", "engine.cluster.server", str(file)]
        environ = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
        self.said = folder / f"{name}.said"
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(words, env=environ, stderr=said)

    async def serves(self) -> None:
        await until(lambda: (self.folder / "serving.json").exists() or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.said.read_text()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)


@contextmanager
def watched(folder: Path, count: int) -> Iterator[list[Watched]]:
    """So many of them; the folder of the first one is `disk/mount`."""
    secret(folder)
    (folder / "s0").symlink_to(folder / "disk" / "mount")
    ports = free_ports(2 * count)
    peers = [f"127.0.0.1:{port}" for port in ports[count:]] if count > 1 else []
    made: list[Watched] = []
    try:
        for at in range(count):
            facts = {"peer_port": ports[count + at], "peers": peers} if peers else {}
            made.append(Watched(folder, f"s{at}", ports[at], **facts))
        yield made
    finally:
        for one in made:
            one.close()


async def sent(stream: Any, count: int) -> list[int]:
    """The numbers of so many messages, each sent until it is acknowledged."""
    return [(await stream.publish("kept", PIECE, timeout=2)).seq for _ in range(count)]


async def until_taken(stream: Any) -> int:
    """The number of a message that is tried until it is taken."""
    async with asyncio.timeout(90):
        while True:
            try:
                return (await sent(stream, 1))[0]
            except (Error, TimeoutError):
                await asyncio.sleep(0.2)


async def check(stream: Any, numbers: list[int]) -> None:
    for number in numbers:
        assert (await stream.get_msg("kept", number)).data == PIECE


async def test_a_lone_server_goes_on_by_itself_when_there_is_room(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    with mounted(tmp_path / "disk", "tmpfs", DISK_MB) as mount, watched(tmp_path, 1) as [server]:
        await server.serves()
        connection = await connected(Access((server.url,), tmp_path / "credentials-node.json"), "t", Lines(), wait_s=20)
        stream = connection.jetstream(timeout=2)
        await stream.add_stream(name="kept", subjects=["kept"])
        numbers = await sent(stream, 20)
        everything = fill(mount)
        with pytest.raises((Error, TimeoutError)):
            numbers += await sent(stream, 500)
        await until(lambda: "has no room" in server.said.read_text(), 60)
        everything.unlink()
        numbers.append(await until_taken(stream))
        assert "is started again, since its disk has room" in server.said.read_text()
        await check(stream, numbers)
        await connection.close()


@pytest.mark.skipif(not os.environ.get("ENGINE_CLUSTER_TEST"), reason="a longer proof: make cluster-test")
async def test_of_three_servers_the_full_one_counts_again_when_it_has_room(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    with mounted(tmp_path / "disk", "tmpfs", DISK_MB) as mount, watched(tmp_path, 3) as made:
        await asyncio.gather(*(server.serves() for server in made))
        access = Access(tuple(server.url for server in made[1:]), tmp_path / "credentials-node.json")
        connection = await connected(access, "t", Lines(), wait_s=20)
        stream = connection.jetstream(timeout=5)
        await stream.add_stream(name="kept", subjects=["kept"], num_replicas=3)
        numbers = await sent(stream, 20)
        everything = fill(mount)
        for _ in range(20):  # two of three go on
            numbers.append(await until_taken(stream))
        await until(lambda: "has no room" in made[0].said.read_text(), 60)
        everything.unlink()
        await until(lambda: "is started again" in made[0].said.read_text(), 60)
        await made[0].serves()

        async def is_whole() -> bool:
            cluster = (await stream.stream_info("kept")).cluster
            return cluster is not None and sum(bool(one.current) for one in cluster.replicas or ()) == 2

        async with asyncio.timeout(90):
            while not await is_whole():
                await asyncio.sleep(0.2)
        made[2].close()  # without the one that was full two could not agree now
        for _ in range(5):
            numbers.append(await until_taken(stream))
        await check(stream, numbers)
        await connection.close()
