"""The log of an engine, read from its files: whether one runs or not, and on while it is written.

Owns the way over the files' ends: what was read of a file that is moved away meanwhile is not read again, and what follows in
the next one is.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

from engine.logs.file import files_of
from engine.logs.line import read_lines, text_line
from pools.events import WARNING, Event

__all__ = ["Reader"]

#: Seconds between two looks at whether there is more, and after which the last line is taken for whole.
LOOK_S, WHOLE_S = 0.1, 0.3
#: Bytes that are read at once.
READ_BYTES = 1 << 18
#: What is said where files went before they were read, as their reader was too slow.
BEHIND = "lines are missing here: the log has let go of them before they were read"


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

    def last(self, count: int, wanted: Callable[[Event], bool]) -> list[Event]:
        """The last of the events that are there now and wanted. What is older than the first of them is not read."""
        found: list[Event] = []
        files = self._opened()
        for file in reversed(files):
            if len(found) < count or file is files[-1]:
                self._file = file
                events = (event for event in read_lines(self._all_lines()) if wanted(event))
                found[:0] = deque(events, count - len(found))
            if file is not files[-1]:
                file.close()
        self._file = files[-1] if files else None
        return found

    def _all_lines(self) -> Iterator[str]:
        """The lines that follow in the file, its last one taken for whole."""
        self._rest = b""
        yield from self._more()
        if self._rest:
            yield self._taken()

    def _past_lines(self) -> Iterator[str]:
        for file in self._opened():
            if self._file is not None:
                self._file.close()
            self._file = file
            yield from self._all_lines()

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
            ours, files = self._file, self._opened()
            known = [_identity(file) for file in files]
            at = 0
            if ours is not None:
                at = known.index(_identity(ours)) + 1 if _identity(ours) in known else 0
                if not at:
                    yield text_line(Event("log.dropped", BEHIND, time.time(), WARNING)).removesuffix("\n")
                ours.close()
            for file in files[:at]:
                file.close()
            for file in files[at:]:
                self._file, self._rest = file, b""
                yield from self._more()
                if file is not files[-1]:
                    file.close()

    @property
    def _has_moved(self) -> bool:
        """Whether the file that is read is no longer the newest one."""
        try:
            found = _identity(self._path)
        except FileNotFoundError:
            return False
        return self._file is None or found != _identity(self._file)

    def _opened(self) -> list[BinaryIO]:
        """The files that there are, the oldest first: none is missed or comes twice, if they are moved meanwhile."""
        while True:
            files: list[BinaryIO] = []
            with suppress(FileNotFoundError):
                files.extend(path.open("rb") for path in files_of(self._path))
                if [*map(_identity, files)] == [*map(_identity, files_of(self._path))]:
                    return files
            for file in files:
                file.close()


def _identity(file: BinaryIO | Path) -> tuple[int, int]:
    """Which file it is, whatever it is called. Raises FileNotFoundError for a name that none has."""
    found = file.stat() if isinstance(file, Path) else os.fstat(file.fileno())
    return found.st_dev, found.st_ino
