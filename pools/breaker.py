"""One circuit breaker: whether calls to one place are let through now.

Pure: time is a parameter, chance is handed in, nothing is sent. It owns the states, the window of what was seen, and the count
of probes, which are counted as they are admitted: an answer that comes late admits nobody more. Above: the table of breakers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from random import Random

__all__ = ["BOUNDS", "CLOSED", "HALF_OPEN", "OPEN", "STATES", "Breaker", "BreakerSpec", "Permit"]

#: All calls pass; none does; a few do, to see whether the place works again.
CLOSED, OPEN, HALF_OPEN = STATES = ("closed", "open", "half-open")
#: Parts of a window by time: old calls leave it a tenth at a time.
BUCKETS = 10
#: Doublings of the open time at most, so that the power stays a number.
DOUBLINGS = 30
#: Share of failed calls from which on nothing works in a place: who could avoid what fails has nowhere to go.
NOTHING = 0.95
#: Calls in a window, as a multiple of `minimum`, past which many were in flight at once: their order says little then.
BURST = 5


#: Least and most of each number of a BreakerSpec. A share of nothing would open for one call, more than all never; a day is as
#: good as for ever, and a window of a million calls as good as all of them.
BOUNDS: dict[str, tuple[float, float]] = {
    "failure_rate": (0.001, 1.0),
    "in_a_row": (1, 1_000_000),
    "minimum": (1, 1_000_000),
    "window_s": (0.1, 86_400.0),
    "window_calls": (0, 1_000_000),
    "slow_rate": (0.001, 1.0),
    "slow_factor": (1.0, 1_000_000.0),
    "slow_least_s": (0.0, 86_400.0),
    "slow_s": (0.000_001, 86_400.0),
    "open_s": (0.01, 86_400.0),
    "open_most_s": (0.01, 86_400.0),
    "jitter": (0.0, 0.9),
    "probes": (1, 1_000_000),
    "probe_s": (0.1, 86_400.0),
}


@dataclass(frozen=True, slots=True)
class BreakerSpec:
    """When breakers open, and for how long.

    is_on: whether they open by themselves.  failure_rate: share of failed calls.  in_a_row: failed calls without one that went
    well between them.  slow_rate: share of calls that took longer than slow_factor times the usual time (the median) of their
    kind, and than slow_least_s; or than slow_s, where that is given.  minimum: calls in the window before a share counts.
    window_s: seconds of the window; window_calls: the newest calls instead, 0 for the time.
    open_s: seconds of the first opening, doubled with each one that follows, up to open_most_s, each longer or shorter by
    chance, up to the share `jitter`.  probes: calls that pass while it is half open.  probe_s: seconds that they may take.
    """

    is_on: bool = True
    failure_rate: float = 0.5
    in_a_row: int = 5
    minimum: int = 20
    window_s: float = 10.0
    window_calls: int = 0
    slow_rate: float = 0.8
    slow_factor: float = 3.0
    slow_least_s: float = 1.0
    slow_s: float | None = None
    open_s: float = 1.0
    open_most_s: float = 60.0
    jitter: float = 0.2
    probes: int = 3
    probe_s: float = 30.0

    def __post_init__(self) -> None:
        """Raises ValueError for a number out of its bounds."""
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{name} is {least:g} to {most:g}, got {value!r}")


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave for some calls. opening: which state of the breaker gave it; results count in that state only."""

    opening: int
    count: int


class _Window:
    """What was seen lately: calls, and how many of them failed or were slow.

    By time it keeps BUCKETS parts; by count the newest records that have that many calls together, each of them whole.
    """

    __slots__ = ("_calls", "_part_s", "_parts", "_window_s", "calls", "failed", "slow")

    def __init__(self, spec: BreakerSpec) -> None:
        self._window_s = spec.window_s
        self._part_s = spec.window_s / BUCKETS
        self._calls = spec.window_calls
        self._parts: deque[list[float]] = deque()
        self.clear()

    def clear(self) -> None:
        self._parts.clear()
        self.calls = self.failed = self.slow = 0

    def add(self, calls: int, failed: int, slow: int, now_s: float) -> None:
        parts = self._parts
        if not self._calls and parts and now_s < parts[-1][0] + self._part_s:
            part = parts[-1]
            part[1] += calls
            part[2] += failed
            part[3] += slow
        else:
            parts.append([now_s, calls, failed, slow])
        self.calls += calls
        self.failed += failed
        self.slow += slow
        self.forget(now_s)

    def forget(self, now_s: float) -> None:
        """Let go what is too old."""
        parts = self._parts
        while parts and (self.calls - parts[0][1] >= self._calls if self._calls else parts[0][0] + self._window_s <= now_s):
            _, calls, failed, slow = parts.popleft()
            self.calls -= int(calls)
            self.failed -= int(failed)
            self.slow -= int(slow)


class Breaker:
    """The breaker of one place. chance: for the jitter of its open times."""

    __slots__ = (
        "_admitted", "_asked_s", "_chance", "_closed_s", "_ok_s", "_passed", "_row", "_spec", "_state", "_times", "_until_s",
        "_well", "_window", "forced", "opening", "openings", "why",
    )  # fmt: skip

    def __init__(self, spec: BreakerSpec, chance: Random) -> None:
        self._spec = spec
        self._chance = chance
        self._window = _Window(spec)
        self._state = CLOSED
        self._row = 0
        self._times = 0
        self._until_s = 0.0
        self._closed_s = -inf
        self._admitted = self._passed = self._well = 0
        self._asked_s = self._ok_s = 0.0
        #: What an operator holds it in: CLOSED (it only counts), OPEN (isolated), None while it decides by itself.
        self.forced: str | None = None
        #: The number of its present state: another one after each change.
        self.opening = 0
        #: How often it has opened.
        self.openings = 0
        #: Why it opened last, in words.
        self.why = ""

    # -- asking --------------------------------------------------------------------------------------------------------

    def state(self, now_s: float) -> str:
        """One of STATES."""
        if self.forced is not None:
            return self.forced
        if self._state == OPEN and now_s >= self._until_s:
            self._turn(HALF_OPEN)
            self._admitted = self._passed = self._well = 0
            self._asked_s = now_s
        elif self._state == HALF_OPEN and self._admitted > self._passed and now_s >= self._asked_s + self._spec.probe_s:
            self._open(now_s, "its probes did not come back")
        return self._state

    def room(self, now_s: float) -> int | None:
        """Calls that would be admitted now; None for any number."""
        state = self.state(now_s)
        if state == CLOSED:
            return None
        return 0 if state == OPEN else self._spec.probes - self._admitted

    def admit(self, now_s: float, count: int = 1) -> Permit | None:
        """Leave for up to `count` calls, which are counted as probes here; None for none."""
        room = self.room(now_s)
        if room is not None:
            count = min(count, room)
            if count <= 0:
                return None
            self._admitted += count
            self._asked_s = now_s
        return Permit(self.opening, count)

    def give_back(self, permit: Permit, count: int) -> None:
        """Calls of a permit that were not made after all."""
        if permit.opening == self.opening and self._state == HALF_OPEN and self.forced is None:
            self._admitted -= min(count, permit.count, self._admitted - self._passed)

    def retry_after_s(self, now_s: float) -> float:
        """Seconds after which it may admit again."""
        state = self.state(now_s)
        if self.forced == OPEN:
            return self._spec.open_most_s
        if state == OPEN:
            return max(self._until_s - now_s, 0.001)
        return self._spec.open_s if state == HALF_OPEN else 0.0

    # -- telling -------------------------------------------------------------------------------------------------------

    def record(
        self, opening: int, ok: int, failed: int, slow: int, now_s: float, excused: Callable[[], bool] | None = None
    ) -> bool:
        """Take results of calls; returns whether its state has changed.

        opening: the permit's, or what `opening` was when they were made; those of another one are ignored.
        ok, failed: calls that went well, and others.  slow: those of either that took too long.
        excused: whether what fails can be avoided without it, asked only while some calls go well: then it does not open.
        """
        if opening != self.opening or not ok + failed:
            return False
        self.state(now_s)
        if opening != self.opening:
            return True
        if self._state == HALF_OPEN and self.forced is None:
            return self._probed(ok, failed, slow, now_s, excused)
        if self._state == OPEN and self.forced is None:
            return False
        self._ok_s = now_s if ok else self._ok_s
        self._row = 0 if ok else self._row + failed  # within one record nobody knows the order
        self._window.add(ok + failed, failed, slow, now_s)
        if self.forced is None and self._spec.is_on:
            why = self._fault(now_s, excused)
            if why:
                self._times = self._times + 1 if now_s < self._closed_s + self._spec.window_s else 0
                self._open(now_s, why)
                return True
        return False

    def _probed(self, ok: int, failed: int, slow: int, now_s: float, excused: Callable[[], bool] | None) -> bool:
        self._well += ok
        is_last = self._passed + ok + failed >= self._spec.probes
        if failed and not slow and (self._well or not is_last) and excused is not None and excused():
            ok, failed = ok + failed, 0  # one of all probes that goes well shows that something works there
        if failed or slow:
            self._times += 1
            self._open(now_s, f"a probe {'failed' if failed else 'was slow'}")
            return True
        self._passed += ok
        self._admitted = max(self._admitted, min(self._passed, self._spec.probes))
        if self._passed < self._spec.probes:
            return False
        self._turn(CLOSED)
        self._closed_s = now_s
        self._window.clear()
        self._row = 0
        return True

    def _fault(self, now_s: float, excused: Callable[[], bool] | None) -> str:
        """Why it should open, in words; empty where it should not."""
        spec, window = self._spec, self._window
        why = ""
        if self._row >= spec.in_a_row:
            why = f"{self._row:,} calls failed one after the other"
        elif window.calls >= spec.minimum and window.failed >= spec.failure_rate * window.calls:
            why = f"{window.failed:,} of {window.calls:,} calls failed"
        if why and not self._is_excused(now_s, excused):
            return why
        if window.calls >= spec.minimum and window.slow >= spec.slow_rate * window.calls:
            return f"{window.slow:,} of {window.calls:,} calls were slow"
        return ""

    def _is_excused(self, now_s: float, excused: Callable[[], bool] | None) -> bool:
        """Not where nothing works any more: the newer half of the window, as many as make a share count, has failed whole.

        Fewer in a row say little, and of a burst no number does, but time: what one agent was sent comes back together.
        """
        spec, window = self._spec, self._window
        is_row = self._row >= max(spec.minimum, window.calls / 2)
        if is_row and window.calls > BURST * spec.minimum:
            is_row = now_s - self._ok_s >= spec.window_s / BUCKETS
        if excused is None or is_row or window.failed > NOTHING * window.calls:
            return False
        return excused()

    def _open(self, now_s: float, why: str) -> None:
        spec = self._spec
        open_s = min(spec.open_s * 2 ** min(self._times, DOUBLINGS), spec.open_most_s)
        self._turn(OPEN)
        self._until_s = now_s + open_s * (1 + self._chance.uniform(-spec.jitter, spec.jitter))
        self.openings += 1
        self.why = why

    def _turn(self, state: str) -> None:
        self._state = state
        self.opening += 1

    def force(self, state: str | None) -> None:
        """Hold it OPEN or CLOSED whatever comes, or let it decide again, which begins closed and with nothing seen."""
        self.forced = state
        self._turn(CLOSED)
        self._closed_s = -inf
        self._times = self._row = 0
        self._window.clear()
        self.why = "an operator opened it" if state == OPEN else ""

    def facts(self, now_s: float) -> dict[str, object]:
        """What it is in and has seen, as JSON values. retry_after_s: seconds, None where calls pass."""
        state = self.state(now_s)
        self._window.forget(now_s)
        window = self._window
        return {
            "state": state,
            "mode": "auto" if self.forced is None else f"forced {self.forced}",
            "calls": window.calls,
            "failed": window.failed,
            "slow": window.slow,
            "openings": self.openings,
            "retry_after_s": None if state == CLOSED else round(self.retry_after_s(now_s), 3),
            "why": self.why if state != CLOSED else "",
        }
