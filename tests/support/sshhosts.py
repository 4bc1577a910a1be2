"""Hosts that speak ssh, well or badly: servers of asyncssh on loopback ports, in a thread of their own."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal as signals
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncssh

__all__ = ["Host", "Hosts", "hosts"]

#: Bytes that a flooding host says at a time.
FLOOD = b"x" * 32_768


class Host:
    """One of them. way: what it does: ok, jump, refuse, mute, stall, flood, cut.

    jump: leads to other hosts.
    mute: takes the connection and says nothing.  stall: a command never ends.  cut: the connection ends in the middle of one.
    """

    def __init__(self, way: str) -> None:
        self.way = way
        self.port = 0
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        #: That it has beside it, of other algorithms.
        self.others: list[asyncssh.SSHKey] = []
        self.heard: list[str] = []
        #: Commands for which a terminal was asked.
        self.terminals = 0
        self.signals: list[str] = []
        self.jumps = 0
        #: The home folder of its user; None for that of these tests.
        self.home: Path | None = None
        self.is_stalled = threading.Event()
        self.is_signalled = threading.Event()

    def line(self, key: asyncssh.SSHKey | None = None) -> str:
        """Its line of known_hosts."""
        return f"[127.0.0.1]:{self.port} {(key or self.key).export_public_key().decode().strip()}\n"


class _Door(asyncssh.SSHServer):
    def __init__(self, host: Host) -> None:
        self._host = host

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return self._host.way != "refuse"

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        self._host.jumps += 1
        return self._host.way == "jump"

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key == Hosts.client.convert_to_public()


class Hosts:
    """A loop in a thread, and the hosts in it."""

    client = asyncssh.generate_private_key("ssh-ed25519")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known = folder / "known_hosts"
        self.identity = folder / "id"
        self.identity.write_bytes(self.client.export_private_key())
        self.identity.chmod(0o600)
        #: Where a command of a host with a home folder is looked for.
        self.path = os.environ["PATH"]
        self.at_once = self.most_at_once = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._servers: list[asyncio.AbstractServer | asyncssh.SSHAcceptor] = []
        self._sessions: set[asyncio.Task[None]] = set()

    def add(self, way: str = "ok", *, is_known: bool = True, others: Sequence[str] = ()) -> Host:
        """One more host, whose key is known. others: algorithms of which it has a key too, which are not known."""
        host = Host(way)
        host.others = [asyncssh.generate_private_key(name) for name in others]
        asyncio.run_coroutine_threadsafe(self._listen(host), self._loop).result(20)
        if is_known:
            with self.known.open("a") as known:
                known.write(host.line())
        return host

    @staticmethod
    def closed_port() -> int:
        """A port at which nobody listens."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            return int(listening.getsockname()[1])

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    async def _listen(self, host: Host) -> None:
        if host.way == "mute":
            server = await asyncio.start_server(self._mute, "127.0.0.1", 0)
            host.port = server.sockets[0].getsockname()[1]
            self._servers.append(server)
            return
        acceptor = await asyncssh.create_server(
            lambda: _Door(host),
            "127.0.0.1",
            0,
            server_host_keys=[*host.others, host.key],
            process_factory=lambda process: self._begin(host, process),
            encoding=None,
            sftp_factory=True,
        )
        host.port = acceptor.get_port()
        self._servers.append(acceptor)

    async def _mute(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError, ConnectionError):
            while await reader.read(65_536):
                continue
        writer.close()

    def _begin(self, host: Host, process: asyncssh.SSHServerProcess[bytes]) -> None:
        session = self._loop.create_task(self._serve(host, process))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _serve(self, host: Host, process: asyncssh.SSHServerProcess[bytes]) -> None:
        host.heard.append(process.command or "")
        host.terminals += process.term_type is not None
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            with suppress(asyncssh.Error, ConnectionError, BrokenPipeError):
                await getattr(self, f"_{host.way}")(host, process)
        finally:
            self.at_once -= 1

    async def _ok(self, host: Host, process: asyncssh.SSHServerProcess[bytes]) -> None:
        given = await process.stdin.read()
        child = await asyncio.create_subprocess_exec(
            "/usr/bin/env",  # which says with 127 that there is no such command, as a shell does
            *shlex.split(process.command or "true"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ if host.home is None else {"PATH": self.path, "HOME": str(host.home)},
        )
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdin.write(given)
        child.stdin.close()
        listening = asyncio.ensure_future(self._heed(host, process, child))
        try:
            await asyncio.gather(_pump(child.stdout, process.stdout), _pump(child.stderr, process.stderr))
            process.exit(await child.wait())
        finally:
            listening.cancel()
            if child.returncode is None:
                child.kill()
                await child.wait()

    async def _heed(self, host: Host, process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process) -> None:
        """Pass signals on, as sshd does."""
        while child.returncode is None:
            try:
                await process.stdin.read()
            except asyncssh.SignalReceived as signal:
                host.signals.append(signal.signal)
                child.send_signal(getattr(signals, f"SIG{signal.signal}"))
            await asyncio.sleep(0.02)

    async def _stall(self, host: Host, process: asyncssh.SSHServerProcess[bytes]) -> None:
        host.is_stalled.set()
        try:
            while True:  # a signal is told to whoever reads, also past the end
                await process.stdin.read()
                await asyncio.sleep(0.01)
        except asyncssh.SignalReceived as signal:
            host.signals.append(signal.signal)
            host.is_signalled.set()
            process.exit_with_signal(signal.signal)

    async def _flood(self, host: Host, process: asyncssh.SSHServerProcess[bytes]) -> None:
        while True:
            process.stdout.write(FLOOD)
            await process.stdout.drain()

    async def _cut(self, host: Host, process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(b"half a li")
        await process.stdout.drain()
        process.get_extra_info("connection").abort()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for session in list(self._sessions):
            session.cancel()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.sleep(0)  # what was closed just now is gone after a turn of the loop


async def _pump(source: asyncio.StreamReader, target: asyncssh.SSHWriter[bytes]) -> None:
    while part := await source.read(65_536):
        target.write(part)
        await target.drain()


@contextmanager
def hosts(folder: Path) -> Iterator[Hosts]:
    """Hosts that are gone afterwards."""
    made = Hosts(folder)
    try:
        yield made
    finally:
        made.close()
