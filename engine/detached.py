"""Tasks that are accepted, and done whoever waits: submit, look, wait, cancel, try again.

Owns when they begin and expire, and those who wait for an end. What is written down first is the journal's knowledge, what
goes to workers when that of the offers. One engine has one of it.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

from engine.account import Account
from engine.admission import Admission
from engine.alarms import Alarms
from engine.change import Change, Draft
from engine.division import Division
from engine.errors import EngineStopped, IntakeFull, NotRequeued, TaskEnded, TaskOpen
from engine.journal import Journal, open_journal
from engine.lull import lull
from engine.offers import Offers
from engine.options import ANYBODY, Reference
from engine.precedence import Precedence
from engine.promised import Promised
from engine.register import Register
from engine.submission import Submission
from engine.task import Ending, Task
from engine.taskflow import TaskFlow
from pools.errors import PoolError, UnknownKind
from pools.events import Event
from pools.gates import Gates
from pools.routes import Routes
from sprints.listeners import Listeners

if TYPE_CHECKING:
    from engine.foreseen import Foreseen
    from pools.compactor import Compactor
    from pools.keep import Keep

__all__ = ["Detached"]

#: Those who may wait for an end at once: what they cost is bounded.
WAITERS = 10_000
#: Seconds that a worker gets to give back a task that is cancelled, before it is told how the task stands.
CANCEL_S = 1.0
#: Dead letters that are requeued in one commit, and their bytes.
AT_ONCE, AT_ONCE_BYTES = 1_000, 4 * 1024 * 1024
#: Seconds that the journal gets for what is to be written when the engine stops.
CLOSE_S = 5.0


class Detached:
    """The accepted tasks of an engine.

    keep: None keeps them in memory only.  routes: find the way to an agent, and choose one.  gates: what each may take.
    foreseen: as for `Promised`.  listeners: who hears of the flow `task-execution`.  Raises CheckpointError, StateUnreadable.
    """

    def __init__(
        self,
        keep: Keep | None,
        *,
        routes: Routes,
        foreseen: Foreseen | None = None,
        gates: Gates | None = None,
        chance: Random,
        environ: Mapping[str, str],
        output: int | None,
        on_event: Callable[[Event], None],
        listeners: Listeners | None = None,
        flow: Callable[..., TaskFlow] = TaskFlow,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._routes = routes
        self._wall_s, self._on_event = wall_s, on_event
        self._promised = Promised(routes, foreseen)
        #: What is being written down; under their keys, those that have one.
        self.accepting: dict[Draft, Future[None]] = {}
        self._drafts: dict[str, Draft] = {}
        self._waiters: dict[int, list[Future[None]]] = {}
        #: Told of every end once it is written down.
        self.watchers: list[Callable[[Sequence[Ending]], None]] = []
        #: Told when the engine is about to stop.
        self.leaving: list[Callable[[], None]] = []
        self._waiting = 0
        self._deadlines: Alarms[Task] = Alarms(loop, self._expire, lambda task: not task.is_ending)
        folder, is_synced = (None, False) if keep is None else (keep.journal, keep.is_synced)
        opened = open_journal(folder, is_synced=is_synced, loop=loop, landed=self._landed, on_event=on_event)
        self.register: Register = opened[0]
        self.journal: Journal = opened[1]
        self._restored = opened[2]
        self.account = Account(self.register, wall_s)
        self.offers = Offers(
            routes.resolve_key,
            session=None if keep is None else self.register.session,
            label=self.register.session,
            choose=self._choose,
            mark=lambda: self.register.mark,
            desk=loop,
            ended=self._ended,
            moved=self.journal.move,
            gates=gates,
            chance=chance,
            wall_s=wall_s,
        )
        self._division = Division(self.register, self.journal, self.offers, desk=loop, ended=self._ended, wall_s=wall_s)
        self._precedence = Precedence(foreseen, self.register.newest, self.offers.hasten)
        self._flow = self.offers.flow = flow(listeners or Listeners(), self.register.id_of, wall_s)
        self._admission = Admission(gates, self.offers.ahead, time.monotonic)
        self._compactor: Compactor | None = None
        if folder is not None:
            from pools.compactor import Compactor

            self._compactor = Compactor([(folder, self.journal)], environ, output, on_event)

    # -- life ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Offer what is open; the workers are there."""
        tasks = [task for task in self.register.tasks.values() if task.ended_s is None]
        if tasks:
            self.journal.begin()
            self._on_event(Event("tasks.kept", f"{len(tasks):,} accepted tasks are open, and are offered again", time.time()))
        for task in tasks:
            self._set_deadline(task)
        self._admission.accepted(tasks)
        divided = {task for task in tasks if task.parts is not None and task.agent == task.wanted}
        self._begin(task for task in tasks if task.state != "waiting" and task not in divided)
        for task in divided:
            self._division.begin(task)
        self._precedence.accepted(tasks)
        self._follow(self._restored)
        if self._compactor is not None:
            self._compactor.start()

    def hold(self) -> None:
        """Offer nothing more: the workers are about to end."""
        for leave in self.leaving:
            leave()
        self.offers.hold()
        self._deadlines.stop()

    async def close(self) -> None:
        """Write down what has ended, and keep the rest for the next start."""
        if self._compactor is not None:
            await self._compactor.stop()
        await self.journal.close(CLOSE_S)
        for waiters in self._waiters.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(EngineStopped("the engine stops; the task is kept, if anything is"))

    # -- what is accepted ----------------------------------------------------------------------------------------------

    async def submit(self, submissions: Sequence[Submission], key: str = "") -> list[str]:
        """Accept tasks, all of them or none; returns their ids once that is written down.

        key: of this submission, chosen by the sender: the same one again returns the same ids, and accepts nothing.
        A task whose name is known, and asks for the same, is that one. Raises BadArgument, UnknownKind, DuplicateTask,
        DependencyCycle, IntakeFull, Overloaded, JournalFailed.
        """
        numbers = self.register.known(key) if key else None
        if numbers is None:
            draft = self._drafts.get(key)
            if draft is None:
                self._check_kinds(submissions)
                self._admission.check(submissions)
                with lull():
                    draft = self.register.draft(submissions, self._wall_s(), key)
                self._stick(draft, submissions)
                if self._flow.is_heard:
                    self._flow.validated(draft.tasks)
            await self._accepted(draft)
            numbers = draft.numbers
        start = self.register.id_of(0)[:-1]
        return [f"{start}{number}" for number in numbers]

    def _stick(self, draft: Draft, submissions: Sequence[Submission]) -> None:
        """Send tasks with a sticky key to the agent that it belongs to."""
        drafted = {task.number: task for task in draft.tasks}
        for number, each in zip(draft.numbers, submissions, strict=True):
            if each.sticky is not None and number in drafted:
                task = drafted[number]
                task.agent = f"{each.address}/{self._routes.resolve_sticky(each.address, str(each.sticky))[1]}"
                task.is_any = False

    def _check_kinds(self, submissions: Sequence[Submission]) -> None:
        """Raises UnknownKind for a kind that nobody is of."""
        checked: set[str] = set()
        for at, each in enumerate(submissions):
            if "/" not in each.address and each.address != ANYBODY and each.address not in checked:
                checked.add(each.address)
                try:
                    self._routes.choose(each.address)
                except UnknownKind as error:
                    error.add_note(f"task {at}")
                    raise
                except PoolError:
                    continue  # it is there, and takes none now

    def _choose(self, tasks: Sequence[Task]) -> list[str | PoolError | None]:
        """Agents for tasks; None where one is done in parts, an error where it can go nowhere."""
        agents = self._promised.choose_all(tasks)
        for task in (task for task, agent in zip(tasks, agents, strict=True) if agent is None):
            self._division.begin(task)
        return agents

    def _ended(self, endings: list[Ending]) -> None:
        if self._flow.is_heard:
            self._flow.judged(endings)
        self._promised.ended(endings)
        self._precedence.ended(endings)
        if len(self._division):
            self._division.ended([ending for ending in endings if ending.task.whole is not None])
            endings = [ending for ending in endings if ending.task.whole is None]
        if endings:
            self.journal.end(endings)

    def _take_back(self, tasks: Iterable[Task], wish: str) -> None:
        self.offers.take_back([task for task in tasks if not self._division.take_back(task, wish)], wish)

    async def _accepted(self, draft: Draft) -> None:
        """Return once a draft is written down, which more than one may wait for."""
        accepted = self.accepting.get(draft)
        if accepted is None:
            accepted = self.accepting[draft] = self.journal.accept(draft)
            if draft.key:
                self._drafts[draft.key] = draft
            self._admission.accepted(draft.tasks)  # from now on: others come before this one is written down
            accepted.add_done_callback(lambda done: self._forget(draft, done))
        await asyncio.shield(accepted)

    def _forget(self, draft: Draft, done: Future[None]) -> None:
        if done.cancelled() or done.exception() is not None:
            self._admission.refused(draft.tasks)
        self.accepting.pop(draft, None)
        self._drafts.pop(draft.key, None)

    async def requeue(self, names: Sequence[Reference] | None) -> list[tuple[str, str]]:
        """Try tasks again that were not done, all dead letters by default; returns the old id and the new one of each.

        Raises UnknownTask, ResultGone, NotRequeued, IntakeFull, JournalFailed; with several, those before may be tried again.
        """
        register = self.register
        if names is None:
            olds = [register.tasks[number] for number in register.letters.numbers()]
        else:
            olds = [register.find(name) for name in dict.fromkeys(names)]
        done: list[tuple[str, str]] = []
        for part in _parts(olds):
            if names is None:  # somebody else may have tried them again meanwhile
                part = [task for task in part if register.is_letter(task.number)]  # noqa: PLW2901 - the same part
            if not part:
                continue
            draft = register.draft_again(part, self._wall_s())
            await self._accepted(draft)
            done += [(register.id_of(task.of or 0), register.id_of(task.number)) for task in draft.tasks]
        return done

    async def drop(self, names: Sequence[Reference] | None) -> list[str]:
        """Have dead letters be none any more, all of them by default; returns the ids of those that were.

        What waits for one to be tried again fails. Raises UnknownTask, ResultGone, NotRequeued, IntakeFull, JournalFailed.
        """
        register = self.register
        if names is None:
            letters = [register.tasks[number] for number in register.letters.numbers()]
        else:
            letters = [register.find(name) for name in dict.fromkeys(names)]
            for task in letters:
                if not register.is_letter(task.number):
                    raise NotRequeued(f"task {register.id_of(task.number)} is no dead letter; see: engine dlq ls")
        letters = [task for task in letters if register.is_letter(task.number)]
        if letters:
            await asyncio.shield(self.journal.drop(letters))
        return [register.id_of(task.number) for task in letters]

    def _landed(self, change: Change, more: Change) -> None:
        """What was written down counts now, and what follows from it begins."""
        self._admission.ended([ending.task for ending in change.endings])
        if self._flow.is_heard:
            self._flow.kept(change.endings)
        for draft in change.drafts:
            for task in draft.tasks:
                if task.deadline_s is not None:
                    self._set_deadline(task)
            self._precedence.accepted(draft.tasks)
            self._begin(task for task in draft.tasks if task.state == "queued")
            more.lost += draft.lost
        if change.moved:
            self.offers.placed(change.moved)
        if change.endings:
            self._tell(change.endings)
        if more.free or more.lost:
            self._follow(more)

    def _tell(self, endings: Sequence[Ending]) -> None:
        """Tell those who wait for an end, and those who hear of all of them."""
        if self._waiters:
            for ending in endings:
                for waiter in self._waiters.pop(ending.task.number, ()):
                    if not waiter.done():
                        waiter.set_result(None)
        for watcher in self.watchers:
            watcher(endings)

    def _follow(self, more: Change) -> None:
        """What the end of other tasks means for those that waited for them."""
        now_s = self._wall_s()
        self._begin(task for task in more.free if not task.is_ending)
        lost = [task.end("failed", now_s, error=failure) for task, failure in more.lost if not task.is_ending]
        if lost:
            self.journal.end(lost)

    def _begin(self, tasks: Iterable[Task]) -> None:
        """Offer tasks that wait for no other one, now or when their time has come."""
        now_s = self._wall_s()
        ready: list[Task] = []
        for task in tasks:
            delay_s = task.options.delay_s
            left_s = min(max(task.accepted_s + delay_s - now_s, 0.0), delay_s) if delay_s else 0.0
            if left_s:
                task.state, task.due_s, task.attempts = "waiting", now_s + left_s, task.prior
                self.offers.later(left_s, task)
            else:
                ready.append(task)
        self.offers.put(ready)

    # -- deadlines -----------------------------------------------------------------------------------------------------

    def _set_deadline(self, task: Task) -> None:
        """Clocks may have been set while nobody ran: what is left is between nothing and all of it."""
        if task.deadline_s is not None:
            left_s = min(max(task.accepted_s + task.deadline_s - self._wall_s(), 0.0), task.deadline_s)
            self._deadlines.put(left_s, task)

    def _expire(self, late: list[Task]) -> None:
        self._take_back(late, "expired")

    # -- what became of them -------------------------------------------------------------------------------------------

    async def ended(self, name: Reference, wait_s: float) -> Task:
        """A task once it has ended. Raises TaskOpen after wait_s seconds, UnknownTask, ResultGone, IntakeFull."""
        task = self.register.find(name)
        if task.ended_s is None and wait_s > 0:
            await self._wait(task, wait_s)
        if task.ended_s is None:
            raise TaskOpen(f"task {name} is {task.state}; it has not ended{f' within {wait_s:g} s' if wait_s else ''}")
        return task

    async def _wait(self, task: Task, wait_s: float) -> None:
        if self._waiting >= WAITERS:
            raise IntakeFull(f"{WAITERS:,} wait for a task already; ask again without a wait")
        waiter: Future[None] = self._loop.create_future()
        self._waiters.setdefault(task.number, []).append(waiter)
        self._waiting += 1
        try:
            async with asyncio.timeout(wait_s):
                await waiter
        except TimeoutError:
            pass
        finally:
            self._waiting -= 1
            waiters = self._waiters.get(task.number, [])
            if waiter in waiters:
                waiters.remove(waiter)
            if not waiters:
                self._waiters.pop(task.number, None)

    async def cancel(self, name: Reference) -> Task:
        """Take a task back; returns it as it stands: `cancelled`, ended meanwhile, or `running` where its worker keeps it.

        One that was cancelled before is returned as it is.  Raises TaskEnded, UnknownTask, ResultGone.
        """
        task = self.register.find(name)
        if task.ended_s is not None and task.state != "cancelled":
            raise TaskEnded(f"task {self.register.id_of(task.number)} is {task.state}; it cannot be cancelled any more")
        self._take_back([task], "cancelled")
        if task.ended_s is None:
            await self._wait(task, CANCEL_S)
        return task


def _parts(letters: Sequence[Task]) -> Iterator[list[Task]]:
    """Dead letters in parts that are requeued in one commit each."""
    part: list[Task] = []
    size_bytes = 0
    for letter in letters:
        if part and (len(part) >= AT_ONCE or size_bytes + letter.size_bytes > AT_ONCE_BYTES):
            yield part
            part, size_bytes = [], 0
        part.append(letter)
        size_bytes += letter.size_bytes
    if part:
        yield part
