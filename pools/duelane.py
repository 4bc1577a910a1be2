"""Tasks that were not sent yet and are of use for some time only.

Owns until when each of them is. Those whose time is over leave without being sent; those that would not be in time are
found before they wait. When they leave is the link's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from pools.errors import Overloaded, TaskExpired, failure_of
from pools.lane import Columns, Lane, Sink, Way, refuse

__all__ = ["DueLane"]

#: Share of the time left that a task may be expected to take: rates are measured, and change.
USED = 0.75
#: Times what a task takes usually that must be left when it is sent.
LEFT = 1.25
#: Seconds for which what was found of one task holds for the next ones that have no more time, at least and at most, and the
#: share of its time: so a flood costs little, and hardly anything of what waits leaves meanwhile.
SHUT_S, SHUT_MOST_S, SHUT_SHARE = 0.002, 0.01, 0.03
#: Seconds for which each new one is looked at when it comes, not at the end of its turn, so that a refusal waits for nothing.
WARY_S = 0.1
#: Share of its time that a task should expect to wait when it is sent once more.
AGAIN = 0.5
_LATE = failure_of(TaskExpired("its time was over before it was sent"))


class DueLane(Lane):
    """A lane whose tasks have a time each. dues: until when, in monotonic seconds, one for each task, in order."""

    __slots__ = ("_clock", "_leaving", "_shut_for_s", "_shut_until_s", "dues", "on_late", "on_shed", "refusal", "usual_s")

    def __init__(self, link: Way, kind: str, sink: Sink, clock: Callable[[], float]) -> None:
        super().__init__(link, kind, sink)
        self.dues: list[float] = []
        #: Until when those are that were taken last, by the identity of their tokens.
        self._leaving: dict[int, float] = {}
        self._clock = clock
        #: Seconds that a task takes once it was sent, as far as that is known.
        self.usual_s = 0.0
        #: Told how many were refused without a look.
        self.on_shed: Callable[[int], None] | None = None
        #: Why the last one was refused.
        self.refusal: Overloaded | None = None
        self._shut_until_s = self._shut_for_s = 0.0
        #: Told how many left since their time was over.
        self.on_late: Callable[[int], None] | None = None

    is_timely: ClassVar[bool] = True

    def cut(self, count: int) -> Columns:
        """As for every lane; those whose time is over are answered, and missing."""
        self._drop_late(self._clock())
        dues = self.dues[:count]
        del self.dues[:count]
        columns = super().cut(count)
        self._leaving = dict(zip(map(id, columns[0]), dues, strict=True))
        return columns

    def manners(self, tokens: Sequence[Any]) -> dict[str, Any]:
        """As for every lane, and for how many seconds each is of use still."""
        now_s = self._clock()
        left = [round(max(self._leaving[id(token)] - now_s, 0.0), 6) for token in tokens]
        return super().manners(tokens) | {"d": left}

    def _drop_late(self, now_s: float) -> None:
        """Answer those whose time is over, or would be before their answer came."""
        least_s = now_s + LEFT * self.usual_s
        if min(self.dues, default=least_s + 1) > least_s:
            return
        late = [at for at, due_s in enumerate(self.dues) if due_s <= least_s]
        refuse(self.sink, self._remove(late), _LATE)
        if self.on_late is not None:
            self.on_late(len(late))

    def _remove(self, places: Sequence[int]) -> list[Any]:
        """Take out the tasks at some places, in their order; returns their tokens."""
        tokens = [self.rows[4 * at] for at in places]
        gone = set(places)
        self.passed -= sum(at < self.passed for at in places)
        first = places[0]  # those before it stay where they are
        kept = [at for at in range(first, len(self.dues)) if at not in gone]
        self.rows[4 * first :] = [cell for at in kept for cell in self.rows[4 * at : 4 * at + 4]]
        self.dues[first:] = [self.dues[at] for at in kept]
        return tokens

    def drop(self, count: int) -> list[Any]:
        """As for every lane."""
        del self.dues[len(self.dues) - count :]
        return super().drop(count)

    def drop_where(self, is_meant: Callable[[Any], bool]) -> list[Any]:
        """As for every lane."""
        places = [at for at in range(len(self.dues)) if is_meant(self.rows[4 * at])]
        return self._remove(places) if places else []

    def shed(self, ahead: int, rate: float | None, now_s: float) -> int:
        """Refuse the tasks that were not looked at yet and would not be in time; returns how many.

        ahead: tasks before those of this lane that were looked at.  rate: at which they leave, in tasks a second; None where it
        is not known, and everything may be in time.
        """
        if rate is None:
            return 0
        hopeless: list[int] = []
        before = ahead + self.passed
        for at in range(self.passed, len(self.dues)):
            expected_s = before / rate + self.usual_s
            if expected_s > USED * (self.dues[at] - now_s):
                hopeless.append(at)
            else:
                before += 1
        if hopeless:
            errors = [_hopeless(before / rate + self.usual_s, self.dues[at] - now_s) for at in hopeless]
            self._shut_for_s = min(self.dues[at] for at in hopeless) - now_s
            self._shut_until_s = now_s + min(max(SHUT_SHARE * self._shut_for_s, SHUT_S), SHUT_MOST_S)
            self.refusal = errors[-1]
            failures = list(map(failure_of, errors))
            tokens = self._remove(hopeless)
            self.sink.answered(tokens, [None] * len(tokens), list(enumerate(failures)))
        return len(hopeless)

    def is_wary(self, now_s: float) -> bool:
        """Whether one was refused lately."""
        return now_s < self._shut_until_s + WARY_S

    def is_shut(self, timeout_s: float, now_s: float) -> bool:
        """Whether a task that has so long would be refused, as others were a moment ago."""
        return now_s < self._shut_until_s and timeout_s <= self._shut_for_s + SHUT_S


def _hopeless(expected_s: float, left_s: float) -> Overloaded:
    after_s = round(max(expected_s - AGAIN * left_s, 0.001), 3)
    said = f"an answer is expected in {expected_s:.3f} s, and is of use for {left_s:.3f} s; it was not sent"
    return Overloaded(said, retry_after_s=after_s)
