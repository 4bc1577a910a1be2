"""Who writes the log of an engine.

Owns what waits to be written and the thread that writes it: whoever tells an event goes on at once, however slow the disk is.
What waits is bounded, and a log that cannot be written harms nobody: what is missing is counted, and told when writing works
again.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread
from typing import Protocol

from engine.logkeys import LogSpec
from engine.logs.file import LogFile
from engine.logs.levels import Levels
from engine.logs.line import json_line, text_line
from pools.events import WARNING, Event

__all__ = ["Scribe", "note", "scribe"]

#: Characters that may wait to be written: more than workers may say at once.
WAITING_CHARS = 16 * 1024 * 1024
#: Events that are written together, and what one takes beside its text, in characters.
AT_ONCE, EVENT_CHARS = 1_000, 200
#: Seconds that the end waits for what is still to be written.
CLOSE_S = 2.0


class Paper(Protocol):
    """What is written on."""

    def write(self, lines: bytes) -> None:
        """Add whole lines. Raises OSError."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class Scribe:
    """Writes events.

    paper: where to.  form: `text` or `json`.  engine: whose log it is.  levels: what comes into it.
    echo: a descriptor that gets every line too; None for none.  wall_s: seconds since 1970.
    """

    def __init__(
        self,
        paper: Paper,
        form: str,
        engine: str,
        levels: Levels,
        echo: int | None = None,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._paper = paper
        self._is_json = form == "json"
        self._engine = engine
        self.levels = levels
        self._echo = echo
        self._wall_s = wall_s
        self._waiting: deque[Event] = deque()
        self._chars = 0
        self._changed = Condition()
        self._is_writing = self._is_closed = False
        #: Events that were written, and those that could not be, since the engine began.
        self.written = self.dropped = 0
        self._untold, self._why = 0, ""
        self._thread: Thread | None = None

    def put(self, event: Event) -> None:
        """Have an event written, if it matters enough."""
        if not self.levels.passes(event):
            return
        with self._changed:
            if self._is_closed or self._chars > WAITING_CHARS:
                self._lose(1, f"more than {WAITING_CHARS >> 20} million characters waited for the disk")
                return
            self._waiting.append(event)
            self._chars += len(event.text) + EVENT_CHARS
            if self._thread is None:
                self._thread = Thread(target=self._write, name="log", daemon=True)
                self._thread.start()
            if not self._is_writing:
                self._changed.notify()

    def close(self) -> None:
        """Write what waits, and end."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(CLOSE_S)
        else:
            self._paper.close()

    def _lose(self, count: int, why: str) -> None:
        self.dropped += count
        self._untold += count
        self._why = why

    def _write(self) -> None:
        """The thread: write what waits, until the end."""
        while True:
            with self._changed:
                self._is_writing = False
                while not self._waiting and not self._is_closed:
                    self._changed.wait()
                taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), AT_ONCE))]
                self._chars -= sum(len(event.text) + EVENT_CHARS for event in taken)
                self._is_writing = True
            if not taken:
                self._paper.close()
                return
            self._write_all(taken)

    def _write_all(self, events: list[Event]) -> None:
        """Write some events; if they cannot be, they are missing."""
        lost = []
        missing = self._untold
        if missing:
            text = f"{missing:,} events are missing here: {self._why}"
            lost.append(Event("log.dropped", text, self._wall_s(), WARNING))
        lines = [self._line(event) for event in (*lost, *events)]
        written = "".join(lines).encode(errors="backslashreplace")
        if self._echo is not None:
            self._say(self._echo, written)
        try:
            self._paper.write(written)
        except OSError as error:
            with self._changed:
                self._lose(len(events), str(error))
        else:
            with self._changed:
                self.written += len(events)
                self._untold -= missing  # more may be, by now

    @staticmethod
    def _say(descriptor: int, text: bytes) -> None:
        view = memoryview(text)
        with suppress(OSError):  # its reader is gone, or its disk is full
            while view:
                view = view[os.write(descriptor, view) :]

    def _line(self, event: Event) -> str:
        return json_line(event, self._engine) if self._is_json else text_line(event)


def scribe(path: Path, spec: LogSpec, engine: str, echo: int | None) -> Scribe:
    """Who writes the log of an engine. path: its newest file.

    echo: a descriptor that gets every line too; without one, what else this process writes goes to the file.
    """
    paper = LogFile(path, spec.size_bytes, spec.files, _put_out if echo is None else _nothing)
    return Scribe(paper, spec.form, engine, Levels(spec.level), echo)


def _put_out(file: int) -> None:
    """Have standard output and standard error lead to a file."""
    os.dup2(file, 1)
    os.dup2(file, 2)


def _nothing(_file: int) -> None:
    """Leave them as they are."""


def note(path: Path, spec: LogSpec, engine: str, event: Event) -> None:
    """Write one event for somebody who writes few; if it cannot be written, it is missing."""
    paper = LogFile(path, spec.size_bytes, spec.files)
    with suppress(OSError):
        paper.write((json_line(event, engine) if spec.form == "json" else text_line(event)).encode(errors="backslashreplace"))
    paper.close()
