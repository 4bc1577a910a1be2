"""Tasks of one stream that do not just leave: they wait for others, for their time, or for another attempt.

Owns what its sender holds back, and the answers that are not final. It is the sender's own: what it holds was not accepted by
any engine, and goes with the sender. What is sent goes through the stream as every task does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Any, cast

from engine.alarms import Alarms, Timer
from engine.demand import Demand, task_of
from engine.dependencies import Dependencies
from engine.errors import DependencyCycle
from engine.options import Options, Reference
from engine.places import Place, Places, Want
from engine.retry import retry_s
from engine.standing import Standing
from engine.submission import Submission
from pools.errors import BadArgument, DependencyFailed, Failure, Overloaded, PoolFull, TaskCancelled, TaskExpired, failure_of
from pools.stream import Stream

__all__ = ["HELD_TASKS", "RIDE_S", "Agenda"]

#: Tasks that a sender holds back at once: each takes up to a kilobyte.
HELD_TASKS = 500_000

#: Seconds for which those that may leave wait for more to leave with, while more tasks come.
RIDE_S = 0.005

#: What is said of a field that only accepted tasks have: nobody is told of others by their tags.
ACCEPTED_ONLY = failure_of(BadArgument("tags are for tasks that are submitted (engine submit), which are found by them"))
#: What is said where nobody chooses agents.
PLACELESS = failure_of(BadArgument("sticky, skills and tenant are for tasks of an engine, or that are submitted"))


class Agenda:
    """What one stream holds back. timer: the loop.  places: who chooses agents for tasks that want something of theirs."""

    def __init__(self, stream: Stream, timer: Timer, chance: Random, places: Places | None = None) -> None:
        self._stream = stream
        self._places = places
        self._timer = timer
        self._chance = chance
        self._standing = Standing()
        self._dependencies: Dependencies[Demand] = Dependencies(self._standing.look)
        #: Tasks without conditions, which others may wait for, are about to be sent.
        self.opened = self._standing.open
        self._ready: dict[int, list[Demand]] = {}
        self._later: Alarms[Demand] = Alarms(timer, self._begin, self._is_held)
        self._limits: Alarms[tuple[Demand, int]] = Alarms(timer, self._out_of_time, self._is_out)
        #: Those that are held back, until they have ended or left.
        self._held: dict[Demand, None] = {}
        self._given_up: deque[tuple[Demand, Failure]] = deque()
        self._is_giving_up = self._is_due = self._is_riding = False
        #: Whether no more tasks come.
        self.is_last = False
        stream.watch = self._watch

    @property
    def held(self) -> int:
        """Tasks that are held back now."""
        return len(self._held)

    def add(self, submission: Submission, name: Reference) -> None:
        """Take a task with conditions; `flush` sends what may leave."""
        options = submission.options
        want = None
        if submission.sticky is not None or options.skills or options.tenant:
            want = Want(submission.address, options.skills, submission.sticky, options.tenant)
        if options.tags or (want is not None and self._places is None):
            self._stream.give_up([name], [ACCEPTED_ONLY if options.tags else PLACELESS])
            return
        self.hold(name, task_of(submission), submission.after, options, submission.deadline_s, want)

    def hold(
        self,
        name: Reference,
        task: tuple[Any, ...],
        after: Sequence[Reference],
        options: Options,
        deadline_s: float | None = None,
        want: Want | None = None,
    ) -> None:
        """The same for a task (address, method, *arguments). want: what its agent is chosen by."""
        demand = Demand(name, task, options, None, want)
        self._held[demand] = None
        if self._standing.look(name) == "open" or len(self._held) > HELD_TASKS:
            self._give_up(demand, self._wrong(demand))
            return
        if deadline_s is not None:
            demand.due_s = self._timer.time() + deadline_s
            self._limits.put(deadline_s, (demand, -1))
        if options.delay_s:
            self._later.put(options.delay_s, demand)
        try:
            waits = self._dependencies.add(demand, name, after, options) if after else False
        except DependencyCycle as error:
            self._give_up(demand, Failure(type(error).__name__, str(error)))
            return
        self._standing.open([name])
        if isinstance(waits, Failure):
            self._give_up(demand, waits)
        elif not waits and not options.delay_s:
            self._ready.setdefault(options.priority, []).append(demand)

    def _wrong(self, demand: Demand) -> Failure:
        if len(self._held) > HELD_TASKS:
            return failure_of(PoolFull(f"more than {HELD_TASKS:,} tasks wait for others; send fewer at a time"))
        return failure_of(BadArgument(f"two tasks of one run are called {demand.name!r}"))

    def flush(self) -> None:
        """Send what may leave now."""
        self._is_due = False
        if self._given_up and not self._is_giving_up:
            self._end_given_up()
        if self._ready:
            with self._stream.together():
                self._send_ready()

    def _send_ready(self) -> None:
        while self._ready:
            priority = max(self._ready)
            demands = self._ready.pop(priority)
            wanting = [demand for demand in demands if demand.want is not None]
            if wanting:
                self._place(wanting, priority)
                demands = [demand for demand in demands if demand.want is None]
            self._leave(demands, priority)

    def _leave(self, demands: list[Demand], priority: int) -> None:
        for demand in demands:
            del self._held[demand]
            demand.is_out = True
            demand.attempts += 1
            if demand.options.timeout_s is not None:
                self._limits.put(demand.options.timeout_s, (demand, demand.attempts))
        if demands:
            self._send(demands, priority)

    def _place(self, demands: list[Demand], priority: int) -> None:
        """Have agents chosen for tasks, which leave then; they are held until that is done."""
        places = cast("Places", self._places)

        def done(found: Sequence[Place]) -> None:
            with self._stream.together():
                self._leave(self._placed(demands, found), priority)
            self._go_on()

        places.place([cast(Want, demand.want) for demand in demands], done)

    def _placed(self, demands: list[Demand], found: Sequence[Place]) -> list[Demand]:
        """Those that may leave, each to its agent; the others wait, are tried again, or have failed."""
        leaving = []
        for demand, place in zip(demands, found, strict=True):
            if demand not in self._held:  # it was given up meanwhile
                if isinstance(place, str):
                    self._vacate(demand)
            elif isinstance(place, str):
                demand.task = (place, *demand.task[1:])
                leaving.append(demand)
            elif isinstance(place, Overloaded) and place.retry_after_s is not None:
                self._later.put(place.retry_after_s, demand)
            else:
                demand.attempts += 1
                failure = self._again(demand, failure_of(place))
                if failure is not None:
                    self._give_up(demand, failure)
        return leaving

    def _vacate(self, demand: Demand) -> None:
        """One that had a place needs it no more."""
        if demand.want is not None and demand.want.tenant and self._places is not None:
            self._places.leave(demand.want.tenant)

    def _send(self, demands: list[Demand], priority: int) -> None:
        now_s = self._timer.time()
        dues = [demand.until_s(now_s) for demand in demands]
        timely = [(demand, due_s) for demand, due_s in zip(demands, dues, strict=True) if due_s is not None]
        if timely:
            demands = [demand for demand, due_s in zip(demands, dues, strict=True) if due_s is None]
            tokens = [demand for demand, _ in timely]
            self._stream.send_in_time(tokens, [demand.task for demand in tokens], [due_s for _, due_s in timely], priority)
        if demands:
            self._stream.send(demands, [demand.task for demand in demands], priority)

    def end(self) -> None:
        """No more tasks come, and none is on its way: who waits for one that never came will not be run."""
        for demand in list(self._dependencies):
            missing = ", ".join(map(repr, self._dependencies.waiting_for(demand)[:3]))
            self._dependencies.take_back(demand)
            self._give_up(demand, failure_of(DependencyFailed(f"it waits for {missing}, which never came")))
        self.flush()

    @property
    def is_stuck(self) -> bool:
        """Whether nothing that is held back will ever leave by itself."""
        return len(self._held) == len(self._dependencies)

    def cancel(self) -> None:
        """Take back what is held; what is on its way is the stream's."""
        self._later.stop()
        self._limits.stop()
        for demand in list(self._held):
            self._dependencies.take_back(demand)
            self._give_up(demand, failure_of(TaskCancelled("it was taken back before it was sent")))
        self._ready.clear()
        self.flush()

    # -- times ---------------------------------------------------------------------------------------------------------

    def _is_held(self, demand: Demand) -> bool:
        return demand in self._held

    def _begin(self, demands: list[Demand]) -> None:
        """The time of these has come."""
        for demand in demands:
            demand.is_early = False
            if demand not in self._dependencies:
                self._ready.setdefault(demand.options.priority, []).append(demand)
        self.flush()

    def _is_out(self, limit: tuple[Demand, int]) -> bool:
        demand, attempt = limit
        return (demand.is_out and attempt in (demand.attempts, -1)) or (attempt < 0 and demand in self._held)

    def _out_of_time(self, late: list[tuple[Demand, int]]) -> None:
        """Take back what has had its time."""
        out: set[int] = set()
        for demand, attempt in late:
            demand.is_late = True
            if attempt < 0:
                demand.retried = demand.options.retries  # no other attempt would be in time
            if demand.is_out:
                out.add(id(demand))
            else:
                self._dependencies.take_back(demand)
                self._give_up(demand, demand.late())
        self.flush()
        if out:
            self._stream.cancel_where(lambda token: id(token) in out)

    # -- answers -------------------------------------------------------------------------------------------------------

    def _watch(
        self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]
    ) -> tuple[Sequence[Any], Sequence[Any], Sequence[tuple[int, Failure]]]:
        """Hold back answers that are not final, and let go who waited for the others."""
        if not failures:
            names = self._names(tokens)
            self._done(names)
            self._go_on()
            return names, results, failures
        failed = dict(failures)
        kept: list[int] = []
        names = []
        for at, token in enumerate(tokens):
            name = token
            if type(token) is Demand:
                token.is_out = False
                self._vacate(token)
                if at in failed:
                    again = self._again(token, failed[at])
                    if again is None:
                        continue
                    failed[at] = again
                name = token.name
            kept.append(at)
            names.append(name)
            self._ended(name, _state(failed.get(at)))
        self._go_on()
        if len(kept) == len(tokens):
            return names, results, list(failed.items())
        places = {at: place for place, at in enumerate(kept)}
        left = [(places[at], failure) for at, failure in failed.items() if at in places]
        return names, [results[at] for at in kept], left

    def _names(self, tokens: Sequence[Any]) -> Sequence[Any]:
        """What tasks that were done are called by their sender."""
        types = [*map(type, tokens)]
        left = types.count(Demand)
        if not left:
            return tokens
        names = list(tokens)
        at = -1
        for _ in range(left):
            at = types.index(Demand, at + 1)
            names[at].is_out = False
            self._vacate(names[at])
            names[at] = names[at].name
        return names

    def _go_on(self) -> None:
        """Send what may leave now: in the next turn, or with the tasks that come next."""
        if not self._ready and not self._given_up:
            return
        if self.is_last and not self._is_due:
            self._is_due = True
            self._timer.call_later(0, self.flush)
        elif not self.is_last and not self._is_riding:
            self._is_riding = True
            self._timer.call_later(RIDE_S, self._arrive)

    def _arrive(self) -> None:
        self._is_riding = False
        self.flush()

    def _done(self, names: Sequence[Any]) -> None:
        """Tasks that were done; few of them are waited for."""
        self._standing.done(names)
        if self._dependencies:
            for name in self._dependencies.awaited(names):
                self._release(name, "done")

    def _again(self, demand: Demand, failure: Failure) -> Failure | None:
        """How a task failed in the end; None where it is tried again."""
        if demand.is_late and failure.type == TaskCancelled.__name__:
            failure = demand.late()
        wait_s = retry_s(demand.options, demand.retried, failure, self._chance)
        if wait_s is None or (demand.due_s is not None and self._timer.time() + wait_s >= demand.due_s):
            return failure
        demand.retried += 1
        demand.is_late = False
        self._held[demand] = None
        self._later.put(wait_s, demand)
        return None

    def _ended(self, name: Any, state: str) -> None:
        if type(name) not in (int, str):
            return
        if state == "done":
            self._standing.done([name])
        else:
            self._standing.ended(name, state)
        self._release(name, state)

    def _release(self, name: Reference, state: str) -> None:
        """Let go who waited for this one."""
        free, lost = self._dependencies.ended(name, state)
        for demand in free:
            if not demand.is_early:
                self._ready.setdefault(demand.options.priority, []).append(demand)
        for demand, failure in lost:
            self._give_up(demand, failure)

    def _give_up(self, demand: Demand, failure: Failure) -> None:
        self._given_up.append((demand, failure))

    def _end_given_up(self) -> None:
        """Answer those that will not be run, and those that waited for them, and so on."""
        self._is_giving_up = True
        try:
            while self._given_up:
                count = len(self._given_up)
                parts = [self._given_up.popleft() for _ in range(count)]
                parts = [(demand, failure) for demand, failure in parts if demand in self._held]
                for demand, _ in parts:
                    del self._held[demand]
                if parts:
                    self._stream.give_up([demand.name for demand, _ in parts], [failure for _, failure in parts])
        finally:
            self._is_giving_up = False


def _state(failure: Failure | None) -> str:
    if failure is None:
        return "done"
    return {TaskCancelled.__name__: "cancelled", TaskExpired.__name__: "expired"}.get(failure.type, "failed")
