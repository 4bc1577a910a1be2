"""Answers that may be asked for again, and messages that have not arrived yet.

Owns which answers of a session are kept: those from its mark on, the number up to which all were received; and which messages
are open: those that were sent and not done. It is filled by reading a log, and carried over by compaction. Pure.

An answers part: 8 bytes of the session, 8 bytes of the section's number (little endian), then a JSON object with `v`, the
values, and `o`, the position of the first, or `p`, all positions. A marks part: a JSON object, number by session in
hexadecimal. A messages part: a JSON object with `l`, the highest number ever given, and `t`, a list for each message that
begins with its number. A done part: a JSON list of numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct, error
from typing import Any

import orjson

from checkpoints.frame import Part
from checkpoints.spec import SESSION_BYTES

__all__ = [
    "ANSWERS",
    "DONE",
    "LETTERS",
    "MARKS",
    "SESSION_BYTES",
    "TOLD",
    "Window",
    "answers_part",
    "done_part",
    "marks_part",
    "told_part",
]

#: Letters of the parts.
ANSWERS, MARKS, TOLD, DONE = b"R", b"M", b"T", b"D"
LETTERS = frozenset({ANSWERS, MARKS, TOLD, DONE})
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

    @property
    def has_answers(self) -> bool:
        """Whether there is any."""
        return any(self._answers.values())

    def fold(self, part: Part) -> None:
        """Take in one part of a log, of either letter. Raises ValueError for what is no such part."""
        try:
            if part.letter == MARKS:
                for session, mark in orjson.loads(part.body).items():
                    self._mark(bytes.fromhex(session), mark)
            elif part.letter == ANSWERS:
                session_key, number = _HEAD.unpack_from(part.body)
                if number >= self.marks.get(session_key, 0):
                    self._answers.setdefault(session_key, {}).setdefault(number, []).append(part.body)
            elif part.letter == TOLD:
                said = orjson.loads(part.body)
                self.told.update((row[0], row) for row in said["t"])
                self.last_told = max(self.last_told, said["l"])
            elif part.letter == DONE:
                for number in orjson.loads(part.body):
                    self.told.pop(number, None)
        except (error, AttributeError, TypeError, KeyError, IndexError) as wrong:
            raise ValueError(f"a part of answers or messages that cannot be read: {wrong!r}") from wrong

    def _mark(self, session: bytes, mark: int) -> None:
        if mark <= self.marks.get(session, 0):
            return
        self.marks[session] = mark
        kept = self._answers.get(session)
        if kept:
            for number in [number for number in kept if number < mark]:
                del kept[number]

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
        if self.last_told:
            yield told_part(self.last_told, list(self.told.values()))
        if self.marks:
            yield Part(MARKS, orjson.dumps({session.hex(): mark for session, mark in self.marks.items()}))
        for answers in self._answers.values():
            for bodies in answers.values():
                for body in bodies:
                    yield Part(ANSWERS, body)


def answers_part(session: bytes, number: int, columns: dict[str, Any]) -> Part:
    """The answers to some tasks of a section. columns: `v` with `o` or `p`. Raises TypeError for what JSON cannot hold."""
    return Part(ANSWERS, _HEAD.pack(session, number) + orjson.dumps(columns))


def marks_part(marks: dict[bytes, int]) -> Part:
    """How far each session has received its answers."""
    return Part(MARKS, orjson.dumps({session.hex(): mark for session, mark in marks.items()}))


def told_part(last: int, rows: Sequence[Sequence[Any]]) -> Part:
    """Messages that are on their way. last: the highest number that one ever had.  rows: each begins with its number."""
    return Part(TOLD, orjson.dumps({"l": last, "t": rows}))


def done_part(numbers: Sequence[int]) -> Part:
    """Messages that have arrived."""
    return Part(DONE, orjson.dumps(numbers))
