"""The log of an engine, read from its files: whether one runs or not, and on while it is written.

Owns the way over the files' ends: what was read of a file that is moved away meanwhile is not read again, and what follows in
the next one is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

from engine.logs.file import files_of
from engine.logs.line import read_lines
from pools.events import Event

__all__ = ["Reader"]

#: Seconds between two looks at whether there is more, and after which the last line is taken for whole.
LOOK_S, WHOLE_S = 0.1, 0.3
#: Bytes that are read at once.
READ_BYTES = 1 << 18


class Reader:
    """A log. path: its newest file.  sleep, clock: of waiting, in seconds."""

    def __init__(
        self, path: Path, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._sleep, self._clock = sleep, clock
        self._file: BinaryIO | None = None
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._file is not None:
            self._file.close()

    def past(self) -> Iterator[Event]:
        """Every event that is there now, the oldest first."""
        return read_lines(self._past_lines())

    def _past_lines(self) -> Iterator[str]:
        for file in files_of(self._path):
            if self._file is not None:
                self._file.close()
            try:
                self._file = file.open("rb")
            except FileNotFoundError:
                self._file = None
                continue  # it was moved away, as the oldest one
            self._rest = b""
            yield from self._more()
            if file != self._path and self._rest:
                yield self._taken()
        if self._rest:
            yield self._taken()

    def _more(self) -> Iterator[str]:
        """The whole lines that follow in the file."""
        while self._file is not None and (data := self._file.read(READ_BYTES)):
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace")

    def _taken(self) -> str:
        rest, self._rest = self._rest, b""
        return rest.decode(errors="replace")

    def follow(self) -> Iterator[Event | None]:
        """Every event from what `past` has read on, as it comes, without an end; None when there is nothing new for now."""
        held: list[str] = []
        since_s = self._clock()
        while True:
            fresh = list(self._next_lines())
            for line in fresh:
                if held and not line.startswith("\t"):
                    yield from read_lines(held)
                    held = []
                held.append(line)
            if fresh:
                since_s = self._clock()
            elif held and self._clock() - since_s > WHOLE_S:
                yield from read_lines(held)
                held = []
            elif not held:
                yield None
            if not fresh:
                self._sleep(LOOK_S)

    def _next_lines(self) -> Iterator[str]:
        if self._file is not None and os.fstat(self._file.fileno()).st_size < self._file.tell():
            self._file.seek(0)  # somebody has emptied it
            self._rest = b""
        yield from self._more()
        if self._has_moved:
            yield from self._more()  # what was written before it was moved
            if self._rest:
                yield self._taken()
            missed = self._newer()
            if self._file is not None:
                self._file.close()
            for file in missed:
                self._file = file.open("rb")
                yield from self._more()
                if file != missed[-1]:
                    self._file.close()

    @property
    def _has_moved(self) -> bool:
        """Whether the file that is read is no longer the newest one."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return False
        if self._file is None:
            return True
        ours = os.fstat(self._file.fileno())
        return (found.st_dev, found.st_ino) != (ours.st_dev, ours.st_ino)

    def _newer(self) -> list[Path]:
        """The files behind the one that was read, the oldest first."""
        files = files_of(self._path)
        if self._file is None:
            return files
        ours = os.fstat(self._file.fileno()).st_ino
        at = next((at for at, file in enumerate(files) if file.stat().st_ino == ours), -1)
        return files[at + 1 :]
