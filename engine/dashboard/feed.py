"""Which question is asked when, and the newest answers.

Owns the pace: each verb is on its way once at most, so a slow engine is asked less. Pure: the clock's time comes in.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.dashboard.source import EMPTY, Document, Want

__all__ = ["STALE_S", "Feed"]

#: Answers that are kept for screens that are come back to.
KEPT = 64
#: Seconds after which an answer is old, where they are asked for once a second: two were missed.
STALE_S = 3.0
#: Seconds in which an answer may yet come, after which it is the engine that keeps one waiting.
PATIENCE_S = 0.5


class Feed:
    """The answers by question. interval_s: seconds between the beginnings of two of the same verb, at least."""

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self._documents: dict[Want, Document] = {}
        #: By verb: when the one on its way or the last one began, and what it was.
        self._begun: dict[str, tuple[float, Want]] = {}
        self._under_way: set[str] = set()

    def __getitem__(self, want: Want) -> Document:
        """The newest answer to a question; EMPTY before the first."""
        return self._documents.get(want, EMPTY)

    def due(self, wants: Iterable[Want], now_s: float) -> list[Want]:
        """What is to be asked now, each of a verb of its own."""
        due: dict[str, Want] = {}
        for one in wants:
            if one.verb not in self._under_way and one.verb not in due and self._is_due(one, now_s):
                due[one.verb] = one
        return list(due.values())

    def _is_due(self, want: Want, now_s: float) -> bool:
        begun_s, last = self._begun.get(want.verb, (0.0, None))
        return last != want or now_s >= begun_s + self.interval_s or now_s < begun_s  # a clock may be set back

    def begin(self, want: Want, now_s: float) -> None:
        """It is on its way."""
        self._under_way.add(want.verb)
        self._begun[want.verb] = now_s, want

    def end(self, want: Want, document: Document) -> None:
        """It was answered, or has failed: then the answer before stays, with why."""
        self._under_way.discard(want.verb)
        before = self._documents.pop(want, EMPTY)
        self._documents[want] = before._replace(error=document.error) if document.error is not None else document
        while len(self._documents) > KEPT:
            del self._documents[next(iter(self._documents))]

    def again(self, verb: str | None = None) -> None:
        """Have a verb asked at the next moment, all by default."""
        for name in list(self._begun) if verb is None else [verb]:
            self._begun.pop(name, None)

    def has_just_asked(self, verb: str, now_s: float) -> bool:
        """Whether a question is on its way for so short a time that its answer may be about to come."""
        begun_s, _ = self._begun.get(verb, (0.0, None))
        return verb in self._under_way and now_s - begun_s < PATIENCE_S

    @property
    def stale_s(self) -> float:
        """The age in seconds from which an answer is old."""
        return STALE_S * max(self.interval_s, 1.0)
