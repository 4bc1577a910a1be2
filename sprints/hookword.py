"""The word that a hook leaves of itself, in a file: that it was begun, and how it ended.

Owns the file, so that who comes later knows what became of a hook whose engine was lost: it runs, it said yes or no, or it was
killed too. Who has found that a hook was never begun has forbidden it by that: whoever is first makes the file. It is on the
disk before the hook begins, and is locked while the hook runs.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal, NamedTuple

__all__ = ["KEPT", "STATES", "HookWord", "Word", "word_of"]

#: Bytes of a file, which are there from the beginning: how a hook ended can be written to a full disk too.
FILE_BYTES = 4_096
#: Characters of why a hook said no that are kept.
WHY_CHARS = 600
#: Files that are kept in a folder.
KEPT = 500

State = Literal["never", "running", "yes", "no", "lost"]
#: never: it was not begun, and will not be.  running.  yes, no: what it said.  lost: it was killed before it could say that.
STATES: tuple[State, ...] = ("never", "running", "yes", "no", "lost")


class Word(NamedTuple):
    """What became of a hook. why: it said no."""

    state: State
    why: str = ""


class HookWord:
    """The file of a hook that this process runs. Raises FileExistsError where it was begun before, or may not be; OSError."""

    def __init__(self, path: str) -> None:
        self._descriptor = _made(path, {"state": "lost"})

    def end(self, why: str | None) -> None:
        """Say how it ended, once. why: it said no; None for a yes. Raises OSError."""
        facts = {"state": "yes"} if why is None else {"state": "no", "why": why[:WHY_CHARS]}
        try:
            os.pwrite(self._descriptor, _page(facts), 0)
            os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)


def word_of(path: str) -> Word:
    """What became of a hook; one that was not begun by now cannot be any more. Raises OSError."""
    while True:
        try:
            os.close(_made(path, {"state": "never"}))
            return Word("never")
        except FileExistsError:
            pass
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # somebody has removed it just now
        try:
            return _read(os.pread(descriptor, FILE_BYTES, 0)) if _is_left(descriptor) else Word("running")
        finally:
            os.close(descriptor)


def _made(path: str, facts: Mapping[str, Any]) -> int:
    """Make a file, which is locked and whole when others see it first; returns its descriptor. Raises FileExistsError."""
    folder, name = os.path.split(path)
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)  # noqa: PTH102 - paths are texts here
    new = f"{folder}/.{name}.{os.getpid()}"
    with suppress(FileNotFoundError):
        os.unlink(new)  # noqa: PTH108
    descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.pwrite(descriptor, _page(facts), 0)
        os.fsync(descriptor)
        os.link(new, path)
        _sync(folder)
    except BaseException:
        os.close(descriptor)
        raise
    finally:
        os.unlink(new)  # noqa: PTH108
    _prune(folder)
    return descriptor


def _is_left(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _page(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts).encode().ljust(FILE_BYTES)


def _read(data: bytes) -> Word:
    try:
        facts = json.loads(data)
        return Word(facts["state"], facts.get("why", ""))
    except (ValueError, KeyError, TypeError):
        return Word("lost")  # it is damaged: nobody knows


def _sync(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prune(folder: str) -> None:
    """Remove the oldest files beyond KEPT, of hooks that do not run."""
    paths = [f"{folder}/{name}" for name in os.listdir(folder) if not name.startswith(".")]
    if len(paths) <= KEPT:
        return
    for path in sorted(paths, key=lambda path: os.stat(path).st_mtime_ns)[:-KEPT]:  # noqa: PTH116
        with suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            if _is_left(descriptor):
                os.unlink(path)  # noqa: PTH108
            os.close(descriptor)
