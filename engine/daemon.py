"""The engine in the background: a process of its own with a socket in front.

Owns the way into the background, the lock that makes an engine's name unique, the log file, the signals and the end. What
the engine does is `engine`, what its socket does is `control`.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from engine.errors import AlreadyRunning, KindNotLoaded, StartFailed
from engine.paths import Paths, find_paths, has_open
from pools.events import Event
from pools.title import entitle

if TYPE_CHECKING:
    from engine.config import Config

__all__ = ["Plan", "StartReport", "claimed", "is_running", "kill", "serve", "start"]

#: Told what was found, once a daemon is ready.
_Ready = Callable[[dict[str, Any] | None], None]
#: Seconds within which a daemon has to listen on its socket.
START_S = 30.0
#: Objects that are made between two looks for garbage: tasks come by the thousand, and none of them is any.
YOUNG = 10_000
#: Seconds that workers get to end by themselves when the engine is stopped.
GRACE_S = 5.0
#: What the configuration says to the engine as it is.
CONFIGURED = ("agents_limit", "breaker", "durability", "foresight", "name", "price", "tracing", "without")
#: How often the lock is tried, and the seconds between two tries.
LOCK_TRIES, LOCK_PAUSE_S = 5, 0.01


class StartReport(NamedTuple):
    """A daemon that was started. seconds: until its workers were ready and its socket accepted.

    recovered: what it found of an engine before it, as `pools.keep.Recovered`; None where nothing is kept.
    """

    pid: int
    seconds: float
    recovered: dict[str, Any] | None = None


def is_running(paths: Paths) -> int | None:
    """The pid of the daemon that holds the lock, 0 while it is not known; None when none does.

    Nobody's file is trusted, only the lock; those who look do not stand in each other's way.  Raises UnsafePath.
    """
    paths.check()
    try:
        descriptor = os.open(paths.lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        return int(text) if text.isdigit() else 0
    finally:
        os.close(descriptor)
    return None


@contextlib.contextmanager
def claimed(paths: Paths) -> Iterator[int]:
    """Have no daemon of this name start within the block; gives the lock's descriptor. Raises AlreadyRunning, UnsafePath."""
    paths.prepare()
    lock = _lock(paths)
    try:
        yield lock
    finally:
        os.close(lock)


def kill(paths: Paths) -> int | None:
    """End the daemon at once; returns its pid, None where none runs or it is not known which process it is.

    A pid is only believed of a process that has the lock's file open: the number may have been given to another.
    """
    pid = is_running(paths)
    if not pid:
        return None
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return None
    try:
        if not has_open(pid, paths.lock):
            return None
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    finally:
        os.close(handle)
    return pid


def start(config: Config, *, environ: Mapping[str, str], folder: Path | None = None, is_kept: bool = False) -> StartReport:
    """Start a daemon for a configuration; returns when its workers are ready and its socket accepts.

    folder: where the kinds' modules are looked for, after everything else.  is_kept: a keeper starts it again if it dies.
    Raises AlreadyRunning, UnsafePath, KindNotLoaded with the user's traceback, StartFailed naming the log.
    """
    began_s = time.perf_counter()
    paths = find_paths(config.name, environ)
    paths.prepare()
    lock = _lock(paths)
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    log = _open_log(paths)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _become_daemon(Plan(config, paths, environ, folder), lock, log, theirs, is_kept=is_kept)
    said = b""
    try:
        os.close(theirs)
        os.close(lock)
        os.close(log)
        os.waitpid(child, 0)
        import_module("engine.line")  # what the caller needs next, while the workers start
        said = _wait_for(ours)
    finally:
        if not said:  # too late, or the caller was interrupted
            kill(paths)
    if said.startswith(b"ready "):
        _, pid, recovered = said.split(b" ", 2)
        return StartReport(int(pid), time.perf_counter() - began_s, _decoded(recovered))
    raise _failed(config.name, paths, said)


def _decoded(text: bytes) -> dict[str, Any] | None:
    if not text:
        return None
    import json

    found: dict[str, Any] = json.loads(text)
    return found


def _failed(name: str, paths: Paths, said: bytes) -> Exception:
    """The error that a daemon's last words stand for."""
    import json

    try:
        error = json.loads(said)
    except ValueError:
        error = {"type": "", "message": f"it ended, or was not ready within {START_S:.0f} s", "trace": ""}
    if error["type"] == KindNotLoaded.__name__:
        return KindNotLoaded(error["message"], error["trace"])
    return StartFailed(f"engine {name!r} did not start: {error['message']}; its log is {paths.log}")


def _lock(paths: Paths) -> int:
    descriptor = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _flock(descriptor)
    except BlockingIOError as error:
        pid = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise AlreadyRunning(
            f"an engine named {paths.name!r} runs already{f' (pid {pid})' if pid else ''}; use it, or choose another --name",
            pid=int(pid) if pid.isdigit() else None,
        ) from error
    os.ftruncate(descriptor, 0)  # what a daemon that was killed left there
    return descriptor


def _flock(descriptor: int) -> None:
    """Take the lock. Somebody who only looks whether it is taken holds it for a moment, so one refusal says nothing."""
    for _ in range(LOCK_TRIES - 1):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(LOCK_PAUSE_S)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _open_log(paths: Paths) -> int:
    return os.open(paths.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _wait_for(pipe: int) -> bytes:
    """What the daemon says on its pipe until it closes it."""
    said = b""
    deadline_s = time.monotonic() + START_S
    try:
        while (left_s := deadline_s - time.monotonic()) > 0:
            if not select.select([pipe], [], [], left_s)[0]:
                break
            part = os.read(pipe, 65_536)
            if not part:
                break
            said += part
            if said.startswith(b"ready "):
                break
    finally:
        os.close(pipe)
    return said


class Plan(NamedTuple):
    """What a daemon is started from. folder: where the kinds' modules are looked for, after everything else."""

    config: Config
    paths: Paths
    environ: Mapping[str, str]
    folder: Path | None


def _become_daemon(plan: Plan, lock: int, log: int, pipe: int, *, is_kept: bool) -> None:
    """The child's whole life, as a daemon or as the keeper of one; never returns."""

    def live() -> int:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.chdir("/")
        os.umask(0o077)
        null = os.open(os.devnull, os.O_RDWR)
        for target, source in ((0, null), (1, log), (2, log)):
            os.dup2(source, target)
        return _keep(plan, lock, pipe) if is_kept else _live(plan, lock, pipe)

    _end_with(live, pipe)


def _end_with(live: Callable[[], int], pipe: int) -> NoReturn:
    """Live, and end the process; what it ended with is said on a pipe."""
    status = 4
    try:
        status = live()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge of the process: whoever started it must hear of it
        import json
        import traceback

        last = {"type": type(error).__name__, "message": str(error), "trace": getattr(error, "trace", "")}
        _say(pipe, json.dumps(last))
        with contextlib.suppress(OSError):  # the disk of the log may be full
            traceback.print_exc()
    finally:
        os._exit(status)


def _live(plan: Plan, lock: int, pipe: int, before: str = "") -> int:
    """Be the daemon; returns the exit code."""
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    entitle("engine", "daemon", "--name", plan.config.name)

    def ready(recovered: dict[str, Any] | None) -> None:
        import json

        _say(pipe, f"ready {os.getpid()} {'' if recovered is None else json.dumps(recovered)}")
        os.close(pipe)

    return serve(plan, ready, before)


def _keep(plan: Plan, lock: int, pipe: int) -> int:
    """Be the keeper of a daemon; returns the exit code. lock: the first daemon's, which is given on to it."""
    from random import Random

    from engine.keeper import Keeper
    from engine.logs.scribe import note

    locks = [lock]

    def told(name: str, text: str) -> None:
        note(plan.paths.log, plan.config.log, plan.config.name, Event(name, text, time.time()))

    def begin(before: str) -> tuple[int, bytes]:
        try:
            taken = locks.pop() if locks else _lock(plan.paths)
        except AlreadyRunning as other:
            told("keeper.ended", str(other))
            return 0, b""
        ours, theirs = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            os.close(ours)
            os.close(keeper.lock)
            _end_with(partial(_live, plan, taken, theirs, before), theirs)
        os.close(taken)
        os.close(theirs)
        said = _wait_for(ours)
        if not said:  # too late
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pid, said

    def ready(said: bytes) -> None:
        _say(pipe, said.decode())
        os.close(pipe)

    keeper = Keeper(plan.paths, begin, told, Random())
    return keeper.keep(ready)


def _say(pipe: int, text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(pipe, text.encode())


def serve(
    plan: Plan, ready: _Ready, before: str = "", ending: Callable[[], None] = lambda: None, echo: int | None = None
) -> int:
    """Run the engine and its socket until the end, in this process; the daemon's lock is the caller's.

    ready: told what was found, when all is there.  before: how the daemon before this one ended.  ending: called when the end
    begins.  echo: a descriptor that gets what the log gets; None has this process's own output in the log too.
    """
    from pools.spares import Spares

    config, paths, environ, folder = plan
    spares = Spares(sum(pool.workers for pool in config.pools), environ, is_kept=config.durability != "memory")
    spares.launch(spares.gauges.rows)  # before anything else: they load their modules while this process loads its own

    gc.disable()  # nothing that is loaded is garbage
    import asyncio

    import uvloop

    from engine.control import Control
    from engine.engine import Engine
    from engine.keeper import keeper_of
    from engine.logs.scribe import scribe
    from engine.logs.verbs import LogVerbs
    from engine.sprintverbs import SprintVerbs

    gc.freeze()
    gc.enable()
    gc.set_threshold(YOUNG)

    log = scribe(paths.log, config.log, config.name, echo)

    async def run() -> int:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[bool] = loop.create_future()

        def end(emergency: bool) -> None:
            if not ended.done():
                ended.set_result(emergency)

        engine = Engine(
            kinds=[reference for kind, reference in config.kinds.items() if kind not in config.without],
            pools=config.pools,
            data=paths.data,
            limits=config.quotas,
            **{key: getattr(config, key) for key in CONFIGURED},
            paths=[str(folder)] if folder is not None else [],
            environ=environ,
            spares=spares,
            on_event=log.put,
            on_said=log.put,
        )
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, end, False)
        starting = engine.launch()
        sprints = SprintVerbs(engine, paths.sprints)
        control = Control(engine, end, lambda: keeper_of(paths), sprints, LogVerbs(log), paths.rewind)
        emergency = True
        try:
            await engine.settle(starting)
            paths.socket.unlink(missing_ok=True)
            await control.listen(paths.socket)
            engine.meter.traffic = control.traffic
            engine.note("engine.ready", f"engine {config.name} is ready, pid {os.getpid()}")
            if before:
                engine.note("engine.restarted", before)
            recovered = engine.swarm.recovered
            ready(None if recovered is None else recovered._asdict())
            sprints.start()
            emergency = await ended
            ending()
        finally:
            await control.close()
            with contextlib.suppress(OSError):
                paths.socket.unlink(missing_ok=True)
            await sprints.close()
            await engine.stop(grace_s=0 if emergency else GRACE_S)
        return 0

    try:
        return uvloop.run(run())
    finally:
        log.close()
