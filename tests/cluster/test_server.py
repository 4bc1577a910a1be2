"""The real NATS server: it starts, is watched, keeps what it acknowledged, and ends with who watches it."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from engine.cluster.access import Access, Denied, Distrusted, FabricAway, connected
from engine.cluster.certificate import certificate
from engine.cluster.server import Server, ServerSpec
from engine.errors import StartFailed
from tests.support.fabric import Lines, access_to, free_ports, secret, servers
from tests.support.processes import ended_within, is_alive, until

ROOT = Path(__file__).resolve().parents[2]


pytestmark = pytest.mark.timeout(300)


def file_of(folder: Path, **facts: object) -> Path:
    file = folder / "server.json"
    document = {"name": "s0", "cluster": "c", "folder": "s0", "port": free_ports(1)[0], "credentials": secret(folder).name}
    file.write_bytes(orjson.dumps(document | facts))
    return file


def start(file: Path) -> subprocess.Popen[bytes]:
    """The program that watches a server."""
    environ = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    words = [sys.executable, "-P", "-m", "engine.cluster.server", str(file)]
    return subprocess.Popen(words, env=environ, stderr=subprocess.PIPE)


async def serving(file: Path, watching: subprocess.Popen[bytes]) -> dict[str, int]:
    told = file.parent / "s0" / "serving.json"
    await until(lambda: told.exists() or watching.poll() is not None, 60)
    assert watching.poll() is None, watching.communicate()[1]
    document: dict[str, int] = orjson.loads(told.read_bytes())
    return document


async def test_a_server_that_is_killed_is_started_again_with_what_it_kept_and_ends_with_its_supervisor(tmp_path: Path) -> None:
    file = file_of(tmp_path)
    watching = start(file)
    try:
        first = await serving(file, watching)
        config = tmp_path / "s0" / "nats.conf"
        assert stat.S_IMODE(config.stat().st_mode) == 0o600
        assert b"s3cret" not in Path(f"/proc/{first['pid']}/cmdline").read_bytes()
        access = Access((str(first["url"]),), tmp_path / "credentials-node.json")
        lines = Lines()
        connection = await connected(access, "test", lines, wait_s=20)
        stream = connection.jetstream()
        await stream.add_stream(name="kept", subjects=["kept"])
        await stream.publish("kept", b"acknowledged")
        os.kill(first["pid"], signal.SIGKILL)
        await until(lambda: "connected to the fabric again" in lines, 60)
        assert (await stream.get_msg("kept", 1)).data == b"acknowledged"
        assert lines.count("the connection to the fabric is lost; it is tried again") == 1
        assert len(lines) < 10
        await connection.close()
        second = await serving(file, watching)
        assert second["pid"] != first["pid"]
        watching.kill()
        watching.wait(timeout=20)
        assert ended_within([second["pid"]], 20)
    finally:
        watching.kill()
        watching.communicate()


async def test_a_supervisor_that_is_asked_to_end_ends_its_server_and_leaves_no_sign(tmp_path: Path) -> None:
    file = file_of(tmp_path)
    watching = start(file)
    try:
        told = await serving(file, watching)
        watching.terminate()
        assert await asyncio.to_thread(watching.wait, 30) == 0
        assert not is_alive(told["pid"])
        assert not (tmp_path / "s0" / "serving.json").exists()
    finally:
        watching.kill()
        watching.communicate()


async def test_wrong_credentials_and_no_server_are_named(tmp_path: Path) -> None:
    async with servers(tmp_path) as made:
        wrong = replace(access_to(made), credentials=secret(tmp_path, "stranger"))
        with pytest.raises(Denied, match=r"refuse these credentials .*credentials-stranger"):
            await connected(wrong, "test", Lines(), wait_s=20)
        with pytest.raises(Denied, match="none were given"):
            await connected(replace(wrong, credentials=None), "test", Lines(), wait_s=20)
    lines = Lines()
    with pytest.raises(FabricAway, match="no server answers at nats://127"):
        await connected(access_to(made), "test", lines, wait_s=1.0)
    assert lines == []


class Greeting:
    """What greets as a server does that has no TLS, and keeps what it is told."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.came = self.left = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        info = {"server_id": "x", "version": "2.15.1", "max_payload": 1_048_576, "auth_required": True, "headers": True}
        writer.write(b"INFO " + orjson.dumps(info) + b"\r\n")
        with suppress(ConnectionError):
            while part := await reader.read(65_536):
                self.heard += part
        writer.close()
        self.left += 1


@pytest.mark.parametrize("asked", ["tls", "ca"])
async def test_a_server_without_the_tls_that_was_asked_for_is_told_nothing(tmp_path: Path, asked: str) -> None:
    greeting = Greeting()
    listening = await asyncio.start_server(greeting, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    authority = tmp_path / "ca.pem"
    authority.write_text(certificate(tmp_path, "s0", [], dt.datetime.now(dt.UTC)))
    access = Access((f"{'tls' if asked == 'tls' else 'nats'}://127.0.0.1:{port}",), secret(tmp_path))
    async with listening:
        with pytest.raises(Distrusted, match="offers no TLS"):
            await connected(access if asked == "tls" else replace(access, ca=authority), "test", Lines(), wait_s=20)
        await until(lambda: greeting.left == 1, 20)
        assert bytes(greeting.heard) == b""


async def test_who_takes_the_place_of_a_server_with_tls_is_told_nothing(tmp_path: Path) -> None:
    authority, port = tmp_path / "cert.pem", free_ports(1)[0]
    authority.write_text(certificate(tmp_path, "s0", [], dt.datetime.now(dt.UTC)))
    key, credentials = tmp_path / "key.pem", secret(tmp_path)
    files = {"credentials": credentials, "ca": authority, "cert": authority, "key": key}
    server = Server(ServerSpec("s0", "c", tmp_path / "s0", port=port, **files), Lines())
    await server.start()
    try:
        await server.ready()
        lines, greeting = Lines(), Greeting()
        connection = await connected(Access((f"tls://localhost:{port}",), credentials, authority), "test", lines, wait_s=20)
        await server.stop()
        async with await asyncio.start_server(greeting, "127.0.0.1", port):
            await until(lambda: greeting.came > 1, 60)
            assert bytes(greeting.heard) == b""
            assert any("offers no TLS" in line for line in lines)
            await connection.close()
            await until(lambda: greeting.left == greeting.came, 20)
    finally:
        await server.stop()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="a certificate is made with openssl")
async def test_over_tls_a_server_is_believed_that_the_given_authority_vouches_for_and_no_other(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=s0"]
    more = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    await asyncio.to_thread(subprocess.run, [*words, *more], check=True, capture_output=True)
    port, credentials = free_ports(1)[0], secret(tmp_path)
    server = Server(
        ServerSpec("s0", "c", tmp_path / "s0", port=port, credentials=credentials, ca=cert, cert=cert, key=key), Lines()
    )
    await server.start()
    try:
        await server.ready()
        url = f"tls://127.0.0.1:{port}"
        connection = await connected(Access((url,), credentials, cert), "test", Lines(), wait_s=20)
        assert connection.is_connected
        await connection.close()
        with pytest.raises(Distrusted, match=r"its certificate is not to be trusted: self.signed certificate"):
            await connected(Access((url,), credentials), "test", Lines(), wait_s=20)
    finally:
        await server.stop()


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    async with servers(tmp_path) as made:
        second = Server(ServerSpec("s9", "c", tmp_path / "s9", port=made[0].spec.port), Lines())
        await second.start()
        with pytest.raises(StartFailed, match="address already in use"):
            await second.ready()
        await second.stop()


@pytest.mark.skipif(not os.environ.get("ENGINE_CLUSTER_TEST"), reason="a longer proof: make cluster-test")
@pytest.mark.parametrize("has_tls", [False, True], ids=["open", "over TLS"])
async def test_three_servers_keep_what_they_acknowledged_though_their_leader_is_killed(tmp_path: Path, has_tls: bool) -> None:
    async with servers(tmp_path, 3, has_tls=has_tls) as made:
        connection = await connected(access_to(made), "test", Lines(), wait_s=20)
        stream = connection.jetstream(timeout=2)
        await stream.add_stream(name="kept", subjects=["kept"], num_replicas=3)
        await stream.publish("kept", b"first", timeout=10)
        info = await stream.stream_info("kept")
        assert info.cluster is not None
        leader = next(server for server in made if server.spec.name == info.cluster.leader)
        assert leader.pid is not None
        os.kill(leader.pid, signal.SIGKILL)
        async with asyncio.timeout(60):
            while True:
                try:
                    await stream.publish("kept", b"second", headers={"Nats-Msg-Id": "second"})
                    break
                except Exception:
                    await asyncio.sleep(0.1)
        assert (await stream.get_msg("kept", 1)).data == b"first"
        assert (await stream.get_msg("kept", 2)).data == b"second"
        await connection.close()
