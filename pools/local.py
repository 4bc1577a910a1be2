"""The way from an agent to one of the same worker: no frame, the same rules.

Owns the copying of what is handed over, so that no two agents ever share a list, and the messages that nobody waits for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pools.address import Key
from pools.answers import LocalAnswers, copied
from pools.complaints import say
from pools.errors import Failure, PoolFull, failure_of
from pools.executor import Executor
from pools.gauges import WHO, key_half, who_is
from pools.job import Job, Waiting, traced
from pools.lane import Lane, Sink, faultless, sound
from pools.link import Link
from pools.method import Method
from pools.residents import Residents
from pools.spec import BACKLOG_TASKS
from pools.tracedlane import TracedLane

__all__ = ["LocalLink", "Tells"]

_Row = tuple[Key, Method | None, Any]

#: Failed messages of one second that are told in the log, each with a line; of the rest their number is.
TOLD = 10


class LocalLink(Link):
    """The way to agents of this worker: no frame, the same rules. cells: its row of gauges."""

    def __init__(self, executor: Executor, kinds: dict[str, Residents], cells: memoryview) -> None:
        super().__init__(window=1, clock=time.monotonic, later=_never)
        self._executor = executor
        self._kinds = kinds
        self._cells = cells

    def send_alone(self, lane: Lane, token: Any, key: Key, method: str, argument: Any) -> bool:
        """Nothing leaves at once here: the task that asks must end its turn first."""
        return False

    def cancel_where(self, sink: Sink, is_meant: Callable[[Any], bool], *, is_late: bool = False) -> None:
        """Take back the tasks of a sink whose token is meant, from the mailboxes that they wait in."""

        def is_one(task: Waiting) -> bool:
            answers = task.job.answers
            return isinstance(answers, LocalAnswers) and answers.is_for(sink) and is_meant(answers.token(task.position))

        self._executor.take_back(is_one)

    def offer(self, lanes: Iterable[Lane]) -> None:
        """Queue what the lanes hold in the run loop."""
        for lane in lanes:
            if len(lane):
                self._run(lane)

    def _run(self, lane: Lane) -> None:
        columns = sound(lane.sink, lane.cut(len(lane)))
        try:
            arguments = copied(columns[3])
        except TypeError:  # a number or a text that no frame would carry
            columns = faultless(lane.sink, columns)
            arguments = copied(columns[3])
        tokens, keys, methods, _ = columns
        if not tokens:
            return
        if self._executor.queued > BACKLOG_TASKS:
            failure = failure_of(PoolFull(f"more than {BACKLOG_TASKS:,} messages wait in this worker"))
            lane.sink.answered(tokens, [None] * len(tokens), [(index, failure) for index in range(len(tokens))])
            return
        residents = self._kinds[lane.kind]
        found: Iterable[Method | None] = map(residents.kind.methods.get, methods)
        if isinstance(lane, TracedLane):
            found = traced([*map(lane.leave, tokens)], list(found))
        column = zip(keys, found, arguments, strict=True)
        job = Job(0, residents, keys, self._seen(lane.kind, column), LocalAnswers(lane.sink, tokens))
        name_of = lane.name_of
        if name_of is not None:
            job.name_of = lambda position: name_of(tokens[position])
        self._executor.put(job)

    def _seen(self, kind: str, rows: Iterable[_Row]) -> Iterator[_Row]:
        """The rows, each of which is drawn as its task begins: whose it is can be seen from outside then."""
        cells, everybody = self._cells, who_is(kind, 0)
        for row in rows:
            cells[WHO] = everybody | key_half(row[0])
            yield row


def _never(_after_s: float, _function: Callable[[], None]) -> None:
    """Nothing is held back here."""


class Tells:
    """Answers to messages that nobody waits for: failures go to the log, as far as it can be read.

    clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._second = 0
        self._failed = 0

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Say which messages failed."""
        if not failures:
            return
        second = int(self._clock())
        if second != self._second:
            if self._failed > TOLD:
                say(f"{self._failed - TOLD:,} more messages failed in the second of the last ones")
            self._second, self._failed = second, 0
        for position, failure in failures[: max(TOLD - self._failed, 0)]:
            say(f"a message from {tokens[position]} failed: {failure.type}: {failure.message}")
        self._failed += len(failures)
