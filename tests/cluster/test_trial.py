"""The user's own servers are tried before anything is started: what they lack is named."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from engine.cluster.access import Access, connected
from engine.cluster.nodefile import NodeFile
from engine.cluster.server import program
from engine.cluster.trial import Unfit, main, tried
from tests.support.fabric import Lines, access_to, free_ports, servers

pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def bare(*words: str) -> AsyncIterator[Access]:
    """A server that somebody else has set up."""
    port = free_ports(1)[0]
    command: Sequence[str] = [program(), "--addr", "127.0.0.1", "--port", str(port), *words]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        access = Access((f"nats://127.0.0.1:{port}",))
        await (await connected(access, "test", Lines(), wait_s=20)).close()
        yield access
    finally:
        running.kill()
        running.wait(timeout=20)


def node(folder: Path, access: Access, replicas: int = 1) -> NodeFile:
    return NodeFile(folder / "node.json", "c", "n1", ("n1",), access.urls, credentials=access.credentials, replicas=replicas)


async def test_servers_that_keep_nothing_are_refused_by_name(tmp_path: Path) -> None:
    async with bare() as access:
        with pytest.raises(Unfit, match="they have no JetStream"):
            await tried(node(tmp_path, access))


async def test_servers_that_keep_less_often_than_was_asked_for_are_refused(tmp_path: Path) -> None:
    async with servers(tmp_path) as made:
        access = access_to(made)
        with pytest.raises(Unfit, match=r"on 3: replicas > 1 not supported"):
            await tried(node(tmp_path, access, replicas=3))
        await tried(node(tmp_path, access))
        nats = await connected(access, "test", Lines(), wait_s=20)
        assert await nats.jetstream().streams_info() == []
        await nats.jetstream().add_stream(name="c-tasks", subjects=["c.task.queue.*.*"])
        await tried(node(tmp_path, access))
        with pytest.raises(Unfit, match="keep this cluster on 1, and the file asks for 3"):
            await tried(node(tmp_path, access, replicas=3))
        await nats.close()


async def test_a_server_without_the_tls_that_was_asked_for_is_no_use_to_try_again(tmp_path: Path) -> None:
    async with bare() as access:
        file = tmp_path / "node.json"
        urls = [url.replace("nats:", "tls:") for url in access.urls]
        file.write_bytes(orjson.dumps({"cluster": "c", "id": "n1", "nodes": ["n1"], "urls": urls}))
        assert await asyncio.to_thread(main, [str(file)]) == 2
    file.write_bytes(orjson.dumps({"cluster": "c", "id": "n1", "nodes": ["n1"], "urls": list(access.urls)}))
    assert await asyncio.to_thread(main, [str(file)]) == 3
