"""What a worker's agents say: `print`, `sys.stderr`, `ctx.log`, as events on their way to the engine.

Owns the two streams that stand for standard output and standard error in a worker, the lines that are made of what is written
to them, and how much may be said. An event is one line on the worker's standard error, which is a pipe that the engine reads:
what was said is there also when the process ends in the next moment, or hangs. Writing never waits: what finds no room is kept,
up to a bound, and what is beyond that is counted and told. Who says nothing pays nothing.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from pools.bucket import Bucket
from pools.events import INFO, WARNING, Event

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["MARK", "NOBODY", "PIECE_BYTES", "Mouth", "Speaker", "Speech", "listened", "mouth_of", "no_one"]

#: Begins a line that is a piece of an event; JSON has no such character. Behind it the process and the number of the piece in
#: hexadecimal, `+` where more follow and `.` where none do.
MARK = b"\x1e"
#: Bytes of a piece with all of that: what the kernel writes to a pipe as a whole (PIPE_BUF), whoever else writes there.
PIECE_BYTES = 4_096
#: Characters of a line that is told as one; a longer one is told as several.
LINE_CHARS = 65_536
#: Bytes that a worker may say in a second, and at once: a program that prints without end costs the engine a hundredth of a
#: core, and one that prints a hundred thousand lines loses none.
RATE_BYTES, BURST_BYTES = 256 * 1024, 8 * 1024 * 1024
#: Begun lines that are remembered, of as many tasks.
BEGUN = 1_000
#: Seconds after which a begun line is told as it is, after which what found no room is tried again, and between two words about
#: what was dropped.
LINE_S, AGAIN_S, DROPPED_S = 0.2, 0.01, 1.0
#: Agents that are named when it is told what was dropped.
NAMED = 5


class Speaker(NamedTuple):
    """Who says something: an agent, in a task, with the correlation id of that where it is traced."""

    agent: str = ""
    task: str = ""
    trace: str = ""


NOBODY = Speaker()


def no_one() -> Speaker:
    """Nobody in particular."""
    return NOBODY


class Mouth:
    """What one process says.

    descriptor: the pipe, which is written to without waiting.  clock: monotonic seconds.  wall_s: seconds since 1970.
    """

    def __init__(
        self, descriptor: int, clock: Callable[[], float] = time.monotonic, wall_s: Callable[[], float] = time.time
    ) -> None:
        self._descriptor = descriptor
        self._clock, self._wall_s = clock, wall_s
        self._head = MARK + b"%x," % os.getpid()
        self._lock = threading.RLock()
        #: Tells who says something now.
        self.whose: Callable[[], Speaker] = no_one
        #: The pool and the worker that this process is.
        self.place = ("", "")
        self._loop: AbstractEventLoop | None = None
        self._is_due = False
        self._begun: OrderedDict[tuple[str, Speaker, int], str] = OrderedDict()
        self._unsent: deque[bytes] = deque()
        self._room, self._own_room = (Bucket(RATE_BYTES, BURST_BYTES, clock()) for _ in range(2))
        self._dropped: dict[str, int] = {}
        self._told_s = clock()

    def live_in(self, loop: AbstractEventLoop) -> None:
        """Use a loop for what is told later."""
        self._loop, self._is_due = loop, False

    def write(self, stream: str, text: str) -> None:
        """Take what is written to a stream, `stdout` or `stderr`; whole lines are told."""
        with self._lock:
            speaker = self.whose()
            key = stream, speaker, threading.get_ident()  # two threads that print at once mix no lines
            *lines, rest = (self._begun.pop(key, "") + text).split("\n")
            for line in lines:
                self._line(stream, speaker, line)
            while len(rest) > LINE_CHARS:
                self._line(stream, speaker, rest[:LINE_CHARS])
                rest = rest[LINE_CHARS:]
            if rest:
                self._begun[key] = rest
                if len(self._begun) > BEGUN:
                    (old, who, _), begun = self._begun.popitem(last=False)
                    self._line(old, who, begun)
                self._call(LINE_S)

    def _line(self, stream: str, speaker: Speaker, line: str) -> None:
        name = f"{'agent' if speaker.agent else 'worker'}.print"
        level = INFO if stream == "stdout" else WARNING
        for at in range(0, max(len(line), 1), LINE_CHARS):
            self.say(name, line[at : at + LINE_CHARS], level, speaker)

    def say(self, name: str, text: str, level: str = "", speaker: Speaker | None = None) -> None:
        """Tell an event. speaker: who says it; None for who does now."""
        with self._lock:
            who = self.whose() if speaker is None else speaker
            told = self._encoded(Event(name, text, self._wall_s(), level, *self.place, who.agent, who.task, "", who.trace))
            now_s = self._clock()
            if self._room.room(now_s) < len(told):
                self._drop(who.agent, now_s)
            else:
                self._room.take(len(told), now_s)
                self._send(told)

    def tell(self, name: str, text: str) -> None:
        """Tell what no agent says, as far as there is room: it has some of its own."""
        told = self._encoded(Event(name, text, self._wall_s(), INFO, *self.place))
        with self._lock:
            now_s = self._clock()
            if self._own_room.room(now_s) >= len(told):
                self._own_room.take(len(told), now_s)
                self._send(told)
            else:
                self._drop(name, now_s)

    def _drop(self, agent: str, now_s: float) -> None:
        whose = agent if agent in self._dropped or len(self._dropped) < BEGUN else ""
        self._dropped[whose] = self._dropped.get(whose, 0) + 1
        if now_s - self._told_s >= DROPPED_S:
            self._tell_dropped(now_s)
        else:
            self._call(DROPPED_S)

    def _tell_dropped(self, now_s: float) -> None:
        """Say how many lines there was no room for, and whose they were."""
        dropped, self._dropped, self._told_s = self._dropped, {}, now_s
        most = sorted(dropped.items(), key=lambda item: -item[1])[:NAMED]
        of = ", ".join(f"{count:,} of {agent or 'nobody in particular'}" for agent, count in most)
        rate = f"{RATE_BYTES // 1024} KiB a second and {BURST_BYTES >> 20} MiB at once"
        text = f"{sum(dropped.values()):,} lines were dropped, {of}: a worker may say {rate}"
        self._send(self._encoded(Event("log.dropped", text, self._wall_s(), WARNING, *self.place)))

    def _encoded(self, event: Event) -> bytes:
        try:
            body = orjson.dumps(tuple(event))
        except TypeError:  # a text with half a character, which has no form
            sound = event._replace(text=event.text.encode(errors="backslashreplace").decode())
            body = orjson.dumps(tuple(sound))
        return body

    def _send(self, body: bytes) -> None:
        """Put an event into the pipe, behind what found no room before."""
        room = PIECE_BYTES - len(self._head) - 16
        last = (len(body) - 1) // room
        for number in range(last + 1):
            part = body[number * room : (number + 1) * room]
            self._unsent.append(b"%s%x%s%s\n" % (self._head, number, b"+" if number < last else b".", part))
        self._flush()

    def _flush(self) -> None:
        unsent = self._unsent
        while unsent:
            try:
                os.write(self._descriptor, unsent[0])
            except BlockingIOError:
                self._call(AGAIN_S)
                return
            except OSError:  # nobody reads it any more
                unsent.clear()
                return
            unsent.popleft()

    def flush(self) -> None:
        """Tell also what has only begun, as far as there is room."""
        with self._lock:
            begun, self._begun = self._begun, OrderedDict()
            for (stream, speaker, _), line in begun.items():
                self._line(stream, speaker, line)
            if self._dropped:
                self._tell_dropped(self._clock())
            self._flush()

    def _call(self, after_s: float) -> None:
        """Look at what is left after some seconds, once."""
        if self._loop is not None and not self._is_due:
            self._is_due = True
            try:
                self._loop.call_soon_threadsafe(self._loop.call_later, after_s, self._look)
            except RuntimeError:
                self._loop = None  # it has ended

    def _look(self) -> None:
        self._is_due = False
        self.flush()


class _Bytes(io.BufferedIOBase):
    """What stands for the bytes beneath a stream."""

    def __init__(self, stream: Speech) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        taken = bytes(data)
        self._stream.write(taken.decode(errors="backslashreplace"))
        return len(taken)


class Speech(io.TextIOBase):
    """A worker's standard output or standard error. descriptor: the one beneath, for what writes past this."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, mouth: Mouth, stream: str, descriptor: int) -> None:
        self.mouth = mouth
        self._stream = stream
        self._descriptor = descriptor
        self._bytes = _Bytes(self)

    @property
    def name(self) -> str:
        """As the interpreter calls it."""
        return f"<{self._stream}>"

    @property
    def buffer(self) -> _Bytes:
        """Takes bytes instead of text."""
        return self._bytes

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor beneath."""
        return self._descriptor

    def write(self, text: str, /) -> int:
        """Say something."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.mouth.write(self._stream, text)
        return len(text)

    def close(self) -> None:
        """Nothing: there is no other to say it to."""


def listened(speaker: Speaker = NOBODY, place: tuple[str, str] = ("", "")) -> Mouth | None:
    """Have everything that this process prints told to the engine, over the pipe that its standard error is.

    Called once after a fork. speaker: whose it is.  place: pool and worker that the process is.
    Returns None where it cannot be written to; then nothing is changed.
    """
    try:
        descriptor = os.open("/proc/self/fd/2", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # apart from what children inherit
    except OSError:
        return None
    mouth = Mouth(descriptor)
    mouth.whose, mouth.place = lambda: speaker, place
    sys.stdout, sys.stderr = Speech(mouth, "stdout", 1), Speech(mouth, "stderr", 2)
    return mouth


def mouth_of(stream: Any) -> Mouth | None:
    """What a standard stream says leads to; None for one of another sort."""
    return stream.mouth if isinstance(stream, Speech) else None
