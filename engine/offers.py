"""Accepted tasks on their way to workers, and their answers.

Owns which of them wait here, how many each worker has, and what is offered again: a task that a full mailbox or disk refused,
one that failed and may be tried once more, and whatever a worker took with it that is down, where state is kept. A number is
offered as often as it takes; who keeps state does it once. Whether an answer counts yet is the journal's business.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from random import Random
from typing import Any

import orjson

from engine.alarms import Alarms
from engine.desk import Desk
from engine.retry import backoff_s, retry_s
from engine.task import TRIES, Ending, Task, Try
from engine.taskflow import SILENT
from engine.undone import AGAIN, CUT_OFF, UNKEPT, UNSENT, undone
from engine.way import Way
from pools.address import Key, parse
from pools.breakers import HELD
from pools.errors import (
    CircuitOpen,
    Failure,
    MailboxFull,
    PoolError,
    PoolUnavailable,
    StoreStopped,
    TaskCancelled,
    TaskExpired,
    failure_of,
)
from pools.gates import Gates
from pools.link import Link
from pools.ranked import Ranked

__all__ = ["Offers"]

#: Tasks whose way is looked up in one turn of the loop.
ROUTED = 1_024
#: Seconds until a task that a full mailbox refused is offered again: at first, and after many times.
AGAIN_S, AGAIN_MOST_S = 0.1, 5.0
#: Seconds between two looks at whether a worker that is down is back.
LOOK_S = 1.0
#: Why a task is taken back whose attempt has had its time; it may be tried again.
TIMEOUT = "timeout"
#: Characters that are kept of why an attempt failed.
TRY_CHARS = 200
#: Why an agent that was chosen cannot have a task now.
ELSEWHERE = (CircuitOpen, PoolUnavailable)


class Offers:
    """The sender of accepted tasks.

    resolve: from kind and key to the link.  choose: agents of their kinds for tasks; None where others are run for one.
    mark: the section below which workers may forget their answers.
    session: tells these numbers from all others; None where workers keep nothing.  label: in its place there.
    ended: told how tasks ended.
    moved: told which tasks got an agent, or one more attempt, which is to be written down; where workers keep what they did, a
    task goes to its agent once `placed` is told that.  gates: what kinds and tenants may take.  wall_s: seconds since 1970.
    """

    def __init__(
        self,
        resolve: Callable[[str, Key], tuple[Link, Key]],
        *,
        session: str | None,
        label: str | None = None,
        choose: Callable[[Sequence[Task]], Sequence[str | PoolError | None]],
        mark: Callable[[], int],
        desk: Desk,
        ended: Callable[[list[Ending]], None],
        moved: Callable[[list[Task]], None],
        chance: Random,
        gates: Gates | None = None,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._gates, self._resolve = gates, resolve
        self._choose = choose
        self._moved = moved
        self._session, self._label = session, session or label
        self._mark = mark
        self._desk = desk
        self._ended = ended
        self._chance = chance
        self._wall_s = wall_s
        self._arrived: Ranked[Task] = Ranked()
        self._ways: dict[int, Way] = {}
        self._way_of: dict[Task, Way] = {}
        self._refused: dict[Task, int] = {}
        self._doubtful: list[tuple[Task, Way, Failure]] = []
        #: Tasks whose agent was chosen, which is not written down yet.
        self._placing: set[Task] = set()
        #: Tasks that are tried again later; and those that a worker has, with the attempt, for which there is a limit of time.
        self._later: Alarms[Task] = Alarms(desk, self.put, _is_open)
        self._limits: Alarms[tuple[Task, int]] = Alarms(desk, self._out_of_time, self._is_out)
        self._is_routing = self._is_looking = False
        #: Who hears of tasks that have an agent, and that leave.
        self.flow = SILENT
        #: Whether nothing more is offered: the engine stops.
        self.is_held = False

    # -- to the workers ------------------------------------------------------------------------------------------------

    def put(self, tasks: Iterable[Task]) -> None:
        """Offer tasks, in their order, as their workers have room."""
        now_s = self._wall_s()
        for task in tasks:
            task.state, task.due_s = "queued", None
            if task.ready_s is None:
                task.ready_s = now_s
            self._arrived.put(task, task.urgency)
        self._route_soon()

    def ahead(self, kind: str, priority: int) -> int:
        """Tasks of a kind that wait here, of this priority and higher ones."""
        return sum(way.waiting.ahead(kind, priority) for way in self._ways.values())

    def way(self, link: Link) -> Way | None:
        """The way to a link; None where nothing was accepted for it yet."""
        return self._ways.get(id(link))

    def hasten(self, tasks: Iterable[Task], priority: int) -> None:
        """Have tasks go as those of a higher priority do, wherever they wait; what a worker has goes on as it is."""
        for task in tasks:
            is_higher, task.urgency = priority > task.urgency, max(priority, task.urgency)
            if is_higher and task.is_lined:  # it gets another place in the line; the one that it had is passed over
                task.is_lined = False
                self._arrived.put(task, priority)
        self._route_soon()

    def hold(self) -> None:
        """Offer nothing more; what is out may still end."""
        self.is_held = True
        self._later.stop()
        self._limits.stop()

    def _route_soon(self) -> None:
        if not self._is_routing and self._arrived:
            self._is_routing = True
            self._desk.call_soon(self._route)

    def _route(self) -> None:
        """Find the ways of the next tasks."""
        self._is_routing = False
        lost: list[Ending] = []
        chosen: list[Task] = []
        ways: dict[int, Way] = {}
        seen = list(islice(self._arrived, ROUTED)) if self.flow.is_heard else []
        tasks = [self._arrived.take() for _ in range(min(ROUTED, len(self._arrived)))]
        for task, error in self._chosen([task for task in tasks if not task.is_ending], chosen):
            try:
                if error is not None:
                    raise error
                kind, key = parse(task.agent)
                link, key = self._resolve(kind, key)
            except PoolError as error:
                if task.is_any and type(error) in ELSEWHERE:
                    self._elsewhere(task)
                else:
                    lost.append(task.end("failed", self._wall_s(), error=failure_of(error)))
                continue
            if (way := self._ways.get(id(link))) is None:
                way = self._ways[id(link)] = Way(link, self._gates, self.flow.leave)
            way.waiting.put((task, kind, key), task.urgency)
            task.is_lined = True
            ways[id(link)] = way
        if seen:
            self.flow.assigned(task for task in seen if not task.is_ending and "/" in task.agent and task not in self._placing)
        if lost:
            self._ended(lost)
        if chosen:
            self._moved(chosen)
        for way in ways.values():
            self._pump(way)
        self._route_soon()

    def _chosen(self, tasks: Sequence[Task], chosen: list[Task]) -> Iterator[tuple[Task, PoolError | None]]:
        """Those that may go now, each with why it cannot; those of `chosen` have an agent that is to be written down."""
        unnamed = [task for task in tasks if "/" not in task.agent]
        agents = dict(zip(unnamed, self._choose(unnamed), strict=True)) if unnamed else {}
        for task in tasks:
            agent = agents.get(task, task.agent)
            if isinstance(agent, PoolError):
                yield task, agent
            elif agent is not None:
                task.agent = agent
                if task in agents and self._session is not None:
                    self._placing.add(task)
                    chosen.append(task)
                else:
                    yield task, None

    def placed(self, tasks: Iterable[Task]) -> None:
        """It is written down which agents these have."""
        for task in tasks:
            if task in self._placing:
                self._placing.remove(task)
                self._arrived.put(task, task.urgency)
        self._route_soon()

    def _elsewhere(self, task: Task) -> None:
        """Offer a task later that its agent cannot have now: to another agent, unless this one may have begun it."""
        if task.attempts == task.prior + task.retried:
            task.agent = task.wanted
        self._again_later(task)

    def _pump(self, way: Way) -> None:
        """Send what waits for a worker, as far as it has room."""
        if self.is_held or way.refused or not way.waiting:
            return
        if way.link.reason is not None:
            self._look_later()
            return
        now_s, mark = self._wall_s(), self._mark()
        entries = way.next(self._desk, lambda: self._pump(way))
        for task, kind, key in entries:
            if task.is_ending:
                way.waiting.ended(kind, task)
                continue
            options, task.is_lined = task.options, False
            lane = way.lane(kind, task, self, self._label)
            lane.mark = mark
            task.state, task.started_s, task.progress = "running", now_s, None
            task.attempts += 1
            way.out += 1
            self._way_of[task] = way
            if options.timeout_s is not None:
                self._limits.put(options.timeout_s, (task, task.attempts))
            argument = None if task.argument is None else orjson.loads(task.argument)
            lane.rows.extend((task, key, task.method, argument))
        if self.flow.is_heard:
            self.flow.executed(task for task, _, _ in entries if not task.is_ending)
        way.link.offer(way.lanes.values())

    def _look_later(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            self._desk.call_later(LOOK_S, self._look)

    def _look(self) -> None:
        self._is_looking = False
        for way in self._ways.values():
            self._pump(way)

    # -- back from them ------------------------------------------------------------------------------------------------

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Take answers."""
        failed = dict(failures)
        now_s = self._wall_s()
        endings: list[Ending] = []
        ways: dict[int, Way] = {}
        for at, task in enumerate(tokens):
            way = self._way_of.pop(task)
            way.out -= 1
            way.waiting.ended(task.agent.partition("/")[0], task)
            ways[id(way)] = way
            failure = failed.get(at)
            if failure is None:
                way.widen()
                endings.append(task.done(now_s, results[at]))
            elif not self._is_again(task, way, failure):
                self._fail(task, now_s, failure, endings)
            if self._refused and (failure is None or task.is_ending):
                self._refused.pop(task, None)
        if endings:
            self._ended(endings)
        for way in ways.values():
            if way.waiting:
                self._desk.call_soon(lambda way=way: self._pump(way))  # type: ignore[misc]

    def progressed(self, token: Any, fraction: float) -> None:
        """A task says how far it is, 0 to 1."""
        if not token.is_ending:
            token.progress = fraction

    def _fail(self, task: Task, now_s: float, failure: Failure, endings: list[Ending]) -> None:
        """End a task that was not done, unless it may be tried once more."""
        if failure.type == TaskCancelled.__name__ and task.wish == TIMEOUT:
            failure = Failure(TaskExpired.__name__, f"no answer within {task.options.timeout_s:g} s (timeout_s)")
            task.wish = None
        wait_s = None
        if task.wish is None and task.options.retries:
            wait_s = retry_s(task.options, task.retried, failure, self._chance)
        if task.options.retries:
            attempt = Try(task.started_s or now_s, now_s, task.agent, failure.type, failure.message[:TRY_CHARS])
            task.tries = (*task.tries[1 - TRIES :], attempt)
        if wait_s is None:
            endings.append(undone(task, now_s, failure))
            return
        task.retried += 1
        task.state, task.due_s = "waiting", now_s + wait_s
        if task.is_any and failure.type not in CUT_OFF:
            task.agent = task.wanted  # it changed nothing there: another one may do better
        self._moved([task])
        self._later.put(wait_s, task)

    def _out_of_time(self, late: list[tuple[Task, int]]) -> None:
        """Take tasks back whose attempt has had its time."""
        self.take_back([task for task, _ in late if task.wish is None], TIMEOUT)

    def _is_out(self, sent: tuple[Task, int]) -> bool:
        """Whether a worker still has this attempt of a task."""
        task, attempt = sent
        return task.attempts == attempt and task in self._way_of and not task.is_ending

    def _is_again(self, task: Task, way: Way, failure: Failure) -> bool:
        """Whether a task that failed has not been run, or may be run under its number again: then it is seen to here."""
        if self.is_held and failure.type in CUT_OFF:
            return True
        if task.wish == TIMEOUT and failure.type in AGAIN:
            task.wish = None  # this attempt was none
        if task.wish is not None and failure.type != PoolUnavailable.__name__:
            return False
        is_full = failure.type == MailboxFull.__name__ and failure.message.startswith(f"{task.agent} has ")
        if is_full or (failure.type == CircuitOpen.__name__ and failure.message.startswith(HELD)):
            self._again_later(task)
            return True
        if failure.type == PoolUnavailable.__name__ and self._session is not None:
            if not self._doubtful:
                self._desk.call_soon(self._judge)  # the link says why it is down when it has answered everybody
            self._doubtful.append((task, way, failure))
            return True
        if failure.type in UNKEPT and self._session is not None:
            self._wait_for_room(task, way, failure)
            return True
        return False

    def _wait_for_room(self, task: Task, way: Way, failure: Failure) -> None:
        """A disk took no change: one task is tried after a pause, and more with each that is done.

        A disk that has failed takes none until the engine starts again, which finds the task open.
        """
        task.state = "queued"
        if failure.type == StoreStopped.__name__:
            return
        if not way.refused:
            self._desk.call_later(failure.retry_after_s or LOOK_S, lambda: self._try_one(way))
        way.refused.append(task)

    def _try_one(self, way: Way) -> None:
        refused, way.refused, way.most = way.refused, [], way.out + 1
        self.put(refused)
        self._pump(way)

    def _judge(self) -> None:
        """Offer again what a worker that is down has taken with it; the others have failed by themselves."""
        doubtful, self._doubtful = self._doubtful, []
        endings: list[Ending] = []
        for task, way, failure in doubtful:
            if task.is_ending:
                continue
            if way.link.reason is None:
                self._fail(task, self._wall_s(), failure, endings)
            elif task.wish is not None:
                endings.append(undone(task, self._wall_s(), Failure(TaskCancelled.__name__, failure.message)))
            else:
                self.put([task])
        if endings:
            self._ended(endings)

    def _again_later(self, task: Task) -> None:
        times = self._refused[task] = self._refused.get(task, 0) + 1
        task.state = "queued"
        self._later.put(backoff_s(AGAIN_S, times - 1, self._chance, AGAIN_MOST_S), task)

    def later(self, after_s: float, task: Task) -> None:
        """Offer a task once so many seconds have passed."""
        self._later.put(after_s, task)

    # -- taking back ---------------------------------------------------------------------------------------------------

    def take_back(self, tasks: Iterable[Task], wish: str) -> None:
        """End tasks as `wish`: at once where no worker has them, else as their workers answer."""
        out: dict[int, tuple[Way, set[Task]]] = {}
        endings = []
        for task in tasks:
            if task.is_ending:
                continue
            task.wish = wish
            if (way := self._way_of.get(task)) is not None:
                out.setdefault(id(way), (way, set()))[1].add(task)
            else:
                self._refused.pop(task, None)
                endings.append(undone(task, self._wall_s(), UNSENT))
        if endings:
            self._ended(endings)
        for way, meant in out.values():
            way.link.cancel_where(self, meant.__contains__, is_late=wish != "cancelled")


def _is_open(task: Task) -> bool:
    return not task.is_ending
