"""What worker processes say, as the engine hears it.

Owns the pipe that all of them have for standard output and standard error, and the way from its bytes to events. What is no
event of theirs was written past the interpreter, by a library or a program that an agent runs: each line of that is an event
too, of nobody in particular. How much of that is heard is bounded; what the workers say themselves is bounded there.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import orjson

from pools.bucket import Bucket
from pools.events import INFO, LEVELS, WARNING, Event
from pools.speech import MARK

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["Hearing"]

#: Bytes that the kernel holds of what was not heard yet; without more rights it holds no more.
PIPE_BYTES = 1 << 20
#: Bytes that are heard in one turn of the loop: 2 ms of work, behind which tasks go on.
TURN_BYTES = 64 * 1024
#: Bytes of a raw line that is told as one, and bytes of raw lines in a second and at once.
LINE_BYTES, RATE_BYTES, BURST_BYTES = 16 * 1024, 256 * 1024, 4 * 1024 * 1024
#: Bytes of an event that comes in pieces, and how many such are waited for at once.
EVENT_BYTES, WAITING = 1 << 20, 256


class Hearing:
    """One engine's ear. clock: monotonic seconds.  wall_s: seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall_s: Callable[[], float] = time.time) -> None:
        self._clock, self._wall_s = clock, wall_s
        self._end, self.descriptor = os.pipe2(os.O_CLOEXEC)
        with suppress(OSError):  # others of this user have many large ones
            fcntl.fcntl(self._end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(self._end, False)
        self._loop: AbstractEventLoop | None = None
        #: Told everything that is said.
        self.on_event: Callable[[Event], None] = lambda _event: None
        self._rest = b""
        self._pieces: dict[bytes, tuple[int, bytearray]] = {}
        self._room = Bucket(RATE_BYTES, BURST_BYTES, clock())
        self._dropped = 0
        self._told_s = clock()

    def watch(self, loop: AbstractEventLoop) -> None:
        """Hear in a loop from now on."""
        if self._loop is None:
            self._loop = loop
            loop.add_reader(self._end, self.hear)

    def hear(self) -> bool:
        """Hear what was said since; returns whether there was something."""
        try:
            data = os.read(self._end, TURN_BYTES)
        except BlockingIOError:
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._rest) > LINE_BYTES and MARK not in self._rest:
            self._raw(self._rest)
            self._rest = b""
        return bool(data)

    def close(self) -> None:
        """Hear what is left, and end."""
        if self._end < 0:
            return
        if self._loop is not None:
            self._loop.remove_reader(self._end)
        while self.hear():
            pass
        self._line(self._rest)
        self._tell_dropped()
        os.close(self._end)
        os.close(self.descriptor)
        self._end = self.descriptor = -1

    def _line(self, line: bytes) -> None:
        raw, mark, piece = line.partition(MARK)
        if raw:
            self._raw(raw)
        if mark and not self._piece(piece):
            self._raw(piece)

    def _piece(self, piece: bytes) -> bool:
        """Take a piece of an event; returns whether it is one."""
        process, comma, told = piece.partition(b",")
        at = next((at for at in range(min(len(told), 9)) if told[at] in b"+."), 0)
        if not comma or not at:
            return False
        try:
            number = int(told[:at], 16)
        except ValueError:
            return False
        if number == 0:
            self._pieces[process] = (0, bytearray())
        expected, body = self._pieces.pop(process, (-1, bytearray()))
        if number != expected or len(body) > EVENT_BYTES:
            return True  # its beginning was lost with the one who said it
        body += told[at + 1 :]
        if told[at : at + 1] == b"+":
            self._pieces[process] = (number + 1, body)
            if len(self._pieces) > WAITING:
                del self._pieces[next(iter(self._pieces))]
            return True
        return self._event(bytes(body))

    def _event(self, body: bytes) -> bool:
        try:
            event = Event(*orjson.loads(body))
        except (orjson.JSONDecodeError, TypeError):
            return False
        texts = (event.name, event.text, *event[3:])
        if type(event.time_s) is not float or any(type(text) is not str for text in texts):
            return False
        if event.level and event.level not in LEVELS:
            return False
        self.on_event(event)
        return True

    def _raw(self, line: bytes) -> None:
        """A line that was written past the interpreter."""
        now_s = self._clock()
        if self._room.room(now_s) <= len(line):
            self._dropped += 1
        else:
            self._room.take(len(line) + 1, now_s)
            self.on_event(Event("worker.output", line.decode(errors="backslashreplace"), self._wall_s(), INFO))
        if self._dropped and now_s - self._told_s >= 1:
            self._tell_dropped()

    def _tell_dropped(self) -> None:
        if self._dropped:
            dropped, self._dropped, self._told_s = self._dropped, 0, self._clock()
            rate = f"{RATE_BYTES // 1024} KiB a second and {BURST_BYTES >> 20} MiB at once"
            text = f"{dropped:,} lines that programs wrote to standard output were dropped: they may write {rate}"
            self.on_event(Event("log.dropped", text, self._wall_s(), WARNING))
