"""Both ends of a link by hand: a wire that keeps what is sent, a sink that keeps what is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pools.errors import Failure, FrameTooLarge
from pools.lane import Lane
from pools.link import Link
from pools.message import STATUS, TASK, encode

__all__ = ["Sink", "Wire", "answer_of", "fill", "queued", "reply"]


class Wire:
    """Keeps what is sent. `holds`: the tasks that one message may carry, any number by default."""

    def __init__(self, holds: int | None = None) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.holds = holds

    def send(self, letter: str, data: Any) -> None:
        """Take one message as a channel would: what cannot be encoded is refused."""
        if letter == TASK and self.holds is not None and sum(len(section["i"]) for section in data) > self.holds:
            raise FrameTooLarge("too many tasks for this wire")
        encode(letter, data, 0)
        self.sent.append((letter, data))

    @property
    def sections(self) -> list[dict[str, Any]]:
        """Every section of tasks that was sent, in order."""
        return [section for letter, data in self.sent if letter == TASK for section in data]

    @property
    def keys(self) -> list[Any]:
        """The keys of every task that was sent, in order."""
        return [key for section in self.sections for key in section["i"]]

    @property
    def orders(self) -> list[dict[str, Any]]:
        """What was sent beside tasks."""
        return [data for letter, data in self.sent if letter == STATUS]


class Sink:
    """Keeps what is answered, by token; a token that is answered twice fails the test."""

    def __init__(self) -> None:
        self.answers: dict[Any, Any] = {}
        self.order: list[Any] = []

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Take answers."""
        assert len(tokens) == len(results)
        failed = dict(failures)
        assert set(failed) <= set(range(len(tokens)))
        for position, (token, value) in enumerate(zip(tokens, results, strict=True)):
            assert token not in self.answers, f"{token!r} was answered twice"
            self.answers[token] = failed.get(position, value)
            self.order.append(token)

    def failed_with(self, name: str) -> set[Any]:
        """The tokens whose task failed with this error."""
        return {token for token, answer in self.answers.items() if isinstance(answer, Failure) and answer.type == name}


def fill(lane: Lane, *tasks: tuple[Any, Any, Any, Any]) -> None:
    """Put tasks (token, key, method, argument as it is sent) into a lane; not offered yet."""
    for task in tasks:
        lane.rows.extend(task)


def queued(
    link: Link, sink: Sink, tokens: Sequence[Any], method: str = "add", argument: Any = 1, kind: str = "counter"
) -> Lane:
    """A lane with a task for each token, whose agent has the token as its key; not offered yet."""
    lane = Lane(link, kind, sink)
    fill(lane, *((token, token, method, argument) for token in tokens))
    return lane


def reply(section: dict[str, Any], value: Callable[[Any], Any] = lambda key: key) -> dict[str, Any]:
    """The answer to a whole section: for each task what `value` makes of its key."""
    return {"n": section["n"], "v": [value(key) for key in section["i"]]}


def answer_of(sink: Sink, token: Any) -> Any:
    """The value or the failure of a token; fails when it has none."""
    assert token in sink.answers, f"{token!r} was never answered"
    return sink.answers[token]
