"""What the ledger of one sprint tells, counted: its steps with their times, its receipts, what it carried and shipped.

Owns the reading of events into facts that others compute with; every figure about a sprint comes from here, so all agree.
Pure: the events are handed in, in the order of the ledger.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["Chronicle", "Settled", "Span", "chronicle_of"]


class Span(NamedTuple):
    """One step of a wave. begin_s, end_s: sprint time; a pause counts, as it was waited for."""

    wave: int
    phase: str
    planned_s: float
    begin_s: float
    end_s: float


class Settled(NamedTuple):
    """How one item ended, as its receipt says.

    at_s: sprint time.  ran_s, waited_s: seconds with the agent and before it, 0.0 where not known.
    error: the type of the failure, empty for none.  artifacts: how many it has.  effects: what was counted on the way.
    """

    item: str
    role: str
    method: str
    agent: str
    verdict: str
    at_s: float
    ran_s: float
    waited_s: float
    error: str
    feature: str | None
    bug: str | None
    artifacts: int
    effects: Mapping[str, int]
    why: str


class Chronicle:
    """The facts of one sprint."""

    def __init__(self) -> None:
        self.header: dict[str, Any] = {}
        #: Unix time of the first event; sprint time of the newest.
        self.began_s = self.seconds = 0.0
        #: Steps that have ended, and the one that it is in; pauses that have ended, and when the one that it is in began.
        self.past: list[Span] = []
        self.span: Span | None = None
        self.pauses: list[tuple[float, float]] = []
        self.pause: float | None = None
        self.planned: list[str] = []
        self.receipts: list[Settled] = []
        #: Items left to another sprint, by why.
        self.carried: dict[str, list[str]] = {}
        #: Releases in their order, with how many items each has; and why there was none.
        self.releases: list[tuple[str, int]] = []
        self.not_shipped: list[str] = []
        #: Items of its releases.
        self.shipped: set[str] = set()
        #: Items that are done and in no release since their artifacts were changed after their receipts, with why.
        self.left_out: dict[str, str] = {}
        #: Why it was aborted, and to which release it was taken back; None where neither happened.
        self.aborted: str | None = None
        self.rolled_back: str | None = None
        #: What stands in its last line: its figures, its cost, and what is left for the next sprint; empty before.
        self.impact: dict[str, Any] = {}
        self.cost: dict[str, Any] = {}
        self.next: dict[str, Any] = {}
        self.is_over = False
        #: Where its ledger is wrong, and how; what follows is not known here. None for nothing.
        self.damage: str | None = None

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.header.get("id", ""))

    @property
    def agents(self) -> int:
        """How many agents worked on it."""
        return int(self.header.get("agents", 0))

    @property
    def workers(self) -> int:
        """How many processes they share, which is what can be busy at once; at least 1."""
        return max(int(self.header.get("workers", 1)), 1)

    @property
    def verdicts(self) -> Counter[str]:
        """Receipts by verdict."""
        return Counter(receipt.verdict for receipt in self.receipts)

    @property
    def spans(self) -> list[Span]:
        """Its steps with their times; the one that it is in goes up to the newest event."""
        return self.past if self.span is None else [*self.past, self.span._replace(end_s=self.seconds)]

    @property
    def paused_s(self) -> float:
        """Seconds of its pauses, with the one that it is in."""
        return self._paused_s(0.0, self.seconds)

    @property
    def exec_s(self) -> float:
        """Seconds of its exec steps, without pauses."""
        spans = [span for span in self.spans if span.phase == "exec"]
        return sum(span.end_s - span.begin_s - self._paused_s(span.begin_s, span.end_s) for span in spans)

    def exec_until_s(self, ends: Iterable[float]) -> float:
        """The same, of each exec step up to the last of these moments before the next one. ends: sprint time."""
        spans = [span for span in self.spans if span.phase == "exec"]
        nexts = [*(span.begin_s for span in spans[1:]), math.inf]
        sorted_s = sorted(ends)
        seconds = 0.0
        for span, next_s in zip(spans, nexts, strict=False):
            at = bisect_left(sorted_s, next_s)
            end_s = min(sorted_s[at - 1], span.end_s) if at else span.begin_s
            if end_s > span.begin_s:
                seconds += end_s - span.begin_s - self._paused_s(span.begin_s, end_s)
        return seconds

    def _paused_s(self, begin_s: float, end_s: float) -> float:
        """Seconds of a stretch of time in which it was paused."""
        pauses = self.pauses if self.pause is None else [*self.pauses, (self.pause, self.seconds)]
        return sum(max(min(end, end_s) - max(begin, begin_s), 0.0) for begin, end in pauses)

    @property
    def speed(self) -> float:
        """How many seconds it had for one of the machine's clock, by which agents work; 1 where that is not known."""
        return float(self.header.get("speed") or 1.0)

    @property
    def ran_s(self) -> float:
        """Seconds that agents ran for what they answered; of what ended by an error it was not measured how long it ran."""
        return sum(receipt.ran_s for receipt in self.receipts if not receipt.error)

    @property
    def room_s(self) -> float:
        """Seconds of the machine's clock that its workers had in exec, all together."""
        return self.exec_s / self.speed * self.workers

    @property
    def cpu_s(self) -> float | None:
        """Seconds of cpu that the engine took for it; None where that is not known."""
        seconds: float | None = self.cost.get("cpu_s")
        return seconds

    @property
    def left(self) -> int:
        """Items that it carried."""
        return sum(map(len, self.carried.values()))

    def row(self) -> dict[str, Any]:
        """What became of it: `sprint`, its record; `impact`, its figures; `next`, what is left for the one after it."""
        record = {
            "id": self.id,
            "backlog": self.header.get("backlog"),
            "start": self.began_s,
            "seconds": self.seconds,
            "agents": self.agents,
            "tasks": len(self.planned),
            "verdicts": dict(self.verdicts),
            "carried": self.left,
            "releases": [release for release, _ in self.releases],
            "not_shipped": self.not_shipped,
            "left_out": self.left_out,
            "aborted": self.aborted,
            "cost": self.cost,
        }
        return {"sprint": record, "impact": self.impact, "next": self.next}

    def take(self, event: Mapping[str, Any]) -> None:
        """Take in the next event; one that is not known here says only that time went by."""
        self.seconds = max(self.seconds, float(event["s"]))
        reader = _READERS.get(event["e"])
        if reader is not None:
            reader(self, event)


def chronicle_of(events: Iterable[Mapping[str, Any]]) -> Chronicle:
    """The facts that these events tell, as far as they go; what is not known here is passed over."""
    told = Chronicle()
    for event in events:
        told.take(event)
    return told


def _on_sprint(told: Chronicle, event: Mapping[str, Any]) -> None:
    told.header = {key: value for key, value in event.items() if key not in ("n", "at", "s", "d", "e")}
    told.began_s = float(event.get("at", 0.0))


def _on_planned(told: Chronicle, event: Mapping[str, Any]) -> None:
    told.planned += event["items"]


def _on_phase(told: Chronicle, event: Mapping[str, Any]) -> None:
    now_s = float(event["s"])
    told.past = told.spans
    told.span = Span(event["wave"], event["phase"], float(event["planned_s"]), now_s, now_s)


def _on_paused(told: Chronicle, event: Mapping[str, Any]) -> None:
    told.pause = float(event["s"])


def _on_resumed(told: Chronicle, event: Mapping[str, Any]) -> None:
    if told.pause is not None:
        told.pauses.append((told.pause, float(event["s"])))
        told.pause = None


def _on_receipt(told: Chronicle, event: Mapping[str, Any]) -> None:
    error = event.get("error") or {}
    told.receipts.append(
        Settled(
            event["item"],
            event.get("role") or "",
            event.get("method") or "",
            event.get("agent") or "",
            event["verdict"],
            float(event["s"]),
            float(event.get("ran_s") or 0.0),
            float(event.get("waited_s") or 0.0),
            error.get("type", "") if isinstance(error, Mapping) else str(error).partition(":")[0],
            event.get("feature"),
            event.get("bug"),
            len(event.get("artifacts") or ()),
            event.get("effects") or {},
            str(event.get("why") or ""),
        )
    )


def _on_carried(told: Chronicle, event: Mapping[str, Any]) -> None:
    told.carried.setdefault(event["why"], []).extend(event["items"])


def _on_shipped(told: Chronicle, event: Mapping[str, Any]) -> None:
    told.releases.append((event["release"], len(event["items"])))
    shipped = set(event["items"])
    left_out = {**told.left_out, **(event.get("left_out") or {})}
    told.left_out = {item: why for item, why in left_out.items() if item not in shipped}
    told.shipped |= shipped


def _on_not_shipped(told: Chronicle, event: Mapping[str, Any]) -> None:
    told.not_shipped.append(event["why"])


def _on_aborted(told: Chronicle, event: Mapping[str, Any]) -> None:
    told.aborted = event["why"]


def _on_rolled_back(told: Chronicle, event: Mapping[str, Any]) -> None:
    to = str(event.get("to") or "")
    is_back = not told.releases or _number(to) < _number(told.releases[-1][0])
    told.rolled_back = to if is_back else None


def _number(release: str) -> int:
    number = release.partition("-")[0]
    return int(number) if number.isdecimal() else 0


def _on_ended(told: Chronicle, event: Mapping[str, Any]) -> None:
    told.impact, told.cost, told.next = (event.get(name) or {} for name in ("impact", "cost", "next"))
    told.is_over = True


_READERS: dict[str, Callable[[Chronicle, Mapping[str, Any]], None]] = {
    "sprint": _on_sprint,
    "planned": _on_planned,
    "phase": _on_phase,
    "receipt": _on_receipt,
    "carried": _on_carried,
    "shipped": _on_shipped,
    "not_shipped": _on_not_shipped,
    "paused": _on_paused,
    "resumed": _on_resumed,
    "aborted": _on_aborted,
    "rolled_back": _on_rolled_back,
    "ended": _on_ended,
}
