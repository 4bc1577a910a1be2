"""Answers on their way back: over the channel in frames, or to an agent of the same worker.

Owns the form of result sections. Which task was done is the executor's knowledge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from pools import values
from pools.again import Wire
from pools.errors import BadReply, Failure, FrameTooLarge, failure_of
from pools.job import Answers, Error
from pools.lane import Sink
from pools.message import RESULT

if TYPE_CHECKING:
    from pools.ledger import Ledger

__all__ = ["ChannelAnswers", "LocalAnswers", "PlacedAnswers", "RecordedAnswers", "SessionAnswers", "copied"]


class ChannelAnswers:
    """Answers that go back over the channel, many a frame."""

    def __init__(self, channel: Wire) -> None:
        self._channel = channel
        self._sections: list[dict[str, Any]] = []

    def answer(self, number: int, first: int, results: list[Any], errors: list[Error]) -> None:
        """Take the results of consecutive positions."""
        section: dict[str, Any] = {"n": number, "v": results}
        if first:
            section["o"] = first
        if errors:
            section["e"] = errors
        self._sections.append(section)

    def answer_at(self, number: int, positions: list[int], results: list[Any], errors: list[Error]) -> None:
        """Take the results of some positions."""
        section: dict[str, Any] = {"n": number, "i": positions, "v": results}
        if errors:
            section["e"] = errors
        self._sections.append(section)

    def flush(self) -> None:
        """Send what was taken."""
        if self._sections:
            sections, self._sections = self._sections, []
            self._send(sections)

    def _send(self, sections: list[dict[str, Any]]) -> None:
        try:
            self._channel.send(RESULT, sections)
        except FrameTooLarge as error:
            if len(sections) > 1:
                for section in sections:
                    self._send([section])
            elif len(sections[0]["v"]) > 1:
                self._send(_halves(sections[0]))
            else:
                failure = failure_of(BadReply(str(error)))
                self._channel.send(RESULT, [sections[0] | {"v": [None], "e": [[0, *failure]]}])


def _halves(section: dict[str, Any]) -> list[dict[str, Any]]:
    """A section of answers as two."""
    results = section["v"]
    positions = section.get("i") or list(range(section.get("o", 0), section.get("o", 0) + len(results)))
    errors = section.get("e", [])
    middle = len(results) // 2
    parts = []
    for start, stop in ((0, middle), (middle, len(results))):
        part = {"n": section["n"], "i": positions[start:stop], "v": results[start:stop]}
        own = [[error[0] - start, *error[1:]] for error in errors if start <= error[0] < stop]
        parts.append(part | ({"e": own} if own else {}))
    return parts


class RecordedAnswers(ChannelAnswers):
    """Answers that are recorded with what their tasks changed, and sent when that is on the disk. wire: waits for it.

    plain: the same way for answers that are recorded otherwise.
    """

    def __init__(self, wire: Wire, ledger: Ledger) -> None:
        super().__init__(wire)
        self.plain = ChannelAnswers(wire)
        self._ledger = ledger

    def answer(self, number: int, first: int, results: list[Any], errors: list[Error]) -> None:
        """Take the results of consecutive positions."""
        super().answer(number, first, results, errors)
        if errors:
            failed = {error[0] for error in errors}
            ended = [at for at in range(len(results)) if at not in failed]
            self._ledger.answered(number, {"p": [first + at for at in ended], "v": [results[at] for at in ended]})
        else:
            self._ledger.answered(number, {"o": first, "v": results})

    def answer_at(self, number: int, positions: list[int], results: list[Any], errors: list[Error]) -> None:
        """Take the results of some positions."""
        super().answer_at(number, positions, results, errors)
        failed = {error[0] for error in errors}
        ended = [at for at in range(len(results)) if at not in failed]
        self._ledger.answered(number, {"p": [positions[at] for at in ended], "v": [results[at] for at in ended]})

    def flush(self) -> None:
        """Send what was taken, and commit what it waits for."""
        super().flush()
        self.plain.flush()
        self._ledger.flush()


class SessionAnswers:
    """Answers to tasks that a client numbered itself: recorded under its numbers, which it keeps when it comes back.

    session: the client's, 8 bytes.  numbers: of each task, by its position in the section.
    """

    def __init__(
        self, answers: RecordedAnswers, ledger: Ledger, session: bytes, numbers: Sequence[int] | Mapping[int, int]
    ) -> None:
        self._answers = answers
        self._ledger = ledger
        self._session = session
        self._numbers = numbers

    def answer(self, number: int, first: int, results: list[Any], errors: list[Error]) -> None:
        """Take the results of consecutive positions."""
        self._answers.plain.answer(number, first, results, errors)
        self._record(range(first, first + len(results)), results, errors)

    def answer_at(self, number: int, positions: list[int], results: list[Any], errors: list[Error]) -> None:
        """Take the results of some positions."""
        self._answers.plain.answer_at(number, positions, results, errors)
        self._record(positions, results, errors)

    def _record(self, positions: Sequence[int], results: list[Any], errors: list[Error]) -> None:
        failed = {error[0] for error in errors}
        ended = [
            (self._numbers[at], value)
            for index, (at, value) in enumerate(zip(positions, results, strict=True))
            if index not in failed
        ]
        self._ledger.answered_as(self._session, ended)

    def flush(self) -> None:
        """Send what was taken, and commit what it waits for."""
        self._answers.flush()


class PlacedAnswers:
    """Answers to a part of a section that is sent again: its positions are those of the whole one."""

    def __init__(self, answers: Answers, positions: list[int]) -> None:
        self._answers = answers
        self._positions = positions

    def answer(self, number: int, first: int, results: list[Any], errors: list[Error]) -> None:
        """Hand on the results of consecutive positions of the part."""
        self._answers.answer_at(number, self._positions[first : first + len(results)], results, errors)

    def answer_at(self, number: int, positions: list[int], results: list[Any], errors: list[Error]) -> None:
        """Hand on the results of some positions of the part."""
        self._answers.answer_at(number, [self._positions[at] for at in positions], results, errors)

    def flush(self) -> None:
        """Send what was taken."""
        self._answers.flush()


class LocalAnswers:
    """Answers to an agent in the same worker: copies, as if they had travelled."""

    def __init__(self, sink: Sink, tokens: Sequence[Any]) -> None:
        self._sink = sink
        self._tokens = tokens

    def is_for(self, sink: Sink) -> bool:
        """Whether they go to this sink."""
        return self._sink is sink

    def token(self, position: int) -> Any:
        """What stands for the task at a position."""
        return self._tokens[position]

    def answer(self, number: int, first: int, results: list[Any], errors: list[Error]) -> None:
        """Hand on the results of consecutive positions."""
        self._hand_on(self._tokens[first : first + len(results)], results, errors)

    def answer_at(self, number: int, positions: list[int], results: list[Any], errors: list[Error]) -> None:
        """Hand on the results of some positions."""
        self._hand_on([self._tokens[position] for position in positions], results, errors)

    def _hand_on(self, tokens: Sequence[Any], results: list[Any], errors: list[Error]) -> None:
        self._sink.answered(tokens, copied(results), [(error[0], Failure(*error[1:])) for error in errors])

    def flush(self) -> None:
        """Nothing waits here."""


def copied(column: Sequence[Any]) -> Sequence[Any]:
    """The values as another process would get them. Raises TypeError for what could not be sent there."""
    encoded = values.dumps(column)
    if set(map(type, column)) <= values.PLAIN:
        return column
    read: list[Any] = orjson.loads(encoded)
    return read
