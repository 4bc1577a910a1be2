"""What is well and what is not before, and while, an engine runs here.

Owns the list of checks in the order in which they matter, and those about the configuration, the directories, the
disk, the socket and the limits of pools. Looks only: it makes no directory and no group, takes no lock and sends a running
daemon nothing. `engine doctor` above prints it.
"""

from __future__ import annotations

import os
import resource
import socket
import stat
import struct
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from checkpoints.files import room_bytes
from engine import check
from engine.check import Check
from engine.cluster.checkup import check_fabric
from engine.config import environment, load
from engine.daemon import is_running
from engine.errors import ConfigError, EngineError, UnsafePath
from engine.layers import strangers_of
from engine.machine import available_bytes
from engine.paths import find_paths, flaw_of
from engine.rewind.ring import Ring
from pools.cgroup import NoTree, find_tree, is_occupied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.config import Config
    from engine.paths import Paths
    from pools.cgroup import CpuTree

__all__ = ["Check", "checks"]

#: Seconds to wait for a daemon's socket to take a connection; a live one takes it at once.
CONNECT_S = 1.0
#: Seconds without a recording after which something is wrong with it.
SILENT_S = 30.0
#: Bytes that a worker uses before it has an agent: the interpreter, the loop and the wire.
WORKER_BYTES = 20_000_000


def checks(config_file: Path | None, name: str, environ: Mapping[str, str], cwd: Path | None = None) -> list[Check]:
    """Every finding for an engine of that name, started in that folder, the most basic first; nothing is changed.

    config_file: the file of -f, None to look for one.  cwd: None takes the current folder.
    """
    cwd = cwd or Path.cwd()
    every = _environment(environ, cwd)
    basics = [
        check.check_python(sys.version_info[:3]),
        check.check_linux(sys.platform),
        check.check_pidfd(getattr(os, "pidfd_open", None)),
        check.check_memfd(getattr(os, "memfd_create", None)),
        check.check_packages(),
    ]
    verdict, config = check_config(config_file, environ, cwd)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    workers = sum(pool.workers for pool in config.pools) if config else 1
    found = [*basics, check.check_files(soft, hard, workers), verdict]
    if config is not None:
        found += [
            check_variables(config, every),
            check_cpu(config, find_tree()),
            check_memory(config, available_bytes()),
        ]
    return found + check_place(name, every)


def check_config(file: Path | None, environ: Mapping[str, str], cwd: Path) -> tuple[Check, Config | None]:
    """Whether the configuration can be used, and the configuration if it can."""
    try:
        config = load(file, flags={}, environ=environ, cwd=cwd)
    except ConfigError as refused:
        return Check("configuration", "bad", str(refused), "correct it there"), None
    except ImportError as missing:
        return Check("configuration", "bad", f"cannot be read: {missing}", "python -m pip install PyYAML"), None
    agents = sum(pool.agents for pool in config.pools)
    return Check("configuration", "ok", f"{config.file}: {len(config.pools)} pools for {agents:,} agents"), config


def check_variables(config: Config, environ: Mapping[str, str]) -> Check:
    """Whether every variable that begins with ENGINE_ is one that the engine reads."""
    strangers = strangers_of(environ, [pool.name for pool in config.pools])
    if not strangers:
        return Check("variables", "ok", "every ENGINE_ variable is known")
    meant = [f"{name} (did you mean {near}?)" if near else name for name, near in strangers.items()]
    return Check("variables", "warn", f"not read: {', '.join(meant)}", f"unset {' '.join(strangers)}")


def check_cpu(config: Config, tree: CpuTree | NoTree) -> Check:
    """Whether the shares of cpu that pools ask for can be had as control groups."""
    asked = [pool for pool in config.pools if pool.cpu is not None]
    if not asked:
        return Check("cpu", "ok", "no pool asks for a share")
    if isinstance(tree, NoTree):
        reason, mend = tree.reason, "run as a user who may write control groups, or live with nice"
    elif is_occupied(tree):
        reason = f"other processes are in {tree.home}, so it cannot hand out cpu"
        mend = "start the engine in a unit of its own with Delegate=yes"
    else:
        return Check("cpu", "ok", f"shares are control groups (v{tree.version}) in {tree.home}")
    hard = [pool.name for pool in asked if pool.cpu_hard]
    caps = f"the cap of {', '.join(hard)} is unavailable and " if hard else ""
    return Check("cpu", "warn", f"{caps}nice is used for shares: {reason}", mend)


def check_memory(config: Config, available_bytes: int) -> Check:
    """Whether the memory of the pools is there now, and enough for their workers alone."""
    for pool in config.pools:
        if pool.mem_bytes is not None and pool.mem_bytes < pool.workers * WORKER_BYTES:
            said = f"{pool.name} has {_megabytes(pool.mem_bytes)}, {pool.workers} workers need more before any agent"
            return Check("memory", "warn", said, f"give {pool.name} at least {_megabytes(pool.workers * WORKER_BYTES)}")
    wanted = sum(pool.mem_bytes or pool.workers * WORKER_BYTES for pool in config.pools)
    said = f"{_megabytes(available_bytes)} available, the pools may use {_megabytes(wanted)}"
    if wanted > available_bytes:
        return Check("memory", "warn", said, "lower `mem` of the pools, or end other programs")
    return Check("memory", "ok", said)


def check_place(name: str, environ: Mapping[str, str]) -> list[Check]:
    """Whether the engine's directories and socket can be used, and whether a daemon of that name runs."""
    try:
        paths = find_paths(name, environ)
    except EngineError as refused:
        return [Check("runtime directory", "bad", str(refused), "set ENGINE_HOME to a short, absolute directory of yours")]
    passed = environ.get("XDG_RUNTIME_DIR")
    found = [check_directory("runtime directory", paths.runtime), check_directory("state directory", paths.state)]
    if passed and not environ.get("ENGINE_HOME") and not paths.runtime.is_relative_to(passed):
        said = f"XDG_RUNTIME_DIR={passed} is not a private directory of yours; {paths.runtime} is used"
        found.append(Check("session", "warn", said, "log in anew, or unset XDG_RUNTIME_DIR"))
    return [*found, check_room(paths.data), check_daemon(paths), check_recording(paths, time.time()), *check_fabric(environ)]


def check_directory(name: str, directory: Path) -> Check:
    """Whether a directory is this user's alone, or can be made."""
    try:
        return _look_at(name, directory)
    except OSError as refused:
        return Check(name, "bad", f"{directory}: {refused.strerror}", "set ENGINE_HOME to a directory of yours")


def _look_at(name: str, directory: Path) -> Check:
    for part in (directory.parent, directory):
        if os.path.lexists(part) and (name == "runtime directory" or part == directory):
            flaw = flaw_of(part, os.getuid())
            if flaw is not None:
                return Check(name, "bad", flaw.said, flaw.mend)
    if directory.exists():
        return Check(name, "ok", f"{directory} is yours alone")
    above = next(part for part in directory.parents if part.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        return Check(name, "bad", f"{directory} cannot be made in {above}", "set ENGINE_HOME to a directory of yours")
    return Check(name, "ok", f"{directory} is made at the first start")


def check_room(data: Path) -> Check:
    """Whether the disk where state is kept can be written."""
    name, above = "disk", next(part for part in (data, *data.parents) if part.exists())
    try:
        disk = os.statvfs(above)
    except OSError as refused:
        return Check(name, "bad", f"{above}: {refused.strerror}", "see that the disk is well, then start the engine again")
    if disk.f_flag & os.ST_RDONLY:
        said = f"{above} is on a disk that is read only: nothing can be changed"
        return Check(name, "bad", said, "see that the disk is well and mounted to be written, then start the engine again")
    free_bytes = disk.f_bavail * disk.f_frsize
    if free_bytes < room_bytes(disk):
        said = f"{above} has {_megabytes(free_bytes)} left: changes are refused until there is more"
        return Check(name, "bad", said, "make room; the engine goes on by itself")
    return Check(name, "ok", f"{_megabytes(free_bytes)} are free in {above}")


def check_daemon(paths: Paths) -> Check:
    """Whether a daemon listens, by connecting to its socket and hanging up."""
    name = "daemon"
    if not os.path.lexists(paths.socket):
        return Check(name, "ok", f"no engine {paths.name!r} runs")
    if not stat.S_ISSOCK(paths.socket.lstat().st_mode):
        return Check(name, "bad", f"{paths.socket} is not a socket", f"rm {paths.socket}")
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(CONNECT_S)
        try:
            line.connect(str(paths.socket))
        except ConnectionRefusedError:
            said = f"{paths.socket} was left by an engine that was killed"
            return Check(name, "warn", said, "nothing to do: the next start replaces it")
        except OSError as refused:
            return Check(name, "bad", f"{paths.socket}: {refused.strerror or refused}", "engine stop --emergency")
        pid, _, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return Check(name, "ok", f"engine {paths.name!r} runs (pid {pid})")


def check_recording(paths: Paths, now_s: float) -> Check:
    """Whether what the engine shows is recorded while it runs, and whether all that was can be read."""
    name, ring = "recording", Ring(paths.rewind)
    try:
        ring.load()
    except OSError as refused:
        return Check(name, "warn", f"{paths.rewind}: {refused.strerror}", "see that the folder is yours")
    known, damage = ring.facts(), ring.damage
    last_s = known["last_s"] or 0.0
    if _is_running(paths) and now_s - max(last_s, paths.lock.stat().st_mtime) > SILENT_S:
        said = f"the engine runs and has recorded nothing for {now_s - last_s:,.0f} s" if last_s else "nothing is recorded"
        return Check(name, "warn", said, "engine stats --json | jq .rewind says why; it goes on by itself")
    if damage:
        first = damage[0]
        said = f"{len(damage)} cannot be read, the first in {first['file']} at byte {first['offset']:,}: {first['reason']}"
        return Check(name, "warn", said, "nothing to do: all around them is read, and they go with their files")
    return Check(name, "ok", f"{known['count']:,} instants in {_megabytes(known['size_bytes'])}")


def _is_running(paths: Paths) -> bool:
    """Whether a daemon holds the lock; one in a directory that is not safe is nobody's to ask."""
    try:
        return is_running(paths) is not None
    except UnsafePath:
        return False


def _environment(environ: Mapping[str, str], cwd: Path) -> Mapping[str, str]:
    """The environment with `.env`; without it where that file is broken, which the configuration's check says."""
    try:
        return environment(environ, cwd)
    except ConfigError:
        return environ


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f}MB"
