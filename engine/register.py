"""Every task that was accepted: those that are open, and those of which it is still known what became of them.

Owns the six counts, the numbers, what is kept how long, and what of all that stands in the journal. Pure: a change is drafted,
its parts are written by somebody else, and it counts once they are there. So `accepted = done + failed + cancelled + expired +
open` holds on the disk too, whenever the process ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from checkpoints.spec import SESSION_BYTES
from engine.errors import IntakeFull, NotRequeued, ResultGone, UnknownTask
from engine.shelf import Shelf
from engine.task import ENDED, Ending, Submission, Task, exact
from pools.errors import BadArgument, Failure, StateUnreadable
from pools.lane import PLACE_BITS

__all__ = ["Change", "Draft", "Register"]

#: Tasks that may be open at once, and their bytes: what a restart must read, and hold in memory, before it goes on.
OPEN_TASKS, OPEN_BYTES = 500_000, 256 * 1024 * 1024
#: Bytes of one submission: it is one frame of the journal, which holds 32 MiB.
SUBMISSION_BYTES = 24 * 1024 * 1024
#: Tasks accepted since the oldest that is open: workers remember the answers of all of them, to give none twice.
SPAN_TASKS = 1_000_000
#: Ended tasks that are kept with their values, and their bytes: a restart reads them all, in about a second.
RESULTS, RESULTS_BYTES = 50_000, 64 * 1024 * 1024
#: Dead letters that are kept with their arguments, and their bytes.
LETTERS, LETTERS_BYTES = 10_000, 64 * 1024 * 1024
#: Submissions of which it is remembered that they were accepted, for clients that did not hear it.
KEYS = 10_000
#: Digits of the journal's name that stand in each id: who asks another journal for a task is told so.
ID_DIGITS = 8

#: Kinds of the journal's records.
META, TASK, END, KEY = "meta", "task", "end", "key"
META_FIELDS = ["session", "life", "next", "accepted", *ENDED]
TASK_FIELDS = ["name", "agent", "method", "argument", "accepted_s", "deadline_s", "of", "prior", "life"]
END_FIELDS = ["state", "started_s", "ended_s", "attempts", "value", "error", "next"]


@dataclass(eq=False)
class Draft:
    """Tasks that shall be accepted together, or not at all. key: of the submission, "" for none."""

    tasks: list[Task]
    key: str = ""
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.size_bytes = sum(task.size_bytes for task in self.tasks)


@dataclass
class Change:
    """What is written together. gone: numbers and keys of what is kept no more."""

    drafts: list[Draft] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    gone_keys: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.drafts or self.endings or self.gone or self.gone_keys)


class Register:
    """The tasks of one journal. session: its name, by which workers know the numbers.  life: how often it was opened."""

    def __init__(self, session: str, life: int = 1) -> None:
        self.session = session
        self.life = life
        #: What counts, as it is written down. `open` is what is left of `accepted`.
        self.accepted = 0
        self.ended = dict.fromkeys(ENDED, 0)
        #: Every task that is known, by number, the oldest first.
        self.tasks: dict[int, Task] = {}
        self.results = Shelf(RESULTS, RESULTS_BYTES)
        self.letters = Shelf(LETTERS, LETTERS_BYTES)
        self._keys: dict[str, tuple[int, int]] = {}
        self._requeued: set[int] = set()
        self._next = 1
        self._settled = 1
        self._lowest = 1
        #: Tasks that are open or drafted, and their bytes.
        self.held = self.held_bytes = 0

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

    def find(self, name: str) -> Task:
        """The task with an id. Raises UnknownTask, ResultGone."""
        session, _, digits = name.partition("-")
        is_ours = session == self.session[:ID_DIGITS] and digits.isascii() and digits.isdecimal() and len(digits) < 19
        number = int(digits) if is_ours else 0
        task = self.tasks.get(number)
        if task is not None:
            return task
        if not 0 < number < self._settled:
            raise UnknownTask(f"no task {name[:80]!r} was accepted here; see: engine tasks")
        raise ResultGone(
            f"task {name} has ended, and its result was let go: the newest {RESULTS:,} and {RESULTS_BYTES >> 20} MiB are kept, "
            f"of dead letters {LETTERS:,} and {LETTERS_BYTES >> 20} MiB"
        )

    def known(self, key: str) -> tuple[int, int] | None:
        """First number and count of a submission that was accepted under a key."""
        return self._keys.get(key)

    def is_letter(self, number: int) -> bool:
        """Whether a task is a dead letter of which no other attempt is being written down."""
        return number in self.letters and number not in self._requeued

    @property
    def mark(self) -> int:
        """The section of the lowest number whose end is not written down: workers may forget what they answered below it."""
        while self._lowest < self._settled and self._is_ended(self._lowest):
            self._lowest += 1
        return self._lowest >> PLACE_BITS

    def _is_ended(self, number: int) -> bool:
        task = self.tasks.get(number)
        return task is None or task.ended_s is not None

    # -- drafts --------------------------------------------------------------------------------------------------------

    def draft(self, submissions: Sequence[Submission], now_s: float, key: str = "") -> Draft:
        """Tasks that shall be accepted; their numbers follow each other. Raises IntakeFull, BadArgument."""
        tasks = [
            Task(
                self._next + at,
                name,
                agent,
                method,
                None if argument is None else exact(argument),
                now_s,
                deadline_s,
                life=self.life,
            )
            for at, (name, agent, method, argument, deadline_s) in enumerate(submissions)
        ]
        return self._held(Draft(tasks, key))

    def draft_again(self, letters: Sequence[Task], now_s: float) -> Draft:
        """Another attempt of tasks that failed, under numbers of their own. Raises NotRequeued, IntakeFull."""
        for old in letters:
            if not self.is_letter(old.number):
                state = (
                    f"requeued as {self.id_of(old.next)}" if old.next else old.state if old.error is None else "requeued now"
                )
                raise NotRequeued(f"task {self.id_of(old.number)} is {state}; for those that can be see: engine dlq ls")
        tasks = [
            Task(
                self._next + at, old.name, old.agent, old.method, old.argument, now_s, old.deadline_s,
                of=old.number, prior=old.attempts, attempts=old.attempts, life=self.life,
            )
            for at, old in enumerate(letters)
        ]  # fmt: skip
        draft = self._held(Draft(tasks))
        self._requeued.update(old.number for old in letters)
        return draft

    def _held(self, draft: Draft) -> Draft:
        if draft.size_bytes > SUBMISSION_BYTES:
            raise BadArgument(f"a submission has {draft.size_bytes:,} bytes, up to {SUBMISSION_BYTES:,} are accepted at once")
        self._check_room(len(draft.tasks), draft.size_bytes)
        self._next += len(draft.tasks)
        self.held += len(draft.tasks)
        self.held_bytes += draft.size_bytes
        return draft

    def _check_room(self, count: int, size_bytes: int) -> None:
        if self.held + count > OPEN_TASKS or self.held_bytes + size_bytes > OPEN_BYTES:
            raise IntakeFull(
                f"{self.held:,} tasks of {self.held_bytes / 2**20:,.0f} MiB are open, {count:,} more of "
                f"{size_bytes / 2**20:,.0f} MiB would be too many: up to {OPEN_TASKS:,} and {OPEN_BYTES >> 20} MiB are accepted"
            )
        if self._next + count - self._oldest() > SPAN_TASKS:
            raise IntakeFull(
                f"{self.id_of(self._oldest())} is open since {SPAN_TASKS:,} tasks were accepted: wait for it or cancel it first"
            )

    def _oldest(self) -> int:
        _ = self.mark
        return self._lowest

    # -- what is written down ------------------------------------------------------------------------------------------

    def rows(self, change: Change) -> Iterator[tuple[str, list[str], list[int | str], list[Any]]]:
        """The records of a change: kind, fields, keys and rows; no fields where the keys are gone."""
        tasks = [task for draft in change.drafts for task in draft.tasks]
        endings = [_end_row(one.task, one) for one in change.endings]
        letters = [self.tasks[task.of] for task in tasks if task.of in self.tasks]
        again = {task.of: task.number for task in tasks}
        keys = {draft.key: [draft.tasks[0].number, len(draft.tasks)] for draft in change.drafts if draft.key}
        if tasks:
            yield TASK, TASK_FIELDS, [task.number for task in tasks], [_task_row(task) for task in tasks]
        if endings:
            yield END, END_FIELDS, [one.task.number for one in change.endings], endings
        if letters:
            rows = [[*_end_row(old)[:-1], again[old.number]] for old in letters]
            yield END, END_FIELDS, [old.number for old in letters], rows
        if keys:
            yield KEY, ["first", "count"], list(keys), list(keys.values())
        if change.gone:
            yield TASK, [], list(change.gone), []
            yield END, [], list(change.gone), []
        if change.gone_keys:
            yield KEY, [], list(change.gone_keys), []
        yield META, META_FIELDS, ["counts"], [self._meta(change)]

    def _meta(self, change: Change) -> list[Any]:
        ended = dict(self.ended)
        for one in change.endings:
            ended[one.state] += 1
        count = sum(len(draft.tasks) for draft in change.drafts)
        last = change.drafts[-1].tasks[-1].number + 1 if change.drafts else self._settled
        return [self.session, self.life, last, self.accepted + count, *ended.values()]

    def apply(self, change: Change) -> Change:
        """A change is written down: it counts. Returns what is kept no more because of it."""
        more = Change()
        for draft in change.drafts:
            self.accepted += len(draft.tasks)
            self._settled = draft.tasks[-1].number + 1
            for task in draft.tasks:
                self.tasks[task.number] = task
                if task.of is not None:
                    self._was_requeued(task.of, task.number)
            if draft.key:
                self._keys[draft.key] = (draft.tasks[0].number, len(draft.tasks))
        for one in change.endings:
            self._end(one)
        more.gone = self.results.overflow() + self.letters.overflow()
        for number in more.gone:
            del self.tasks[number]
        while len(self._keys) > KEYS:
            more.gone_keys.append(next(iter(self._keys)))
            del self._keys[more.gone_keys[-1]]
        return more

    def _was_requeued(self, number: int, by: int) -> None:
        self._requeued.discard(number)
        old = self.tasks.get(number)
        if old is not None:
            old.next = by
            old.argument = None
            self.letters.take(number)
            self.results.put(number, old.size_bytes)

    def _end(self, ending: Ending) -> None:
        task, state, ended_s, value, error = ending
        self.ended[state] += 1
        self.held -= 1
        self.held_bytes -= task.size_bytes
        task.state, task.ended_s, task.value, task.error = state, ended_s, value, error
        self._shelve(task)

    def _shelve(self, task: Task) -> None:
        if task.state == "failed" and task.next is None:
            self.letters.put(task.number, task.size_bytes)
        else:
            task.argument = None
            self.results.put(task.number, task.size_bytes)

    def refuse(self, drafts: Iterable[Draft]) -> None:
        """Drafts that could not be written down: their numbers are never used."""
        for draft in drafts:
            self._settled = draft.tasks[-1].number + 1
            self.held -= len(draft.tasks)
            self.held_bytes -= draft.size_bytes
            self._requeued.difference_update(task.of for task in draft.tasks if task.of is not None)

    # -- what was written down -----------------------------------------------------------------------------------------

    @classmethod
    def restored(cls, items: Iterable[tuple[str, int | str, dict[str, Any]]], session: str) -> tuple[Register, Change]:
        """The register of a journal that was read, in a new life of it, and what is kept no more. session: of a new one.

        Raises StateUnreadable for counts that its tasks do not have.
        """
        kept: dict[str, dict[Any, dict[str, Any]]] = {META: {}, TASK: {}, END: {}, KEY: {}}
        for kind, key, state in items:
            kept.setdefault(kind, {})[key] = state
        try:
            return cls._restored(kept, session)
        except (KeyError, TypeError, ValueError) as error:
            raise StateUnreadable(f"the journal of tasks cannot be read: {error!r}") from error

    @classmethod
    def _restored(cls, kept: dict[str, dict[Any, dict[str, Any]]], session: str) -> tuple[Register, Change]:
        meta = kept[META].get("counts")
        if meta is None:
            return cls(session), Change()
        found = cls(_session(meta["session"]), meta["life"] + 1)
        found.accepted, found.ended = meta["accepted"], {state: meta[state] for state in ENDED}
        found._next = found._settled = meta["next"]
        for number in sorted(kept[TASK]):
            found.tasks[number] = _task_of(number, kept[TASK][number], found.life)
        for number, end in sorted(kept[END].items(), key=lambda item: (item[1]["ended_s"], item[0])):
            task = found.tasks[number]
            _take_end(task, end)
            found._shelve(task)
        for task in found.tasks.values():
            if task.ended_s is None:
                found.held += 1
                found.held_bytes += task.size_bytes
        for key, state in sorted(kept[KEY].items(), key=lambda item: item[1]["first"]):
            found._keys[key] = (state["first"], state["count"])
        if found.held != found.open or not all(0 < number < found._next for number in found.tasks):
            raise ValueError(f"{found.held} open tasks are there, the counts say {found.open}")
        return found, found.apply(Change())


def _session(text: Any) -> str:
    if type(text) is not str or len(bytes.fromhex(text)) != SESSION_BYTES:
        raise ValueError(f"no session: {text!r:.40}")
    return text


def _task_row(task: Task) -> list[Any]:
    argument = None if task.argument is None else orjson.Fragment(task.argument)
    return [
        task.name, task.agent, task.method, argument, task.accepted_s, task.deadline_s, task.of, task.prior, task.life
    ]  # fmt: skip


def _end_row(task: Task, ending: Ending | None = None) -> list[Any]:
    _, state, ended_s, value, error = ending or Ending(task, task.state, task.ended_s or 0.0, task.value, task.error)
    shown = None if value is None else orjson.Fragment(value)
    return [state, task.started_s, ended_s, task.attempts, shown, None if error is None else list(error), task.next]


def _task_of(number: int, state: dict[str, Any], life: int) -> Task:
    argument = state["argument"]
    facts = {name: state[name] for name in TASK_FIELDS if name != "argument"}
    task = Task(number, argument=None if argument is None else exact(argument), **facts)
    task.attempts = task.prior + life - task.life  # it was offered once in each life before this one
    return task


def _take_end(task: Task, end: dict[str, Any]) -> None:
    task.state, task.started_s, task.ended_s = end["state"], end["started_s"], end["ended_s"]
    task.attempts, task.next, task.is_ending = end["attempts"], end["next"], True
    task.error = None if end["error"] is None else Failure(*end["error"])
    if task.state == "done":
        task.value = exact(end["value"])
    if task.state not in ENDED:
        raise ValueError(f"task {task.number} ended as {task.state!r:.40}")
