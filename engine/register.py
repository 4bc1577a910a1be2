"""Every task that was accepted: those that are open, and those of which it is still known what became of them.

Owns the six counts, the numbers, and what is kept how long. Pure: a change is drafted, its records are written by somebody
else, and it counts once they are there. So `accepted = done + failed + cancelled + expired + open` holds on the disk too,
whenever the process ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from engine.change import Change, Draft
from engine.dependencies import Dependencies
from engine.errors import DependencyCycle, DuplicateTask, NotRequeued, ResultGone, UnknownTask
from engine.names import Former, Names, check_of
from engine.options import Reference
from engine.records import part_of, rows_of_change
from engine.room import Room
from engine.rows import Rows
from engine.shelf import Shelf
from engine.submission import Submission
from engine.task import ENDED, Ending, Task, exact
from pools.errors import BadArgument, Failure, failure_of
from pools.lane import PLACE_BITS

__all__ = ["Register"]

#: Ended tasks that are kept with their values, and their bytes: a restart reads them all, in about a second.
RESULTS, RESULTS_BYTES = 50_000, 64 * 1024 * 1024
#: Dead letters that are kept, and their bytes.
LETTERS, LETTERS_BYTES = 10_000, 64 * 1024 * 1024
#: Submissions of which it is remembered that they were accepted, for clients that did not hear it.
KEYS = 10_000
#: Digits of the journal's name that stand in each id: who asks another journal for a task is told so.
ID_DIGITS = 8


class Register:
    """The tasks of one journal. session: its name, by which workers know the numbers.  life: how often it was opened."""

    def __init__(self, session: str, life: int = 1) -> None:
        self.session, self.life = session, life
        #: What counts, as it is written down. `open` is what is left of `accepted`.
        self.accepted = 0
        self.ended = dict.fromkeys(ENDED, 0)
        #: Every task that is known, by number, the oldest first.
        self.tasks: dict[int, Task] = {}
        self.results = Shelf(RESULTS, RESULTS_BYTES)
        self.letters = Shelf(LETTERS, LETTERS_BYTES)
        self.names = Names()
        self.dependencies: Dependencies[Task] = Dependencies(self.standing, self._meant)
        self._keys: dict[str, Sequence[int]] = {}
        #: Tasks that are not written down yet, by number.
        self._drafted: dict[int, Task] = {}
        self._requeued: set[int] = set()
        self._next = self._settled = self._lowest = 1
        self._ended_s = 0.0
        self._has_ids = False  # whether a task waits for one by its id
        #: What is open or drafted.
        self.room = Room()

    # -- what is known -------------------------------------------------------------------------------------------------

    @property
    def open(self) -> int:
        """Tasks that were accepted and have not ended."""
        return self.accepted - sum(self.ended.values())

    def counts(self) -> dict[str, int]:
        """The six counts."""
        return {"accepted": self.accepted, **self.ended, "open": self.open}

    def id_of(self, number: int) -> str:
        """The id of a task."""
        return f"{self.session[:ID_DIGITS]}-{number}"

    def find(self, name: Reference) -> Task:
        """The task with an id, or that is called so. Raises UnknownTask, ResultGone, BadArgument."""
        if type(name) not in (int, str):
            raise BadArgument(f"a task is named by a text or a number, got {name!r:.60}")
        number = self._number(name)
        if number is None and type(name) is str and name.isascii() and name.isdecimal() and len(name) < 19:
            number = self.names.find(int(name))
        if number is not None and number in self.tasks:
            return self.tasks[number]
        if number is None or not 0 < number < self._settled:
            raise UnknownTask(f"no task {name!r:.80} was accepted here; see: engine tasks")
        raise ResultGone(
            f"task {name} has ended, and its result was let go: the newest {RESULTS:,} and {RESULTS_BYTES >> 20} MiB are kept, "
            f"of dead letters {LETTERS:,} and {LETTERS_BYTES >> 20} MiB"
        )

    def _number(self, name: Reference) -> int | None:
        """The number of the task that is called so, or has this id; of a former one too."""
        number = self.names.find(name)
        if number is None and type(name) is str:
            session, _, digits = name.partition("-")
            if session == self.session[:ID_DIGITS] and digits.isascii() and digits.isdecimal() and len(digits) < 19:
                number = int(digits)
        return number

    def standing(self, name: Reference) -> str | None:
        """How a task stands for those that wait for it: `open`, as it ended, or None where none is called so."""
        if self.names.numbers.get(name) in self._drafted:
            return "open"
        task = self.newest(name)
        if task is not None and task.next is None:
            return "open" if task.ended_s is None else task.state
        if name in self.names.former and name not in self.names.numbers:
            return self.names.former[name].state
        number = self._number(name)
        if number is None or not 0 < number < self._next:
            return None
        return "open" if number in self._drafted else "gone"

    def _meant(self, name: Reference) -> Task | None:
        """The task that is called so, or has this id, written down or not."""
        number = self._number(name) or 0
        return self._drafted.get(number) or self.tasks.get(number)

    def newest(self, name: Reference) -> Task | None:
        """The newest attempt of the task that is called so, or has this id; None where it is not kept."""
        task = self.tasks.get(self.names.numbers.get(name) or self._number(name) or 0)
        while task is not None and task.next:
            task = self.tasks.get(task.next)
        return task

    def _references(self, task: Task) -> list[Reference]:
        """What others may call a task that they wait for, or one that it is another attempt of."""
        found: list[Reference] = [self.id_of(task.number)]
        if task.name is not None:
            found.append(task.name)
        while task.of is not None and task.of in self.tasks:
            task = self.tasks[task.of]
            found.append(self.id_of(task.number))
        return found

    def known(self, key: str) -> Sequence[int] | None:
        """The numbers of a submission that was accepted under a key."""
        return self._keys.get(key)

    def is_letter(self, number: int) -> bool:
        """Whether a task is a dead letter of which no other attempt is being written down."""
        return number in self.letters and number not in self._requeued

    def can_run_again(self, task: Task) -> bool:
        """Whether a task has ended without being done, and no other attempt of it was made."""
        return task.state in ENDED[1:] and not task.next and task.number not in self._requeued

    @property
    def mark(self) -> int:
        """The section of the lowest number whose end is not written down: workers may forget what they answered below it."""
        return self._oldest() >> PLACE_BITS

    # -- drafts --------------------------------------------------------------------------------------------------------

    def draft(self, submissions: Sequence[Submission], now_s: float, key: str = "") -> Draft:
        """Tasks that shall be accepted; what is known under its name already is not accepted again.

        Raises IntakeFull, BadArgument, DuplicateTask, DependencyCycle.
        """
        tasks: list[Task] = []
        lost: list[tuple[Task, Failure]] = []
        numbers: list[int] = []
        first = number = self._next
        try:
            for each in submissions:
                argument = None if each.argument is None else exact(each.argument)
                check = 0
                if each.name is not None:
                    check = check_of(each, argument)
                    same = self._same(each.name, check)
                    if same is not None:
                        numbers.append(same)
                        continue
                task = Task(
                    number, each.name, each.address, each.method, argument, now_s, each.deadline_s, each.after, each.options,
                    "/" not in each.address, check, None, 0, self.life,
                )  # fmt: skip
                tasks.append(task)
                numbers.append(number)
                self._drafted[number] = task
                number += 1
                if each.name is not None:
                    self.names.numbers[each.name] = task.number
                if each.after:
                    self._wait(task, lost)
            draft = Draft(tasks, range(first, number) if len(tasks) == len(numbers) else numbers, key, lost)
            return self._held(draft)
        except BaseException:
            self._undo(tasks)
            raise

    def _same(self, name: Reference, check: int) -> int | None:
        """The number of the task that is known under this name. Raises DuplicateTask where it is another one."""
        number = self.names.numbers.get(name)
        if number is None:
            former = self.names.former.get(name)
            if former is None:
                return None
            number, known = former.number, former.check
        else:
            known = (self._drafted.get(number) or self.tasks[number]).check
        if known != check:
            raise DuplicateTask(
                f"{name!r} is the id of task {self.id_of(number)} already, and asks for something else; that one is kept"
            )
        return number

    def _wait(self, task: Task, lost: list[tuple[Task, Failure]]) -> None:
        """Have a task wait for others, if it must."""
        self._has_ids = self._has_ids or self.session[:ID_DIGITS] in repr(task.after)
        also = self.id_of(task.number) if self._has_ids else None
        waits = self.dependencies.add(task, task.name, task.after, task.options, also)
        task.state = "waiting" if waits is True else "queued"
        if isinstance(waits, Failure):
            lost.append((task, waits))
        if waits is not False:
            task.attempts = task.prior  # nobody was offered it in any life

    def _undo(self, tasks: Iterable[Task]) -> None:
        for task in tasks:
            del self._drafted[task.number]
            if task.name is not None:
                self.names.take_back(task.name, task.number)
            if task.after:
                self.dependencies.take_back(task)

    def draft_again(self, olds: Sequence[Task], now_s: float) -> Draft:
        """Another attempt of tasks that were not done, under numbers of their own. Raises NotRequeued, IntakeFull."""
        for old in olds:
            if not self.can_run_again(old):
                now = old.state if old.error is None else "requeued now"
                state = f"requeued as {self.id_of(old.next)}" if old.next else now
                raise NotRequeued(f"task {self.id_of(old.number)} is {state}; for those that can be see: engine dlq ls")
        tasks = [
            Task(
                self._next + at, old.name, old.agent, old.method, old.argument, now_s, old.deadline_s, (), old.options,
                old.is_any, old.check, old.number, old.attempts, self.life, attempts=old.attempts,
            )
            for at, old in enumerate(olds)
        ]  # fmt: skip
        draft = self._held(Draft(tasks, range(self._next, self._next + len(tasks))))
        self._drafted.update((task.number, task) for task in tasks)
        self._requeued.update(old.number for old in olds)
        return draft

    def divide(self, whole: Task, calls: Iterable[tuple[str, bytes | None]]) -> Draft:
        """What a task is done in: methods and arguments, under numbers of their own. Raises BadArgument past the size."""
        draft = Draft([], (), parts=[part_of(whole, self._next + at, *call, self.life) for at, call in enumerate(calls)])
        self.room.grow(draft.size_bytes)
        self._next += len(draft.parts)
        return draft

    def _held(self, draft: Draft) -> Draft:
        count, oldest = len(draft.tasks), self._oldest()
        self.room.enter(count, draft.size_bytes, self._next + count - oldest, self.id_of(oldest))
        self._next += count
        return draft

    def _oldest(self) -> int:
        while self._lowest < self._settled and ((task := self.tasks.get(self._lowest)) is None or task.ended_s is not None):
            self._lowest += 1
        return self._lowest

    # -- what is written down ------------------------------------------------------------------------------------------

    def rows(self, change: Change) -> Iterator[Rows]:
        """The records of a change."""
        return rows_of_change(change, self._meta(change), self.tasks)

    def _meta(self, change: Change) -> list[Any]:
        ended = dict(self.ended)
        for one in change.endings:
            ended[one.state] += 1
        count = sum(len(draft.tasks) for draft in change.drafts)
        last = max([self._settled, *(draft.last + 1 for draft in change.drafts)])
        return [self.session, self.life, last, self.accepted + count, *ended.values()]

    def apply(self, change: Change) -> Change:
        """A change is written down: it counts. Returns what follows from it."""
        more = Change()
        for draft in change.drafts:
            self._accept(draft)
        for task in change.dropped:
            if task.next is None:
                task.next = 0
                self.letters.take(task.number)
                self._shelve(task)
                self._release(task, "dropped", more)
        for one in change.endings:
            self._end(one)
        if self.dependencies:
            for one in change.endings:
                self._release(one.task, one.state, more)
        more.gone = self.results.overflow() + self.letters.overflow()
        for number in more.gone:
            self._let_go(self.tasks.pop(number), more)
        more.gone_names += self.names.overflow(self._ended_s)
        while len(self._keys) > KEYS:
            more.gone_keys.append(next(iter(self._keys)))
            del self._keys[more.gone_keys[-1]]
        return more

    def _accept(self, draft: Draft) -> None:
        self.accepted += len(draft.tasks)
        for task in draft.tasks:
            del self._drafted[task.number]
            self.tasks[task.number] = task
            if task.of is not None:
                self._was_requeued(task.of, task)
        for part in draft.parts:
            part.whole.parts = [*(part.whole.parts or ()), part]  # type: ignore[union-attr]  # each is part of one
        self._settled = max(self._settled, draft.last + 1)
        if draft.key:
            self._keys[draft.key] = draft.numbers

    def _was_requeued(self, number: int, by: Task) -> None:
        self._requeued.discard(number)
        old = self.tasks.get(number)
        if old is not None:
            old.next = by.number
            self.letters.take(number)
            self._shelve(old)
        if by.name is not None:
            self.names.put(by.name, by.number)

    def _end(self, ending: Ending) -> None:
        task = ending.task
        self.ended[ending.state] += 1
        self.room.leave(1, task.held_bytes)
        self._ended_s = ending.ended_s
        _, task.state, task.ended_s, task.value, task.error, task.effects, task.ran_s = ending
        self._shelve(task)

    def _release(self, task: Task, state: str, more: Change) -> None:
        """Those who waited for a task that has ended."""
        if task.after:
            self.dependencies.take_back(task)
        for reference in self._references(task) if self._has_ids else () if task.name is None else (task.name,):
            free, lost = self.dependencies.ended(reference, state)
            more.free += free
            more.lost += lost

    def _shelve(self, task: Task) -> None:
        """Keep a task that has ended; what was not done keeps its arguments, so that it can be tried again."""
        if task.state == "done" and task.argument is not None:
            task.size_bytes -= len(task.argument)
            task.argument = None
        shelf = self.letters if task.state == "failed" and task.next is None else self.results
        shelf.put(task.number, task.kept_bytes)

    def _let_go(self, task: Task, more: Change) -> None:
        if task.name is not None:
            former = Former(task.number, task.state, task.check, task.ended_s or 0.0)
            if self.names.let_go(task.name, former):
                more.former[task.name] = former

    def refuse(self, drafts: Iterable[Draft]) -> None:
        """Drafts that could not be written down: their numbers are never used."""
        for draft in drafts:
            self._settled = max(self._settled, draft.last + 1)
            self.room.leave(len(draft.tasks), draft.size_bytes)
            self._undo(draft.tasks)
            self._requeued.difference_update(task.of for task in draft.tasks if task.of is not None)

    # -- what was written down -----------------------------------------------------------------------------------------

    def take_up(self, tasks: Iterable[Task], keys: Iterable[tuple[str, Sequence[int]]], next_number: int) -> Change:
        """Have the tasks that an earlier life left, those that have ended in the order of their ends; returns what follows."""
        self._next = self._settled = next_number
        lost: list[tuple[Task, Failure]] = []
        for task in tasks:
            self.tasks[task.number] = task
            if task.name is not None:
                self.names.numbers[task.name] = max(task.number, self.names.numbers.get(task.name, 0))
            if task.ended_s is not None:
                self._ended_s = task.ended_s
                self._shelve(task)
            else:
                self.room.take_up(task.held_bytes)
        self.tasks = {number: self.tasks[number] for number in sorted(self.tasks)}
        for task in self.tasks.values():
            if task.ended_s is None and task.after:
                try:
                    self._wait(task, lost)
                except DependencyCycle as error:  # accepted by a life that did not see it
                    lost.append((task, failure_of(error)))
        self._keys.update(keys)
        follows = self.apply(Change())
        follows.lost += lost
        return follows
