"""Questions of a worker's agents on their way, where state is kept: each is answered once, whatever dies.

Owns the way of a question and of its answer. A question to another worker is recorded with its number before it leaves, its
answer when it comes; a task that is run again asks under the same number, by which the receiver knows it, or has the answer
already. Within a worker the answer is in one record with what it changed, and needs no number.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pools.errors import Failure, PoolError, raised
from pools.lane import Lane, sent_form
from pools.ledger import Ledger
from pools.link import Link
from pools.numbers import Numbers
from pools.steps import Question
from pools.tracedlane import TracedLane
from pools.ways import Resolve

if TYPE_CHECKING:
    from pools.traced import Recorder

__all__ = ["Inquiries"]


class _Token(NamedTuple):
    """A question under way. number: None where it stays within the worker."""

    future: Future[Any]
    question: Question
    number: int | None


class Inquiries:
    """The questions of one worker. up: the link to everybody else."""

    def __init__(self, ledger: Ledger, numbers: Numbers, *, resolve: Resolve, up: Link, loop: AbstractEventLoop) -> None:
        self._ledger = ledger
        self._numbers = numbers
        self._resolve = resolve
        self._up = up
        self._loop = loop
        self._lanes: dict[tuple[int, str], Lane] = {}
        self._is_due = False
        #: Records questions that are parts of traces; None where nothing is traced.
        self.recorder: Recorder | None = None

    def ask(self, address: str, arguments: tuple[Any, ...], question: Question) -> Future[Any]:
        """Send a question; the future gets its answer."""
        future: Future[Any] = self._loop.create_future()
        try:
            link, kind, key = self._resolve(address)
            number = question.number
            if number is None and link is self._up:
                self._ledger.check()  # what cannot be recorded would be asked a second time
        except PoolError as error:
            future.set_exception(error)
            return future
        if number is not None and link is not self._up:
            known = self._ledger.known_as(bytes.fromhex(self._numbers.session), [number])
            if known:  # it was done before, when this worker did not know yet that the agent is its own
                question.steps.answered(question, number, known[0])
                future.set_result(known[0])
                return future
        if number is None and link is self._up:
            number = self._numbers.next()
            self._ledger.recall.stepped(question.task, question.ordinal, [question.address, question.method], number)
        lane = self._lanes.get((id(link), kind))
        if lane is None:
            lane = self._lanes[id(link), kind] = self._lane(link, kind)
        if number is not None:
            self._numbers.open(number)
            lane.mark = self._numbers.mark
        token = _Token(future, question, number)
        if self.recorder is not None:
            self.recorder.asked(token, future, address, question.method)
        lane.rows.extend((token, key, question.method, sent_form(arguments)))
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._flush)
        return future

    def _lane(self, link: Link, kind: str) -> Lane:
        lane = Lane(link, kind, self) if self.recorder is None else TracedLane(link, kind, self, self.recorder.sent.leave)
        if link is self._up:
            lane.session, lane.ids = self._numbers.session, _numbers
        else:
            lane.name_of = _name
        return lane

    def _flush(self) -> None:
        self._is_due = False
        for lane in list(self._lanes.values()):
            if len(lane):
                lane.link.offer([lane])

    def take_back(self, futures: Collection[Future[Any]]) -> None:
        """Take back the questions of some futures, which have an error already."""
        for link in {id(lane.link): lane.link for lane in self._lanes.values()}.values():
            link.cancel_where(self, lambda token: token.future in futures)

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Record answers and give them to who waits. A failure is not recorded: it changed nothing, and is asked for again."""
        failed = dict(failures)
        for at, (future, question, number) in enumerate(tokens):
            if number is not None:
                self._numbers.close(number)
            failure = failed.get(at)
            if failure is None and not future.cancelled():
                question.steps.answered(question, number, results[at])
            if not future.done():
                future.set_result(results[at]) if failure is None else future.set_exception(raised(failure))


def _numbers(tokens: Sequence[Any]) -> list[int]:
    return [number for _, _, number in tokens]


def _name(token: _Token) -> str:
    return token.question.name
