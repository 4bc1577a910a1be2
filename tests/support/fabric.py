"""Real NATS servers of a test's own: one, or three that are one, ended with the test whatever happened."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from engine.cluster.access import Access
from engine.cluster.certificate import certificate
from engine.cluster.server import Server, ServerSpec

__all__ = ["Lines", "access_to", "free_ports", "secret", "servers"]


class Lines(list[str]):
    """Lines that were told."""

    def __call__(self, line: str) -> None:
        self.append(line)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def secret(folder: Path, user: str = "node", password: str = 'a "quoted" s3cret/:@') -> Path:
    """A file of credentials."""
    file = folder / f"credentials-{user}.json"
    file.touch(mode=0o600)
    import orjson

    file.write_bytes(orjson.dumps({"user": user, "password": password}))
    return file


@asynccontextmanager
async def servers(
    folder: Path, count: int = 1, host: str = "127.0.0.1", *, has_tls: bool = False
) -> AsyncIterator[list[Server]]:
    """Servers that answer; several are one cluster. has_tls: clients, and they themselves, come over TLS."""
    ports = free_ports(2 * count)
    credentials = secret(folder)
    specs = [
        ServerSpec(f"s{at}", "c", folder / f"s{at}", port=ports[at], host=host, credentials=credentials) for at in range(count)
    ]
    if count > 1:
        peers = tuple(f"127.0.0.1:{port}" for port in ports[count:])
        specs = [replace(spec, peer_port=ports[count + at], peers=peers) for at, spec in enumerate(specs)]
    if has_tls:
        specs = _certified(folder, specs)
    made = [Server(spec, Lines()) for spec in specs]
    try:
        for server in made:
            await server.start()
        await asyncio.gather(*(server.ready() for server in made))
        yield made
    finally:
        await asyncio.gather(*(server.stop() for server in made))


def _certified(folder: Path, specs: list[ServerSpec]) -> list[ServerSpec]:
    """The same with a certificate each, of which all believe all."""
    texts = []
    for spec in specs:
        spec.folder.mkdir(mode=0o700)
        texts.append(certificate(spec.folder, spec.name, ["127.0.0.1"], dt.datetime.now(dt.UTC)))
    ca = folder / "ca.pem"
    ca.write_text("".join(texts))
    return [replace(spec, ca=ca, cert=spec.folder / "cert.pem", key=spec.folder / "key.pem") for spec in specs]


def access_to(made: list[Server]) -> Access:
    """How a client comes to any of them."""
    return Access(tuple(server.spec.url for server in made), made[0].spec.credentials, made[0].spec.ca)
