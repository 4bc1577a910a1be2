"""Answers that may be asked for again, messages that have not arrived yet, and what tasks put on record of their way.

Owns which answers of a session are kept: those from its mark on, the number up to which all were received, and from the horizon
on, below which nobody's number counts any more; and which messages are open: those that were sent and not done. It is filled by
reading a log, and carried over by compaction. Pure; the time comes in as an argument.

An answers part: 8 bytes of the session, 8 bytes of the section's number (little endian), then a JSON object with `v`, the
values, and `o`, the position of the first, or `p`, all positions. A marks part: a JSON object, number by session in
hexadecimal. A messages part: a JSON object with `l`, the highest number ever given, and `t`, a list for each message that
begins with its number. A done part: a JSON list of numbers. A horizon part: a JSON number. Parts with steps are `steps`', those
with waypoints `waypoints`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from struct import Struct, error
from typing import Any

import orjson

from checkpoints.frame import Part
from checkpoints.spec import ANSWERS_BYTES, ANSWERS_SPARED_S, PLACE_BITS, SESSION_BYTES
from checkpoints.stamp import STAMPED, stamp
from checkpoints.steps import ENDED, STEP, OpenSteps
from checkpoints.waypoints import Waypoints

__all__ = [
    "ANSWERS",
    "DONE",
    "HORIZON",
    "LETTERS",
    "MARKS",
    "SESSION_BYTES",
    "TOLD",
    "WAYPOINT",
    "Window",
    "answers_part",
    "done_part",
    "horizon_part",
    "marks_part",
    "told_part",
]

#: Letters of the parts.
ANSWERS, MARKS, TOLD, DONE, HORIZON, WAYPOINT = b"R", b"M", b"T", b"D", b"H", b"W"
STEPS = frozenset({STEP, ENDED})
LETTERS = frozenset({ANSWERS, MARKS, TOLD, DONE, HORIZON, WAYPOINT}) | STEPS
#: Bytes of the messages of one part, when it is carried over, unless one alone has more.
TOLD_BYTES = 1024 * 1024
_HEAD = Struct("<8sQ")


class Window:
    """The answers of every session, and the messages that are open."""

    def __init__(self) -> None:
        #: The number below which nothing is asked for again, by session.
        self.marks: dict[bytes, int] = {}
        self._answers: dict[bytes, dict[int, list[bytes]]] = {}
        #: Messages that were sent and not done, by number, in the order of sending; each list begins with its number.
        self.told: dict[int, list[Any]] = {}
        #: The highest number that a message ever had.
        self.last_told = 0
        #: The number below which no session's sections count, of those whose numbers say when they were given.
        self.horizon = 0
        #: The steps of tasks that have not ended.
        self.steps = OpenSteps()
        #: What tasks put on record of their way.
        self.waypoints = Waypoints()

    @property
    def has_answers(self) -> bool:
        """Whether there is any."""
        return any(self._answers.values())

    def is_old(self, session: bytes, number: int) -> bool:
        """Whether a section's answers were received, or are kept no longer: what has none must not be run."""
        return number < self.marks.get(session, 0) or STAMPED <= number < self.horizon

    def fold(self, part: Part) -> None:
        """Take in one part of a log, of one of LETTERS. Raises ValueError for what is no such part."""
        try:
            if part.letter == MARKS:
                for session, mark in orjson.loads(part.body).items():
                    self._mark(bytes.fromhex(session), mark)
            elif part.letter == ANSWERS:
                session_key, number = _HEAD.unpack_from(part.body)
                if not self.is_old(session_key, number):
                    self._answers.setdefault(session_key, {}).setdefault(number, []).append(part.body)
            elif part.letter == TOLD:
                said = orjson.loads(part.body)
                self.told.update((row[0], row) for row in said["t"])
                self.last_told = max(self.last_told, said["l"])
            elif part.letter == DONE:
                for number in orjson.loads(part.body):
                    self.told.pop(number, None)
            elif part.letter == HORIZON:
                self._forget(int(orjson.loads(part.body)))
            elif part.letter in STEPS:
                self.last_told = max(self.last_told, self.steps.fold(part))
            elif part.letter == WAYPOINT:
                self.waypoints.fold(part.body)
        except (error, AttributeError, TypeError, KeyError, IndexError) as wrong:
            raise ValueError(f"a part of answers or messages that cannot be read: {wrong!r}") from wrong

    def _mark(self, session: bytes, mark: int) -> None:
        if mark <= self.marks.get(session, 0):
            return
        if not STAMPED <= mark <= self.horizon:  # then the horizon says as much
            self.marks[session] = mark
        self.steps.received(session, mark)
        kept = self._answers.get(session)
        if kept:
            for number in [number for number in kept if number < mark]:
                del kept[number]

    def _forget(self, horizon: int) -> None:
        """Nothing below this counts any more."""
        self.horizon = max(self.horizon, horizon)
        self.marks = {session: mark for session, mark in self.marks.items() if not STAMPED <= mark <= self.horizon}
        for session, kept in list(self._answers.items()):
            for number in [number for number in kept if STAMPED <= number < self.horizon]:
                del kept[number]
            if not kept:
                del self._answers[session]
        self.steps.older(STAMPED, self.horizon)

    def bounds(
        self, now_s: float, *, keep_s: float, most: int, most_bytes: int = ANSWERS_BYTES, spared_s: float = ANSWERS_SPARED_S
    ) -> list[Part]:
        """What is to be recorded and folded so that no more is kept than may be: oldest first, with a tenth of room.

        now_s: seconds since 1970.  keep_s: how long an answer is kept after its number was given.  most: answers and marks
        that are kept.  most_bytes: of the answers, but for those of the last spared_s seconds. Empty where all is well.
        Only numbers that say when they were given are looked at: a session that counts from 1 bounds by itself how far its
        mark stays behind.
        """
        old = stamp(now_s - keep_s)
        marks = [mark for mark in self.marks.values() if mark >= STAMPED]
        every = (one for numbers in self._answers.values() for one in numbers.items())
        kept = [(number, bodies) for number, bodies in every if number >= STAMPED]
        horizon = max((mark for mark in marks if mark <= old), default=0)
        horizon = max(horizon, max((number + 1 for number, _ in kept if number < old), default=0))
        if len(marks) + sum(len(bodies) for _, bodies in kept) << PLACE_BITS > most:
            horizon = max(horizon, self._cut(most))
        horizon = max(horizon, min(_cut_bytes(kept, most_bytes), stamp(now_s - spared_s)))
        return [horizon_part(horizon)] if horizon > self.horizon else []

    def _cut(self, most: int) -> int:
        """The horizon that leaves nine tenths of what may be kept; 0 where no more is."""
        rows = [(mark, 1) for mark in self.marks.values() if mark >= STAMPED]
        for session, numbers in self._answers.items():
            rows += [(number + 1, len(self.answers(session, number) or ())) for number in numbers if number >= STAMPED]
        surplus = sum(count for _, count in rows) - most
        if surplus <= 0:
            return 0
        surplus += most // 10
        horizon = 0
        for number, count in sorted(rows):
            if surplus <= 0:
                break
            surplus -= count
            horizon = number
        return horizon

    def answers(self, session: bytes, number: int) -> dict[int, Any] | None:
        """The values that a section's tasks were answered with, by position; None where there is no answer to it.

        Raises ValueError for what is no such part: it is not looked into before, as most answers are never asked for again.
        """
        bodies = self._answers.get(session, {}).get(number)
        if bodies is None:
            return None
        values: dict[int, Any] = {}
        for body in bodies:
            try:
                said = orjson.loads(body[_HEAD.size :])
                column, begin = said["v"], said.get("o", 0)
                positions = said["p"] if "p" in said else range(begin, begin + len(column))
                values.update(zip(positions, column, strict=True))
            except (KeyError, TypeError, AttributeError) as wrong:
                raise ValueError(f"answers that cannot be read: {wrong!r}") from wrong
        return values

    def parts(self) -> Iterator[Part]:
        """Everything, as parts of a log."""
        if self.horizon:
            yield horizon_part(self.horizon)
        if self.last_told:
            yield from self._told_parts()
        if self.marks:
            yield Part(MARKS, orjson.dumps({session.hex(): mark for session, mark in self.marks.items()}))
        for answers in self._answers.values():
            for bodies in answers.values():
                for body in bodies:
                    yield Part(ANSWERS, body)
        yield from self.steps.parts()
        for body in self.waypoints.bodies():
            yield Part(WAYPOINT, body)

    def _told_parts(self) -> Iterator[Part]:
        """The open messages, in parts that go into a frame each."""
        rows: list[Any] = []
        size_bytes = 0
        for row in self.told.values():
            encoded = orjson.dumps(row)
            if rows and size_bytes + len(encoded) > TOLD_BYTES:
                yield told_part(self.last_told, rows)
                rows, size_bytes = [], 0
            rows.append(orjson.Fragment(encoded))
            size_bytes += len(encoded)
        yield told_part(self.last_told, rows)


def _cut_bytes(kept: Iterable[tuple[int, Sequence[bytes]]], most: int) -> int:
    """The horizon that leaves nine tenths of the bytes that may be kept; 0 where no more are. kept: answers by number."""
    rows = [(number, sum(map(len, bodies))) for number, bodies in kept]
    surplus = sum(size_bytes for _, size_bytes in rows) - most
    if surplus <= 0:
        return 0
    surplus += most // 10
    horizon = 0
    for number, size_bytes in sorted(rows):
        if surplus <= 0:
            break
        surplus -= size_bytes
        horizon = number + 1
    return horizon


def answers_part(session: bytes, number: int, columns: dict[str, Any]) -> Part:
    """The answers to some tasks of a section. columns: `v` with `o` or `p`. Raises TypeError for what JSON cannot hold."""
    return Part(ANSWERS, _HEAD.pack(session, number) + orjson.dumps(columns))


def marks_part(marks: dict[bytes, int]) -> Part:
    """How far each session has received its answers."""
    return Part(MARKS, orjson.dumps({session.hex(): mark for session, mark in marks.items()}))


def told_part(last: int, rows: Sequence[Any]) -> Part:
    """Messages that are on their way. last: the highest number that one ever had.  rows: each begins with its number."""
    return Part(TOLD, orjson.dumps({"l": last, "t": rows}))


def done_part(numbers: Sequence[int]) -> Part:
    """Messages that have arrived."""
    return Part(DONE, orjson.dumps(numbers))


def horizon_part(horizon: int) -> Part:
    """The number below which no section counts any more."""
    return Part(HORIZON, orjson.dumps(horizon))
