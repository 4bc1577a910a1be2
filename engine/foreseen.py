"""Foresight at work: tasks that were sent to a kind, on their way to an agent.

Owns the history, the outlooks made of it, the trial and the choice for each task: where it goes, whether in parts. Which agents
there are is the ground's knowledge, the rules are pure (`pools.foresight`), the sending is that of whoever asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from pools.address import Key
from pools.errors import (
    BadArgument,
    CircuitOpen,
    Deadlock,
    Failure,
    Overloaded,
    PoolError,
    TaskCancelled,
    TooOld,
    UnknownAgent,
    UnknownKind,
    UnknownMethod,
    failure_of,
)
from pools.foresight import CONFLICTING, DEPENDENCY_CONFLICT, Facts, Plan, Risk, mitigate, risks_of
from pools.history import History, Pair, Spot, least_of, size_of
from pools.outlook import Outlook
from pools.spec import ForesightSpec
from pools.trial import Trial, is_control

__all__ = ["SILENT", "Case", "Foreseen", "Ground", "Judged", "View"]

#: A pair of which less fails is let pass without a look at each of its tasks, which would cost more than it prevents; but not
#: before so many outcomes, so that what fails at first is known with its place.
CLEAR, CLEAR_OUTCOMES = 0.005, 1_000
#: An outlook is made anew after so many outcomes, at least and at most, or a part of those that it was made from; and after so
#: many seconds at least, as it costs up to a millisecond, and at most, as what was learned fades.
FRESH_LEAST, FRESH_MOST, FRESH_PART = 16, 500, 1 / 16
FRESH_S, STALE_S = 0.02, 10.0
#: Outlooks that are kept: twice the pairs of a history. Past it all are made anew.
VIEWS = 512
#: Outcomes of a pair before anything is said of it.
KNOWN = 16
#: Tasks that one agent has at once because it is a specialist: half a mailbox; past it the rest goes where it would.
AWAY = 500
#: What says nothing of the place where a task ran: it was asked wrongly or taken back, never left, or met another one.
SILENT = frozenset({
    each.__name__
    for each in (
        BadArgument, CircuitOpen, Deadlock, Overloaded, TaskCancelled, TooOld, UnknownAgent, UnknownKind, UnknownMethod,
    )
})  # fmt: skip
_NOTHING: Mapping[str, float] = {}


class Ground(Protocol):
    """What has to be known of agents and pools."""

    def pick(self, kind: str) -> Key:
        """The agent that a task would go to. Raises PoolError."""
        ...

    def deal(self, kind: str, count: int, *, is_idle_first: bool = False) -> Sequence[Key] | None:
        """The agents that so many tasks would go to, all let through; None where each is to be asked for by itself.

        is_idle_first: those that have nothing to do.  Raises PoolError.
        """
        ...

    def places_of(self, kind: str, keys: Sequence[Key]) -> Sequence[str]:
        """The same as `place_of` for many agents. Raises PoolError."""
        ...

    def admit(self, kind: str, key: Key) -> None:
        """Have a task for an agent through to where it lives. Raises CircuitOpen where that takes none now, PoolError."""
        ...

    def place_of(self, kind: str, key: Key) -> str:
        """What its outcomes are counted under: the agent's address where there are few of the kind, else its pool."""
        ...

    def one_of(self, kind: str, place: str) -> Key:
        """An agent of a place, another one with each call; None where none is left."""
        ...

    def left(self, kind: str, key: Key) -> Mapping[str, float]:
        """What there is left of each limited resource where an agent lives."""
        ...

    def can_split(self, kind: str) -> bool:
        """Whether agents of the kind know how to split a task, and how to join what became of its parts."""
        ...


class Case:
    """Tasks that were sent alike: what was expected of them, None for nothing, and where they run, None where nobody looked."""

    __slots__ = ("forecast", "is_treated", "is_whole", "pair", "place", "spot")

    def __init__(self, pair: Pair, spot: Spot | None, forecast: float | None) -> None:
        self.pair = pair
        self.spot = spot
        self.forecast = forecast
        #: In which group of the trial they are; None for neither.
        self.is_treated: bool | None = None
        #: Whether they run as they are, so that their end says something of the next such task.
        self.is_whole = True
        #: The specialist that it was assigned to; empty where it went as it would have.
        self.place = ""


class Judged(NamedTuple):
    """What becomes of a task: the agent it goes to, whether in parts, what has to end before, and why."""

    kind: str
    key: Key
    case: Case
    is_split: bool = False
    first: tuple[str, ...] = ()
    risks: tuple[Risk, ...] = ()

    @property
    def address(self) -> str:
        """The agent's address."""
        return f"{self.kind}/{self.key}"


class View:
    """An outlook and what was made of it."""

    __slots__ = ("at_s", "cases", "ceiling", "is_clear", "learned", "outlook")

    def __init__(self, outlook: Outlook, threshold: float, learned: int, at_s: float) -> None:
        self.outlook = outlook
        self.ceiling = outlook.ceiling(threshold)
        self.learned = learned
        self.at_s = at_s
        self.is_clear = learned >= CLEAR_OUTCOMES and outlook.share < CLEAR
        self.cases: dict[Spot | None, Case] = {}


class Foreseen:
    """The foresight of one engine.

    clock: monotonic seconds.  seed: for the choice of the control group.
    """

    def __init__(self, spec: ForesightSpec, ground: Ground, clock: Callable[[], float], seed: int = 0) -> None:
        self.spec = spec
        self.trial = Trial()
        self.history = History()
        self._ground = ground
        self._clock = clock
        self._seed = seed
        self._number = 0
        self._views: dict[Pair, View] = {}
        #: Tasks that each specialist has because it is one.
        self._away: Counter[str] = Counter()
        self._turns: Counter[Pair] = Counter()

    # -- before --------------------------------------------------------------------------------------------------------

    def is_clear(self, pair: Pair) -> bool:
        """Whether so little fails of a pair that its tasks are not looked at one by one."""
        return self.view(pair).is_clear

    def clear_case(self, pair: Pair, count: int) -> Case:
        """The case of tasks that are let pass."""
        self.trial.judged += count
        self._number += count
        view = self.view(pair)
        return self._common(view, pair, None, view.outlook.rate)

    def deal(
        self, pair: Pair, arguments: Sequence[Any], *, is_idle_first: bool = False
    ) -> list[tuple[Key, Case | None]] | None:
        """Where each of some tasks would go, and its case where nothing is to be done; the others are judged with their key.

        None where each is to be judged without.  Raises PoolError.
        """
        kind = pair[0]
        keys = self._ground.deal(kind, len(arguments), is_idle_first=is_idle_first)
        if keys is None:
            return None
        view = self.view(pair)
        spots = [*zip(self._ground.places_of(kind, keys), map(size_of, arguments), strict=True)]
        self._meet(view, pair, set(spots).difference(view.cases))
        cases = [*map(view.cases.get, spots)]
        passed = len(cases) - cases.count(None)
        self.trial.judged += passed
        self._number += passed
        return [*zip(keys, cases, strict=True)]

    def _meet(self, view: View, pair: Pair, spots: Iterable[Spot]) -> None:
        """Have a case for all tasks of a spot, where nothing is to be feared of any: that is asked once for all of them."""
        for spot in spots:
            forecast = view.outlook.expect(*spot)
            is_small = view.ceiling is None or least_of(spot[1]) < view.ceiling
            if is_small and forecast < self.spec.threshold:
                self._common(view, pair, spot, forecast)

    def judge(
        self,
        kind: str,
        method: str,
        argument: Any,
        *,
        key: Key = None,
        number: int | None = None,
        need: Mapping[str, float] = _NOTHING,
        after: Sequence[str] = (),
        state_of: Callable[[str], str | None] = lambda _task: None,
        after_of: Callable[[str], Iterable[str]] = lambda _task: (),
        is_part: bool = False,
        may_split: bool = True,
    ) -> Judged:
        """Where a task goes, and how.

        argument: as it is sent.  key: the agent that it was dealt to; None asks for one.
        number: chooses its group, by default its place among all that were judged.
        need: amounts of resources that it asks for.  after, state_of, after_of: see `pools.foresight.Facts`.
        is_part: of a task that was split; it is in no group, and treated.  may_split: False where it has to run as it is.
        Raises PoolError as `pick` and `admit`; BadArgument for a cycle.
        """
        pair = kind, method if type(method) is str else ""  # what is no name is refused where it is read
        self._number += 1
        key = self._ground.pick(kind) if key is None else key
        view = self.view(pair)
        self.trial.judged += not is_part
        if view.is_clear and not need and not after:
            return self._admitted(Judged(kind, key, self._common(view, pair, None, view.outlook.rate)))
        spot = place, size = self._ground.place_of(kind, key), size_of(argument)
        seen = view.cases.get(spot)
        if seen is not None and not need and not after:
            return self._admitted(Judged(kind, key, seen))
        forecast = view.outlook.expect(place, size)
        left = dict(self._ground.left(kind, key)) if need else {}
        if view.ceiling is not None:
            need, left["size"] = {**need, "size": least_of(size)}, view.ceiling - 1
        if forecast < self.spec.threshold and not need and not after:
            return self._admitted(Judged(kind, key, self._common(view, pair, spot, forecast)))
        can_split = may_split and not is_part and method not in ("split", "join") and self._ground.can_split(kind)
        facts = Facts(view.outlook, place, size, need, left, after, state_of, after_of, can_split)
        risks = tuple(risks_of(facts, self.spec.threshold))
        if not risks:
            return self._admitted(Judged(kind, key, self._common(view, pair, spot, forecast)))
        case = Case(pair, spot, forecast if view.learned >= KNOWN else None)
        judged = self._answer(facts, risks, Judged(kind, key, case, risks=risks), number, is_part)
        return judged if judged.is_split else self._admitted(judged)

    def _admitted(self, judged: Judged) -> Judged:
        """A task that may go where it goes; its parts are asked for one by one. Raises PoolError."""
        try:
            self._ground.admit(judged.kind, judged.key)
        except PoolError as error:
            self.learn(judged.case, 1, (failure_of(error),))
            raise
        return judged

    def _answer(self, facts: Facts, risks: tuple[Risk, ...], judged: Judged, number: int | None, is_part: bool) -> Judged:
        """What is done with a risky task, if it is not one of the control group."""
        plan, case = mitigate(facts, risks), judged.case
        if is_part:
            return self._assigned(facts, judged, plan)
        trial = self.trial
        trial.risky += 1
        for risk in risks:
            trial.risks[risk.name] = trial.risks.get(risk.name, 0) + 1
        if plan == Plan():
            trial.helpless += 1
            return judged
        case.is_treated = not is_control(self._seed, self._number if number is None else number, self.spec.control)
        if not case.is_treated:
            return judged
        done = {"assign_to_specialist": plan.specialists, "split_task": plan.is_split, "resolve_deps_first": plan.first}
        for action in (name for name, is_done in done.items() if is_done):
            trial.actions[action] = trial.actions.get(action, 0) + 1
        if plan.is_split:  # what is expected, and learned, is said of each of its parts
            case.forecast, case.is_whole = None, False
        else:
            judged = self._assigned(facts, judged, plan)
        return judged._replace(is_split=plan.is_split, first=plan.first)

    def _assigned(self, facts: Facts, judged: Judged, plan: Plan) -> Judged:
        """The task at one of its specialists, which take turns; one that has too much to do is passed over."""
        case = judged.case
        for _ in plan.specialists:
            self._turns[case.pair] += 1
            place = plan.specialists[self._turns[case.pair] % len(plan.specialists)]
            if "/" in place and self._away[place] >= AWAY:
                continue
            key = self._ground.one_of(judged.kind, place)
            if key is not None:
                self._away[place] += 1
                case.place, case.spot = place, (place, facts.size)
                case.forecast = facts.outlook.expect(place, facts.size)
                return judged._replace(key=key)
        return judged

    def _common(self, view: View, pair: Pair, spot: Spot | None, forecast: float) -> Case:
        """The one case of all tasks that go to a spot as they would have."""
        case = view.cases.get(spot)
        if case is None:
            case = view.cases[spot] = Case(pair, spot, forecast if view.learned >= KNOWN else None)
        return case

    def view(self, pair: Pair) -> View:
        """What is known of a pair: not older than it may be."""
        view, now_s = self._views.get(pair), self._clock()
        record = self.history.record(pair)
        learned = 0 if record is None else record.learned
        if view is not None:
            age_s, fresh = now_s - view.at_s, learned - view.learned
            is_enough = view.learned < CLEAR_OUTCOMES <= learned
            if view.learned and age_s < FRESH_S and not is_enough:
                return view
            if not is_enough and fresh < min(max(FRESH_LEAST, learned * FRESH_PART), FRESH_MOST) and age_s < STALE_S:
                return view
        view = self._views[pair] = View(Outlook(record, now_s), self.spec.threshold, learned, now_s)
        if len(self._views) > VIEWS:
            self._views = {pair: view}
        return view

    def conflicted(self, number: int, *, is_late: bool) -> bool | None:
        """Note a task that conflicts with what it depends on, and therefore waits for it.

        is_late: whether that would go later than the task itself, so that something can be done.
        Returns whether it is to be run first; None where the task is in no group.
        """
        if self.spec.threshold > CONFLICTING:
            return None
        trial = self.trial
        trial.risks[DEPENDENCY_CONFLICT] = trial.risks.get(DEPENDENCY_CONFLICT, 0) + 1
        is_treated = not (is_late and is_control(self._seed, number, self.spec.control))
        if is_treated:
            trial.actions["resolve_deps_first"] = trial.actions.get("resolve_deps_first", 0) + 1
        return is_treated if is_late else None

    def is_judged(self, kind: str) -> bool:
        """Whether tasks for a kind were looked at lately."""
        return any(pair[0] == kind for pair in self._views)

    # -- after ---------------------------------------------------------------------------------------------------------

    def learn(self, case: Case, count: int, failures: Iterable[Failure]) -> None:
        """Take in how tasks of one case ended. failures: of those of the `count` tasks that failed."""
        failed = wrong = 0
        for failure in failures:
            if failure.type in SILENT:
                wrong += 1
            else:
                failed += 1
        if case.place:
            self._away[case.place] -= count
            if self._away[case.place] <= 0:
                del self._away[case.place]
        count -= wrong
        if count <= 0:
            return
        if case.is_treated is not None:
            self.trial.ended(count, failed, is_treated=case.is_treated)
        if case.forecast is not None:
            self.trial.forecast(case.forecast, count, failed)
        if case.is_whole:
            self.history.learn(case.pair, case.spot, count, failed, self._clock())

    def learn_all(self, cases: Sequence[Case | None], failures: Sequence[tuple[int, Failure]]) -> None:
        """The same for one answer of many tasks: the case of each, None where it has none, and the failures by position."""
        failed: dict[Case | None, list[Failure]] = {}
        for at, failure in failures:
            failed.setdefault(cases[at], []).append(failure)
        for case, count in Counter(cases).items():
            if case is not None:
                self.learn(case, count, failed.get(case, ()))

    def report(self) -> dict[str, Any]:
        """How it is set, and what the trial says, as JSON values."""
        return {
            "enabled": self.spec.is_on,
            "threshold": self.spec.threshold,
            "control_share": self.spec.control,
            "pairs": len(self.history),
            **self.trial.report(),
        }
