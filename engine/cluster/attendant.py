"""The attendant of a node: the process that has its server, its gateway and its driver run.

Owns their starts, their restarts within a budget, their end in order (the server last, which others need), and the
two files that tell of them: the lock, which says that there is an attendant, and `attendant.json`, which says how each stands.
Both end with it, however it ends. As a program: `python -m engine.cluster.attendant FOLDER [--detach]`, where FOLDER has
`node.json` and perhaps `server.json`; SIGHUP has it read them anew, SIGTERM ends all.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

import orjson

from engine import errors
from engine.cluster.tether import tethered
from engine.errors import AlreadyRunning
from pools.restarts import RestartBudget

__all__ = ["Attendant", "Charge", "main"]

#: Deaths within so many seconds after which one is given up, and seconds of life after which earlier ones are forgiven.
RESTARTS, WINDOW_S, WELL_S = 5, 60.0, 30.0
#: Seconds that a driver has to end a hook that ships, a gateway to answer what it took, and a server to close its files, before
#: each is killed.
DRIVER_END_S, GATEWAY_END_S, SERVER_END_S = 60.0, 40.0, 15.0
#: Bytes of the log, before what is older is put aside.
LOG_BYTES = 4 * 1024 * 1024
#: Seconds after which what could not be written is tried again.
AGAIN_S = 5.0
#: Bytes of a line that is kept.
LINE_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Charge:
    """What an attendant has run.

    file: its configuration, without which it does not run.  beside: files that it reads too.
    hopeless: exit codes after which another start is no use.
    """

    name: str
    file: Path
    beside: tuple[Path, ...]
    end_s: float
    hopeless: frozenset[int]

    @property
    def words(self) -> list[str]:
        """Its command."""
        return tethered([sys.executable, "-P", "-m", f"engine.cluster.{self.name}", str(self.file)])

    def digest(self) -> bytes | None:
        """Of all that it reads; None where it is not to run."""
        found = hashlib.sha256()
        for file in (self.file, *self.beside):
            try:
                found.update(file.read_bytes())
            except FileNotFoundError:
                if file == self.file:
                    return None
            found.update(b"\0")
        return found.digest()


def charges(folder: Path) -> tuple[Charge, ...]:
    """What the attendant of a folder has run: its server, its gateway, its driver."""
    beside = tuple(folder / name for name in ("credentials.json", "ca.pem", "cert.pem", "key.pem"))
    return (
        Charge("server", folder / "server.json", beside, SERVER_END_S, frozenset({errors.WRONG, errors.BROKEN})),
        Charge("gateway", folder / "node.json", beside, GATEWAY_END_S, frozenset({errors.WRONG})),
        Charge("driver", folder / "node.json", beside, DRIVER_END_S, frozenset({errors.WRONG})),
    )


class Ward:
    """One charge as it stands. told: hears its lines.  changed: is called whenever that is worth telling."""

    def __init__(self, charge: Charge, told: Callable[[str], None], changed: Callable[[], None]) -> None:
        self.charge = charge
        self._told = told
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._digest: bytes | None = None
        self._anew = asyncio.Event()
        self._stopping = asyncio.Event()
        self.state = "off"
        self.restarts = 0
        self.said = ""

    def as_dict(self) -> dict[str, Any]:
        """How it stands: `off`, `running`, `waiting` for its next start, or `given up`; and its last line."""
        pid = None if self._process is None else self._process.pid
        return {"state": self.state, "pid": pid, "restarts": self.restarts, "said": self.said}

    def look_anew(self) -> None:
        """Have it run with its files as they are now."""
        if self.state == "given up" or self.charge.digest() != self._digest:
            self._anew.set()
            self._tell("waiting")

    async def keep(self) -> None:
        """Have it run until it shall end."""
        while not self._stopping.is_set():
            self._anew.clear()
            self._digest = self.charge.digest()
            if self._digest is None:
                self._tell("off")
            else:
                await self._run()
            if not self._stopping.is_set() and not self._anew.is_set():
                await self._anew.wait()

    async def end(self) -> None:
        """End it, and return when it has ended."""
        self._stopping.set()
        self._anew.set()
        await self._halt()

    async def _run(self) -> None:
        """Run it, again and again, until its files change, it shall end, or it is given up."""
        budget = RestartBudget(Random(), restarts=RESTARTS, window_s=WINDOW_S)
        while not self._anew.is_set():
            began_s = time.monotonic()
            status = await self._once()
            if self._anew.is_set():
                break
            now_s = time.monotonic()
            wait_s = budget.died(now_s, has_worked=now_s - began_s > WELL_S)
            if wait_s is None or status in self.charge.hopeless:
                self._told(f"the {self.charge.name} ended ({status}) and is given up: {self.said}")
                self._tell("given up")
                return
            self.restarts += 1
            self._told(f"the {self.charge.name} ended ({status}); it is started again in {wait_s:.2f} s")
            self._tell("waiting")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._anew.wait()

    async def _once(self) -> int:
        """Run it until it ends, by itself or because its files changed; returns how."""
        nothing, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *self.charge.words, stdin=nothing, stdout=nothing, stderr=pipe, limit=LINE_BYTES * 16
        )
        self._process = process
        self._tell("running")
        hearing = asyncio.ensure_future(self._hear(process.stderr))
        over = asyncio.ensure_future(process.wait())
        anew = asyncio.ensure_future(self._anew.wait())
        try:
            await asyncio.wait((over, anew), return_when=asyncio.FIRST_COMPLETED)
            await self._halt()
            await hearing
            return await over
        finally:
            anew.cancel()
            hearing.cancel()
            self._process = None

    async def _hear(self, pipe: asyncio.StreamReader | None) -> None:
        while pipe is not None:
            try:
                line = await pipe.readline()
            except ValueError:
                continue  # one without an end: what of it was read is let go of
            if not line:
                return
            text = line.decode(errors="replace").rstrip()[:LINE_BYTES]
            if text:
                self.said = text
                self._told(f"{self.charge.name}: {text}")
                self._changed()

    async def _halt(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(self.charge.end_s):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _tell(self, state: str) -> None:
        self.state = state
        self._changed()


class Attendant:
    """The attendant of a folder; its methods run in its process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = _Log(folder / "attendant.log")
        self._looked = 0
        self._telling: asyncio.TimerHandle | None = None
        self._wards = [Ward(charge, self._log.put, self._tell) for charge in charges(folder)]

    async def run(self) -> None:
        """Be there until asked to end."""
        ending = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ending.set)
        loop.add_signal_handler(signal.SIGHUP, self._look_anew)
        self._log.put(f"the attendant of {self.folder} begins, pid {os.getpid()}")
        self._tell()
        keeping = [asyncio.ensure_future(ward.keep()) for ward in self._wards]
        try:
            await ending.wait()
            for ward in reversed(self._wards):  # all others have something to say to the server
                await ward.end()
            await asyncio.gather(*keeping)
        finally:
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)
            self._log.put("the attendant ends")
            (self.folder / "attendant.json").unlink(missing_ok=True)

    def _look_anew(self) -> None:
        self._looked += 1
        for ward in self._wards:
            ward.look_anew()
        self._tell()

    def _tell(self) -> None:
        """Say in attendant.json how each stands."""
        facts = {ward.charge.name: ward.as_dict() for ward in self._wards}
        build = Path(sys.prefix).resolve().name
        new = self.folder / ".attendant.json"
        try:
            new.write_bytes(orjson.dumps({"pid": os.getpid(), "build": build, "looked": self._looked, **facts}))
            new.replace(self.folder / "attendant.json")
        except OSError:  # the disk may be full; what is run goes on without
            if self._telling is not None:
                self._telling.cancel()
            self._telling = asyncio.get_running_loop().call_later(AGAIN_S, self._tell)


class _Log:
    """Lines with their times, in a file that is put aside when it is long."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def put(self, line: str) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with contextlib.suppress(OSError):  # the disk may be full
            if self._file.exists() and self._file.stat().st_size > LOG_BYTES:
                self._file.replace(self._file.with_suffix(".log.1"))
            with self._open() as log:
                log.write(f"{now} {line}\n".encode())

    def _open(self) -> BinaryIO:
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return os.fdopen(descriptor, "wb", buffering=0)


def _lock(folder: Path) -> int:
    """The lock of a folder's attendant, taken. Raises AlreadyRunning."""
    descriptor = os.open(folder / "attendant.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as taken:
        os.close(descriptor)
        raise AlreadyRunning(f"{folder} has an attendant already") from taken
    return descriptor


def _attend(folder: Path, lock: int) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    asyncio.run(Attendant(folder).run())


def _detach(folder: Path, lock: int) -> None:
    """Have a process of its own attend; returns when it has begun."""
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child:
        os.close(theirs)
        os.waitpid(child, 0)
        os.read(ours, 1)  # ends when it has begun, or has failed to
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    status = errors.BROKEN
    try:
        os.chdir("/")
        os.umask(0o077)
        null = os.open(os.devnull, os.O_RDWR)
        log = os.open(folder / "attendant.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        for target, source in ((0, null), (1, log), (2, log)):
            os.dup2(source, target)
        os.write(theirs, b".")
        os.close(theirs)
        _attend(folder, lock)
        status = errors.DONE
    finally:
        os._exit(status)


def main(words: list[str]) -> int:
    """Attend a folder until asked to end, or have another process do it; returns the exit code."""
    if not 1 <= len(words) <= 2 or words[1:] not in ([], ["--detach"]):
        print("usage: python -m engine.cluster.attendant FOLDER [--detach]", file=sys.stderr)
        return errors.WRONG
    folder = Path(words[0]).absolute()
    try:
        lock = _lock(folder)
        (_detach if words[1:] else _attend)(folder, lock)
    except (AlreadyRunning, OSError) as error:
        print(error, file=sys.stderr)
        return errors.exit_code(error)
    return errors.DONE


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
