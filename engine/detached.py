"""Tasks that are accepted, and done whoever waits: submit, look, wait, cancel, try again.

Owns the deadlines and those who wait for an end. What is written down first is the journal's knowledge, what goes to workers
when that of the offers. One engine has one of it.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any

import orjson

from engine.errors import EngineStopped, IntakeFull, TaskOpen
from engine.journal import Journal, open_journal
from engine.offers import Offers
from engine.register import Change, Draft, Register
from engine.task import STATES, Submission, Task
from pools.errors import BadArgument, PoolError
from pools.events import Event
from pools.routes import Routes

if TYPE_CHECKING:
    from pools.compactor import Compactor
    from pools.keep import Keep

__all__ = ["Detached"]

#: Those who may wait for an end at once: what they cost is bounded.
WAITERS = 10_000
#: Seconds that a worker gets to give back a task that is cancelled, before it is told how the task stands.
CANCEL_S = 1.0
#: Dead letters that are requeued in one commit, and their bytes.
AT_ONCE, AT_ONCE_BYTES = 1_000, 4 * 1024 * 1024
#: Deadlines beyond those of open tasks that are remembered: past it those of tasks that have ended are forgotten.
STALE = 10_000
#: Seconds that the journal gets for what is to be written when the engine stops.
CLOSE_S = 5.0


class Detached:
    """The accepted tasks of an engine.

    keep: None keeps them in memory only.  routes: find the way to an agent, and choose one of a kind.
    Raises CheckpointError, StateUnreadable.
    """

    def __init__(
        self,
        keep: Keep | None,
        *,
        routes: Routes,
        chance: Random,
        environ: Mapping[str, str],
        output: int | None,
        on_event: Callable[[Event], None],
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._routes = routes
        self._wall_s = wall_s
        self._on_event = on_event
        #: What is being written down; under their keys, those that have one.
        self._accepting: dict[Draft, Future[None]] = {}
        self._drafts: dict[str, Draft] = {}
        self._waiters: dict[int, list[Future[None]]] = {}
        self._waiting = 0
        self._due: list[tuple[float, int]] = []
        self._timer: asyncio.TimerHandle | None = None
        folder = None if keep is None else keep.journal
        is_synced = keep is not None and keep.is_synced
        self.register: Register
        self.journal: Journal
        self.register, self.journal = open_journal(
            folder, is_synced=is_synced, loop=loop, landed=self._landed, on_event=on_event
        )
        self._offers = Offers(
            routes,
            session=None if keep is None else self.register.session,
            mark=lambda: self.register.mark,
            desk=loop,
            ended=self.journal.end,
            chance=chance,
            wall_s=wall_s,
        )
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
        self._offers.put(tasks)
        if self._compactor is not None:
            self._compactor.start()

    def hold(self) -> None:
        """Offer nothing more: the workers are about to end."""
        self._offers.hold()
        if self._timer is not None:
            self._timer.cancel()

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
        Raises BadArgument, UnknownKind, IntakeFull, JournalFailed.
        """
        known = self.register.known(key) if key else None
        if known is None:
            draft = self._drafts.get(key)
            if draft is None:
                chosen = [each if "/" in each.address else self._chosen(each, at) for at, each in enumerate(submissions)]
                draft = self.register.draft(chosen, self._wall_s(), key)
                for task, each in zip(draft.tasks, submissions, strict=True):
                    task.is_chosen = "/" not in each.address
            await self._accepted(draft)
            known = draft.tasks[0].number, len(draft.tasks)
        first, count = known
        return [self.register.id_of(number) for number in range(first, first + count)]

    async def _accepted(self, draft: Draft) -> None:
        """Return once a draft is written down, which more than one may wait for."""
        accepted = self._accepting.get(draft)
        if accepted is None:
            accepted = self._accepting[draft] = self.journal.accept(draft)
            if draft.key:
                self._drafts[draft.key] = draft
            accepted.add_done_callback(lambda _done: self._forget(draft))
        await asyncio.shield(accepted)

    def _forget(self, draft: Draft) -> None:
        self._accepting.pop(draft, None)
        self._drafts.pop(draft.key, None)

    def _chosen(self, each: Submission, at: int) -> Submission:
        """The same for one agent of its kind: it stays the same one, however often it is offered."""
        try:
            key = self._routes.choose(each.address)
        except PoolError as error:
            error.add_note(f"task {at}")
            raise
        return each._replace(address=f"{each.address}/{key}")

    async def requeue(self, names: Sequence[str] | None) -> list[tuple[str, str]]:
        """Try dead letters again, all of them by default; returns the old id and the new one of each.

        Raises UnknownTask, ResultGone, NotRequeued, IntakeFull, JournalFailed; with several, those before may be tried again.
        """
        register = self.register
        if names is None:
            letters = [register.tasks[number] for number in register.letters.numbers()]
        else:
            letters = [register.find(name) for name in dict.fromkeys(names)]
        done: list[tuple[str, str]] = []
        for part in _parts(letters):
            if names is None:  # somebody else may have tried them again meanwhile
                part = [task for task in part if register.is_letter(task.number)]  # noqa: PLW2901 - the same part
            if not part:
                continue
            draft = register.draft_again(part, self._wall_s())
            await self._accepted(draft)
            done += [(register.id_of(task.of or 0), register.id_of(task.number)) for task in draft.tasks]
        return done

    def _landed(self, change: Change) -> None:
        """What was written down counts now."""
        for draft in change.drafts:
            for task in draft.tasks:
                self._set_deadline(task)
            self._offers.put(draft.tasks)
        for ending in change.endings:
            for waiter in self._waiters.pop(ending.task.number, ()):
                if not waiter.done():
                    waiter.set_result(None)

    # -- deadlines -----------------------------------------------------------------------------------------------------

    def _set_deadline(self, task: Task) -> None:
        """Clocks may have been set while nobody ran: what is left is between nothing and all of it."""
        if task.deadline_s is not None:
            left_s = min(max(task.accepted_s + task.deadline_s - self._wall_s(), 0.0), task.deadline_s)
            if len(self._due) > 2 * self.register.open + STALE:
                self._due = [due for due in self._due if self._is_open(due[1])]
                heapify(self._due)
            heappush(self._due, (self._loop.time() + left_s, task.number))
            if self._timer is None or self._due[0][1] == task.number:
                self._set_timer()

    def _is_open(self, number: int) -> bool:
        task = self.register.tasks.get(number)
        return task is not None and task.ended_s is None

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due[0][0], self._expire) if self._due else None

    def _expire(self) -> None:
        late: list[Task] = []
        while self._due and self._due[0][0] <= self._loop.time():
            task = self.register.tasks.get(heappop(self._due)[1])
            if task is not None and not task.is_ending:
                late.append(task)
        self._set_timer()
        self._offers.take_back(late, "expired")

    # -- what became of them -------------------------------------------------------------------------------------------

    async def ended(self, name: str, wait_s: float) -> Task:
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

    async def cancel(self, name: str) -> Task:
        """Take a task back; returns it as it stands: `cancelled`, as it ended before, or `running` where its worker keeps it.

        Raises UnknownTask, ResultGone.
        """
        task = self.register.find(name)
        self._offers.take_back([task], "cancelled")
        if task.ended_s is None:
            await self._wait(task, CANCEL_S)
        return task

    def result(self, task: Task) -> dict[str, Any]:
        """What became of a task that has ended, with its value or its error."""
        shown: dict[str, Any] = {"id": self.register.id_of(task.number), "state": task.state}
        if task.value is not None:
            shown["value"] = orjson.Fragment(task.value)
        if task.error is not None:
            shown["error"] = list(task.error)
        return shown

    def facts(self, task: Task) -> dict[str, Any]:
        """Everything that is known of a task, but for its value and its arguments. Times in seconds since 1970."""
        id_of = self.register.id_of
        return {
            "id": id_of(task.number),
            "name": task.name,
            "state": task.state,
            "agent": task.agent,
            "method": task.method,
            "attempts": task.attempts,
            "accepted_s": task.accepted_s,
            "started_s": task.started_s,
            "ended_s": task.ended_s,
            "deadline_s": task.deadline_s,
            "cause": None if task.error is None else task.error.as_dict(),
            "requeue_of": None if task.of is None else id_of(task.of),
            "requeued_as": None if task.next is None else id_of(task.next),
        }

    def page(self, state: str | None, skip: int, limit: int) -> list[dict[str, Any]]:
        """Tasks, the newest first. Raises BadArgument for a state that there is not."""
        if state is not None and state not in STATES:
            raise BadArgument(f"a task is {', '.join(STATES[:-1])} or {STATES[-1]}, not {state!r:.40}")
        tasks: Iterable[Task] = reversed(self.register.tasks.values())
        if state is not None:
            tasks = (task for task in tasks if task.state == state)
        return [self.facts(task) for task in islice(tasks, skip, skip + limit)]

    def letter(self, task: Task) -> dict[str, Any]:
        """A dead letter with its arguments."""
        argument = None if task.argument is None else orjson.Fragment(task.argument)
        return {**self.facts(task), "args": argument}

    def letters(self, skip: int, limit: int) -> list[dict[str, Any]]:
        """Dead letters, the newest first."""
        numbers = reversed(self.register.letters.numbers())
        return [self.facts(self.register.tasks[number]) for number in islice(numbers, skip, skip + limit)]


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
