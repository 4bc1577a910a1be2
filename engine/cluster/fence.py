"""The fence before what only a leader may do: no token passes that is lower than one that was seen.

Owns a file of this machine with the highest token. Stores and ship hooks act within `passing`, under a lock, so that no later
leader can have begun before an earlier one's act has ended; a leader that was stopped and goes on meets `StaleToken`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import ConfigError, Unavailable

__all__ = ["Fence", "StaleToken"]


class StaleToken(Unavailable):
    """Another leader has followed. token: that was shown.  highest: that was seen."""

    def __init__(self, token: int, highest: int) -> None:
        super().__init__(f"token {token} is stale: a leader with token {highest} has followed; nothing was done")
        self.token = token
        self.highest = highest


class Fence:
    """The fence of a file; `FILE.lock` beside it is locked by whoever passes. Its folder is there."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def highest(self) -> int:
        """The highest token that was seen, 0 for none. Raises ConfigError where the file says something else."""
        try:
            text = self._file.read_text("ascii")
        except FileNotFoundError:
            return 0
        except UnicodeDecodeError:
            text = ""
        if not text.endswith("\n") or not text[:-1].isdecimal():
            raise ConfigError("this is no fence: remove it only when no leader is at work", key="", file=self._file)
        return int(text)

    def see(self, token: int) -> None:
        """Take in a token that is known to have been given, so that none below it passes. A lower one changes nothing."""
        with self._locked():
            if token > self.highest:
                self._store(token)

    @contextmanager
    def passing(self, token: int) -> Iterator[None]:
        """Act as the leader with a token; nobody else passes meanwhile. Raises StaleToken."""
        with self._locked():
            highest = self.highest
            if token < highest:
                raise StaleToken(token, highest)
            if token > highest:
                self._store(token)
            yield

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = os.open(self._file.with_name(f"{self._file.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _store(self, token: int) -> None:
        new = self._file.with_name(f"{self._file.name}.new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, f"{token}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        new.replace(self._file)
        folder = os.open(self._file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
