"""A worker's part of traces: the run of a task, its steps, its questions, and the commit of what it has changed.

Owns the spans of these. They go to the engine as everything does that a worker says, which shows them; no exporter runs here,
and a task that is part of no trace knows nothing of any.
"""

from __future__ import annotations

import sys
from asyncio import AbstractEventLoop, Future
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from pools.asks import Asks
from pools.span import CLIENT, CONSUMER, INTERNAL, PRODUCER, SPAN, Open, Parent, Span, Tracer
from pools.speech import Mouth, mouth_of
from pools.tracedasks import SentSpans, TracedAsks

if TYPE_CHECKING:
    from pools.ledger import Ledger
    from pools.ways import Resolve

__all__ = ["Recorder", "Run", "traced_asks"]


class Teller(str):
    """Who sends a message that is part of a trace, where nothing is kept. span: of its sending."""

    __slots__ = ("span",)
    span: Open


class Recorder:
    """Begins the spans of one worker.

    mouth: tells the engine those that have ended; None where it does not listen.  loop: the worker's.
    ledger: where changes are recorded; None where nothing is kept.
    """

    def __init__(self, mouth: Mouth | None, loop: AbstractEventLoop, ledger: Ledger | None) -> None:
        self._mouth = mouth
        self.loop = loop
        self.ledger = ledger
        self.tracer = Tracer(self._take)
        #: Of questions where state is kept.
        self.sent = SentSpans()
        #: The run whose questions or messages are being sent: what comes of them later is no part of it by itself.
        self.sending: Run | None = None
        #: Of messages that have not arrived, by their numbers.
        self._told: dict[int, Open] = {}

    def parent(self) -> Parent | None:
        """What is sent now is a part of that."""
        return None if self.sending is None else self.sending.place

    def _begin_send(self, how: str, address: str, method: str) -> Open | None:
        kind, _, key = address.partition("/")
        parent = self.parent()
        facts = {"agent": address if key else "", "method": method}
        return None if parent is None else self.tracer.begin("send", how, parent, kind, **facts)

    def _take(self, span: Span) -> None:
        if self._mouth is not None:
            self._mouth.tell(SPAN, span.encoded())

    def asked(self, token: Any, future: Future[Any], address: str, method: str) -> None:
        """A question is to be sent. token, future: as for `SentSpans.put`."""
        span = self._begin_send(CLIENT, address, method)
        if span is not None:
            self.sent.put(token, future, span)

    # -- messages ------------------------------------------------------------------------------------------------------

    def told(self, number: int, address: str, method: str) -> None:
        """A message is to be sent. number: its own."""
        span = self._begin_send(PRODUCER, address, method)
        if span is not None:
            self._told[number] = span

    def renumbered(self, old: int, new: int) -> None:
        """A message has another number."""
        if old in self._told:
            self._told[new] = self._told.pop(old)

    def arrived(self, number: int) -> None:
        """A message needs not be sent any more."""
        span = self._told.pop(number, None)
        if span is not None:
            span.end()

    def leave(self, token: Any) -> str | None:
        """The traceparent of a message that leaves. token: its number and more."""
        return _left(self._told.get(token[0]))

    def teller(self, sender: str, address: str, method: str) -> str:
        """The token of a message where nothing is kept."""
        span = self._begin_send(PRODUCER, address, method)
        if span is None:
            return sender
        teller = Teller(sender)
        teller.span = span
        return teller

    @staticmethod
    def leave_teller(token: Any) -> str | None:
        """The traceparent of such a message that leaves."""
        return _left(token.span) if type(token) is Teller else None

    def begin(self, parent: str, kind: str, agent: str, method: str, task: str) -> Run | None:
        """Begin the run of a task that came with a parent."""
        read = Parent.read(parent)
        worker = "" if self._mouth is None else self._mouth.place[1]
        facts = {"agent": agent, "method": method, "task": task, "worker": worker}
        span = None if read is None else self.tracer.begin("process", CONSUMER, read, kind, **facts)
        return None if span is None else Run(self, span, kind, facts)


class Run:
    """One task that runs. place: what its parts are parts of."""

    __slots__ = ("_facts", "_kind", "_recorder", "_span", "place")

    def __init__(self, recorder: Recorder, span: Open, kind: str, facts: Mapping[str, str]) -> None:
        self._recorder = recorder
        self._span = span
        self._kind = kind
        self._facts = facts
        self.place = span.place

    def timed(self, bound: Callable[[], Any], *, is_async: bool) -> Callable[[], Any]:
        """The call of the method, at whose end the run ends."""

        def run() -> Any:
            try:
                value = bound()
            except BaseException as error:
                self.end(error)
                raise
            self.end(None)
            return value

        async def wait() -> Any:
            try:
                value = await bound()
            except BaseException as error:
                self.end(error)
                raise
            self.end(None)
            return value

        return wait if is_async else run

    async def around(self, driven: Awaitable[None]) -> None:
        """The whole of a task that runs in a process of its own."""
        try:
            await driven
        finally:
            self.end(None)

    def end(self, error: BaseException | None) -> None:
        """The method has ended; what it changed is committed from now on."""
        if self._span.is_over:
            return
        self._span.end("" if error is None else f"{type(error).__name__}: {error}")
        if error is None and self._recorder.ledger is not None:
            facts = {"agent": self._facts["agent"], "worker": self._facts["worker"]}
            commit = self._recorder.tracer.begin("commit", INTERNAL, self.place, self._kind, **facts)
            if commit is not None:  # what is recorded of it, its answer too, is there when the loop turns next
                self._recorder.loop.call_soon(partial(self._recorder.ledger.when_synced, commit.end))

    async def step(self, name: str, taken: Coroutine[Any, Any, Any]) -> Any:
        """A step of it."""
        facts = {"agent": self._facts["agent"], "worker": self._facts["worker"], "step": name}
        span = self._recorder.tracer.begin("step", INTERNAL, self.place, self._kind, **facts)
        error = ""
        try:
            return await taken
        except BaseException as raised:
            error = f"{type(raised).__name__}: {raised}"
            raise
        finally:
            if span is not None:
                span.end(error)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """What is asked or told within the block is a part of it."""
        recorder = self._recorder
        before, recorder.sending = recorder.sending, self
        try:
            yield
        finally:
            recorder.sending = before


def _left(span: Open | None) -> str | None:
    """The traceparent of what leaves. span: of its sending, None where it is part of no trace."""
    if span is None:
        return None
    span.end()
    return str(span.place)


class Recorded(Protocol):
    """What has parts of traces."""

    recorder: Recorder | None


def traced_asks(resolve: Resolve, loop: AbstractEventLoop, ledger: Ledger | None, *parts: Recorded | None) -> Asks:
    """Have what is part of a trace recorded in this worker; returns what its agents ask with where nothing is kept."""
    recorder = Recorder(mouth_of(sys.stderr), loop, ledger)
    for part in parts:
        if part is not None:
            part.recorder = recorder
    told: Any = (lambda _count: None), (lambda _count, _failures: None)
    return TracedAsks(resolve, loop, *told, tracer=recorder.tracer, parent=recorder.parent, is_first=False)
