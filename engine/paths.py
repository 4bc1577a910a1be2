"""Where one named engine keeps its socket, its lock and its logs.

Owns the rules (ENGINE_HOME, else the XDG directories, else a private directory beside the temporary files) and the
check that a directory is this user's alone. Opens no socket and takes no lock: whether a daemon runs is decided by the
flock on `lock`, never by a file that exists. The environment and the user are arguments; nothing is read at import.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import ConfigError, UnsafePath

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Flaw", "Paths", "find_paths", "flaw_of", "has_open", "valid_name"]

#: Bytes of a unix socket's path: `sun_path` holds 108 with the closing zero (unix(7)).
SOCKET_PATH_BYTES = 107
#: Mode of every directory made here: the socket in it gives full power over the engine.
PRIVATE_MODE = 0o700
#: Where a login session's runtime directories stand when XDG_RUNTIME_DIR is not set, as under cron or sudo.
SESSIONS = Path("/run/user")
#: Where a private directory is made when there is no other place; it is checked before it is used.
TEMPORARY = Path("/tmp")  # noqa: S108

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


class Flaw(NamedTuple):
    """What is wrong with a directory, and what to type against it."""

    said: str
    mend: str


@dataclass(frozen=True, slots=True)
class Paths:
    """The files of one engine.

    runtime: its directory for the socket and the lock, gone after a restart of the machine.
    state: its directory for logs and data, kept.
    """

    name: str
    runtime: Path
    state: Path

    @property
    def socket(self) -> Path:
        """The control socket."""
        return self.runtime / "control.sock"

    @property
    def lock(self) -> Path:
        """The file whose flock the running daemon holds."""
        return self.runtime / "daemon.lock"

    @property
    def keeper(self) -> Path:
        """The file whose flock the keeper of the daemon holds, where it has one."""
        return self.runtime / "keeper.lock"

    @property
    def log(self) -> Path:
        """What the daemon says while nobody looks."""
        return self.state / "daemon.log"

    @property
    def data(self) -> Path:
        """What is kept of agents: a store's folder for each worker of each pool, POOL/NUMBER."""
        return self.state / "data"

    @property
    def sprints(self) -> Path:
        """The sprints, a folder each."""
        return self.state / "sprints"

    @property
    def rewind(self) -> Path:
        """What the engine showed, once a second: the ring of recordings."""
        return self.state / "rewind"

    def check(self) -> None:
        """Check that what there is of the runtime directories is this user's alone. Raises UnsafePath with the mend."""
        for directory in (self.runtime.parent, self.runtime):
            try:
                flaw = flaw_of(directory, os.getuid())
            except FileNotFoundError:
                return
            except OSError as refused:
                raise _closed(directory, refused) from refused
            if flaw is not None:
                raise UnsafePath(f"{flaw.said}; {flaw.mend}", path=directory)

    def prepare(self) -> None:
        """Make the directories, and check that they are this user's alone. Raises UnsafePath with the mend."""
        for directory in (self.runtime.parent, self.runtime, self.state):
            try:
                directory.parent.mkdir(mode=PRIVATE_MODE, parents=True, exist_ok=True)
                directory.mkdir(mode=PRIVATE_MODE, exist_ok=True)
            except OSError as refused:
                said = f"{directory} cannot be made: {refused.strerror}; set ENGINE_HOME to a directory of yours"
                raise UnsafePath(said, path=directory) from refused
            flaw = flaw_of(directory, os.getuid())
            if flaw is not None:
                raise UnsafePath(f"{flaw.said}; {flaw.mend}", path=directory)


def find_paths(name: str, environ: Mapping[str, str], *, uid: int | None = None, sessions: Path = SESSIONS) -> Paths:
    """The paths of the engine of that name for this user; nothing is made or opened.

    Raises ConfigError for a bad name and an ENGINE_HOME that is not absolute, UnsafePath for a socket path too long.
    """
    valid_name(name)
    uid = os.getuid() if uid is None else uid
    home = environ.get("ENGINE_HOME")
    if home:
        if not Path(home).is_absolute():
            raise ConfigError(f"{home!r} is not absolute: every command must find the same directory", key="ENGINE_HOME")
        return _fitting(Paths(name, Path(home) / "run" / name, Path(home) / "state" / name))
    return _fitting(Paths(name, _runtime_root(environ, uid, sessions) / name, _state_root(environ) / "engine" / name))


def has_open(pid: int, file: Path) -> bool:
    """Whether a process has a file open: its number alone may be another's by now."""
    found = file.stat()
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                theirs = descriptor.stat()
                if (theirs.st_dev, theirs.st_ino) == (found.st_dev, found.st_ino):
                    return True
    return False


def _closed(path: Path, refused: OSError) -> UnsafePath:
    return UnsafePath(f"{path}: {refused.strerror}; set ENGINE_HOME to a directory of yours", path=path)


def valid_name(name: str, key: str = "name") -> str:
    """The name itself, if it can name an engine or a pool: 1-32 of a-z, 0-9 and -, not - first. Raises ConfigError."""
    if _NAME.fullmatch(name) is None:
        raise ConfigError(f"{name!r} is not a name: use 1-32 of a-z, 0-9 and -, a letter or a digit first", key=key)
    return name


def flaw_of(directory: Path, uid: int) -> Flaw | None:
    """Why a directory that exists is not this user's alone; None if it is."""
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return Flaw(f"{directory} is not a directory", f"move it away: mv {directory} {directory}.old")
    if found.st_uid != uid:
        return Flaw(f"{directory} belongs to user {found.st_uid}", "set ENGINE_HOME to a directory of yours")
    if stat.S_IMODE(found.st_mode) & 0o077:
        return Flaw(f"{directory} is open to others ({stat.S_IMODE(found.st_mode):04o})", f"chmod 700 {directory}")
    return None


def _runtime_root(environ: Mapping[str, str], uid: int, sessions: Path) -> Path:
    for base in (Path(environ.get("XDG_RUNTIME_DIR") or "."), sessions / str(uid)):
        if base.is_absolute() and _is_usable(base, uid):
            return base / "engine"
    temporary = Path(environ.get("TMPDIR") or ".")
    return (temporary if temporary.is_absolute() else TEMPORARY) / f"engine-{uid}"


def _state_root(environ: Mapping[str, str]) -> Path:
    """XDG_STATE_HOME, if it is absolute as the standard demands, else ~/.local/state."""
    state = Path(environ.get("XDG_STATE_HOME") or ".")
    return state if state.is_absolute() else Path(environ.get("HOME") or Path.home()) / ".local" / "state"


def _is_usable(base: Path, uid: int) -> bool:
    try:
        found = base.stat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not stat.S_IMODE(found.st_mode) & 0o022


def _fitting(paths: Paths) -> Paths:
    size_bytes = len(os.fsencode(paths.socket))
    if size_bytes > SOCKET_PATH_BYTES:
        raise UnsafePath(
            f"{paths.socket} has {size_bytes} bytes, a unix socket's path at most {SOCKET_PATH_BYTES}; "
            "set ENGINE_HOME to a shorter directory",
            path=paths.socket,
        )
    return paths
