"""The files of a log: one that grows, and those before it.

Owns their names, their mode, and when one file ends and the next begins. What cannot be written is told to who writes, and
leaves what is there as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

__all__ = ["LogFile", "files_of"]


def files_of(path: Path) -> list[Path]:
    """The files of a log that there are, the oldest first."""
    found = []
    for file in path.parent.glob(f"{path.name}.*"):
        number = file.name.removeprefix(f"{path.name}.")
        if number.isascii() and number.isdecimal() and number[0] != "0":
            found.append((int(number), file))
    return [file for _, file in sorted(found, reverse=True)] + ([path] if path.exists() else [])


class LogFile:
    """A log that is written to.

    size_bytes: of one file.  files: how many there are at once.  on_opened: told the descriptor of each file that is begun.
    """

    def __init__(
        self,
        path: Path,
        size_bytes: int,
        files: int,
        on_opened: Callable[[int], None] = lambda _descriptor: None,
    ) -> None:
        self._path = path
        self._size_bytes, self._files = size_bytes, files
        self._on_opened = on_opened
        self._descriptor = -1
        self._is_torn = False

    def write(self, lines: bytes) -> None:
        """Add whole lines. Raises OSError where they cannot be written, or not all of them."""
        if not self._is_there:
            self._open()
        size = os.fstat(self._descriptor).st_size
        if size and size + len(lines) > self._size_bytes:
            self._roll()
        if self._is_torn:
            lines = b"\n" + lines
        view = memoryview(lines)
        while view:
            written = os.write(self._descriptor, view)
            self._is_torn = written < len(view)
            view = view[written:]

    @property
    def _is_there(self) -> bool:
        """Whether the file that is written to is still the one of that name: others may have moved it."""
        if self._descriptor < 0:
            return False
        try:
            found, ours = self._path.stat(), os.fstat(self._descriptor)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)

    def _open(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.fchmod(descriptor, 0o600)
        self._on_opened(descriptor)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = descriptor

    def _roll(self) -> None:
        """Begin a new file; the oldest one that is too many goes."""
        older = [self._path.with_name(f"{self._path.name}.{at}") for at in range(self._files - 1, 0, -1)]
        names = [*older, self._path]
        for extra in files_of(self._path):
            if extra not in names:
                extra.unlink(missing_ok=True)
        if len(names) == 1:
            self._path.unlink()
        for before, after in pairwise(names):
            with suppress(FileNotFoundError):
                after.replace(before)
        self._open()
        self._is_torn = False

    def close(self) -> None:
        """End it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
