"""One part of a trace: what was done, from when to when, as a part of what; and how a trace goes with a task.

Owns the form of a span, the ids, the W3C form in which they travel (`traceparent`), and which traces are recorded. Where spans
are shown is not known here.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

__all__ = ["ATTRIBUTES", "CLIENT", "CONSUMER", "INTERNAL", "PRODUCER", "SPAN", "Open", "Parent", "Span", "Tracer", "read_span"]

#: What an event is called that carries a span.
SPAN = "trace.span"
#: Kinds of spans, as OpenTelemetry calls them: a part of what a process does by itself, a question whose answer is waited for,
#: something that is sent, something that is done since it was sent.
INTERNAL, CLIENT, PRODUCER, CONSUMER = "internal", "client", "producer", "consumer"
#: Attributes that spans have: those of messaging systems as OpenTelemetry names them, and the engine's own.
ATTRIBUTES = {
    "messaging.system": "engine",
    "messaging.operation.name": "send, accept, queue, process, step or commit",
    "messaging.operation.type": "send or process, where it is one of those",
    "messaging.destination.name": "the kind of the agent",
    "messaging.message.id": "the id of the task",
    "engine.agent.id": "the agent",
    "engine.method": "the method that is asked for",
    "engine.worker": "the worker that it runs in",
    "engine.step": "the name of the step",
}

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_SAMPLED = 1


class Parent(NamedTuple):
    """What a span is a part of. trace: 32 hexadecimal digits, span: 16."""

    trace: str
    span: str
    is_sampled: bool = True

    def __str__(self) -> str:
        return f"00-{self.trace}-{self.span}-{_SAMPLED if self.is_sampled else 0:02x}"

    @classmethod
    def read(cls, text: Any) -> Parent | None:
        """The parent that a `traceparent` names; None for what is none."""
        found = _TRACEPARENT.fullmatch(text) if type(text) is str and len(text) < 200 else None
        if found is None or text.startswith("ff") or not int(found[1], 16) or not int(found[2], 16):
            return None
        return cls(found[1], found[2], bool(int(found[3], 16) & _SAMPLED))


class Span(NamedTuple):
    """A span that has ended. parent: the id of the span that it is a part of, empty for the first of a trace.

    start_ns, end_ns: nanoseconds since 1970.  error: why it failed, empty where it did not.
    """

    trace: str
    span: str
    parent: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, str]
    error: str = ""

    def encoded(self) -> str:
        """It as text, for the way out of a worker."""
        return orjson.dumps(tuple(self)).decode()


def read_span(text: str) -> Span | None:
    """The span of such a text; None for what is none."""
    try:
        span = Span(*orjson.loads(text))
    except (orjson.JSONDecodeError, TypeError):
        return None
    texts = (span.trace, span.span, span.parent, span.name, span.kind, span.error)
    is_sound = all(type(part) is str for part in texts) and type(span.attributes) is dict
    is_sound = is_sound and type(span.start_ns) is int and type(span.end_ns) is int
    return span if is_sound and Parent.read(f"00-{span.trace}-{span.span}-01") is not None else None


class Open:
    """A span that has begun. end: called once."""

    __slots__ = ("_attributes", "_kind", "_name", "_parent", "_start_ns", "_tracer", "is_over", "place")

    def __init__(self, tracer: Tracer, name: str, kind: str, trace: str, parent: str, attributes: Mapping[str, str]) -> None:
        self._tracer = tracer
        self._name, self._kind, self._attributes, self._parent = name, kind, attributes, parent
        #: What its parts are parts of.
        self.place = Parent(trace, os.urandom(8).hex())
        self._start_ns = time.time_ns()
        self.is_over = False

    def end(self, error: str = "") -> None:
        """It is over; a second time changes nothing."""
        if not self.is_over:
            self.is_over = True
            trace, span, _ = self.place
            facts = self._parent, self._name, self._kind, self._start_ns, time.time_ns(), self._attributes, error
            self._tracer.take(Span(trace, span, *facts))


class Tracer:
    """Begins spans.

    take: told those that have ended.  ratio: the share of traces that are recorded; the id of a trace decides, the same
    everywhere.  is_parental: whether one that began elsewhere is recorded as was decided there.
    """

    def __init__(self, take: Callable[[Span], None], ratio: float = 1.0, *, is_parental: bool = True) -> None:
        self.take = take
        self._ratio = ratio
        self._is_parental = is_parental

    def begin(self, operation: str, kind: str, parent: Parent | None, destination: str = "", **attributes: str) -> Open | None:
        """Begin a span; None where its trace is not recorded. operation, destination: what is done, with what.

        attributes: of `ATTRIBUTES`, the engine's own by the last word: `agent`, `method`, `task`, `worker`, `step`.
        """
        trace = os.urandom(16).hex() if parent is None else parent.trace
        is_decided = parent is not None and self._is_parental
        if not (parent.is_sampled if is_decided and parent is not None else int(trace[16:], 16) < self._ratio * 2**64):
            return None
        known = {"messaging.system": "engine", "messaging.operation.name": operation}
        if operation in ("send", "process"):
            known["messaging.operation.type"] = operation
        if destination:
            known["messaging.destination.name"] = destination
        known |= {_NAMES[name]: value for name, value in attributes.items() if value}
        named = f"{operation} {attributes.get('step') or destination}".strip()
        return Open(self, named, kind, trace, "" if parent is None else parent.span, known)


_NAMES = {
    "agent": "engine.agent.id",
    "method": "engine.method",
    "task": "messaging.message.id",
    "worker": "engine.worker",
    "step": "engine.step",
}
