"""What of the register stands in the journal, as rows of fields.

Owns their names and order, and the way back: a later version reads what an earlier one wrote. Which rows are written when is
the register's business, as bytes they are the journal's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from engine.names import Former
from engine.options import PLAIN, options_of
from engine.rows import Rows
from engine.task import ENDED, Ending, Task, Try, exact
from pools.errors import Failure

if TYPE_CHECKING:
    from engine.change import Change

__all__ = [
    "END", "KEY", "META", "NAME", "PART", "TASK", "ended_task", "numbers_of", "part_of", "read_name", "read_part",
    "read_task", "rows_of_change",
]  # fmt: skip

#: Kinds of the journal's records.
META, TASK, END, KEY, NAME, PART = "meta", "task", "end", "key", "name", "part"
META_FIELDS = ["session", "life", "next", "accepted", *ENDED]
TASK_FIELDS = [
    "name", "agent", "method", "argument", "accepted_s", "deadline_s", "of", "prior", "life", "after", "options", "is_any",
    "check", "retried",
]  # fmt: skip
END_FIELDS = ["state", "started_s", "ended_s", "attempts", "value", "error", "next", "ready_s", "tries", "effects", "ran_s"]
PART_FIELDS = ["whole", "agent", "method", "argument", "life", "retried"]
NAME_FIELDS = list(Former._fields)
KEY_FIELDS = ["first", "count", "numbers"]


def rows_of_change(change: Change, meta: list[Any], known: Mapping[int, Task]) -> Iterator[Rows]:
    """The records of a change. meta: the counts then.  known: tasks by number, of which some are tried again."""
    tasks = [task for draft in change.drafts for task in draft.tasks]
    olds = [(known[task.of], task.number) for task in tasks if task.of is not None and task.of in known]
    keys: dict[int | str, Any] = {draft.key: _numbers_row(draft.numbers) for draft in change.drafts if draft.key}
    if tasks:
        yield Rows(TASK, TASK_FIELDS, [task.number for task in tasks], [_task_row(task) for task in tasks])
    yield from _moves(TASK, [task for task in change.moved if task.whole is None])
    yield from _rows_of_parts(change)
    if change.dropped:
        yield Rows(END, None, [task.number for task in change.dropped], [{"next": 0}] * len(change.dropped))
    if change.endings:
        rows = [_end_row(one.task, one) for one in change.endings]
        yield Rows(END, END_FIELDS, [one.task.number for one in change.endings], rows)
    if olds:
        yield Rows(END, END_FIELDS, [old.number for old, _ in olds], [_end_row(old, after=number) for old, number in olds])
    if keys:
        yield Rows(KEY, KEY_FIELDS, list(keys), list(keys.values()))
    if change.gone:
        yield Rows(TASK, [], list(change.gone), [])
        yield Rows(END, [], list(change.gone), [])
    if change.gone_keys:
        yield Rows(KEY, [], list(change.gone_keys), [])
    if change.former:
        yield Rows(NAME, NAME_FIELDS, list(change.former), [list(former) for former in change.former.values()])
    if change.gone_names:
        yield Rows(NAME, [], list(change.gone_names), [])
    yield from change.counted
    yield Rows(META, META_FIELDS, ["counts"], [meta])


def _rows_of_parts(change: Change) -> Iterator[Rows]:
    """What tasks are done in: written down before it is offered, gone with their end."""
    parts = [part for draft in change.drafts for part in draft.parts]
    if parts:
        yield Rows(PART, PART_FIELDS, [part.number for part in parts], [_part_row(part) for part in parts])
    yield from _moves(PART, [task for task in change.moved if task.whole is not None])
    over: list[int | str] = [part.number for one in change.endings for part in one.task.parts or ()]
    if over:
        yield Rows(PART, [], over, [])


def _moves(kind: str, moved: Sequence[Task]) -> Iterator[Rows]:
    if moved:
        rows = [{"agent": task.agent, "retried": task.retried} for task in moved]
        yield Rows(kind, None, [task.number for task in moved], rows)


def _task_row(task: Task) -> list[Any]:
    argument = None if task.argument is None else orjson.Fragment(task.argument)
    return [
        task.name, task.agent, task.method, argument, task.accepted_s, task.deadline_s, task.of, task.prior, task.life,
        task.after, None if task.options is PLAIN else task.options.as_dict(), task.is_any, task.check, task.retried,
    ]  # fmt: skip


def _part_row(part: Task) -> list[Any]:
    argument = None if part.argument is None else orjson.Fragment(part.argument)
    whole = 0 if part.whole is None else part.whole.number
    return [whole, part.agent, part.method, argument, part.life, part.retried]


def _end_row(task: Task, ending: Ending | None = None, after: int | None = None) -> list[Any]:
    kept = Ending(task, task.state, task.ended_s or 0.0, task.value, task.error, task.effects, task.ran_s)
    _, state, ended_s, value, error, effects, ran_s = ending or kept
    return [
        state,
        task.started_s,
        ended_s,
        task.attempts,
        None if value is None else orjson.Fragment(value),
        None if error is None else list(error),
        task.next if after is None else after,
        task.ready_s,
        [list(each) for each in task.tries],
        effects,
        ran_s,
    ]


def read_task(number: int, state: dict[str, Any], life: int) -> Task:
    """A task as it was accepted, in a later life of the journal. Raises KeyError, TypeError, ValueError."""
    argument = state["argument"]
    task = Task(
        number,
        state["name"],
        state["agent"],
        state["method"],
        None if argument is None else exact(argument),
        state["accepted_s"],
        state["deadline_s"],
        tuple(state.get("after") or ()),
        options_of(state.get("options") or {}),
        bool(state.get("is_any")),
        state.get("check") or 0,
        state["of"],
        state["prior"],
        state["life"],
    )
    task.retried = state.get("retried") or 0
    is_offered = not task.is_any or "/" in task.agent  # an agent was chosen for it, if need be
    task.attempts = task.prior + task.retried + (life - task.life if is_offered else 0)  # once in each life before this one
    return task


def part_of(whole: Task, number: int, method: str, argument: bytes | None, life: int) -> Task:
    """A task that another one is done in; it runs as that one was to run, at any agent of its kind."""
    part = Task(number, None, whole.wanted, method, argument, whole.accepted_s, options=whole.options, is_any=True, life=life)
    part.whole, part.urgency = whole, whole.urgency
    return part


def read_part(number: int, state: dict[str, Any], tasks: Mapping[int, Task], life: int) -> Task:
    """A part of one of these tasks, in a later life of the journal. Raises KeyError, TypeError, ValueError."""
    argument = state["argument"]
    part = part_of(tasks[state["whole"]], number, state["method"], None if argument is None else exact(argument), state["life"])
    part.agent, part.retried = state["agent"], state["retried"]
    part.attempts = part.retried + life - part.life
    return part


def ended_task(task: Task, end: dict[str, Any]) -> None:
    """Have a task ended as it did. Raises KeyError, TypeError, ValueError."""
    task.state, task.started_s, task.ended_s = end["state"], end["started_s"], end["ended_s"]
    task.attempts, task.next, task.is_ending = end["attempts"], end["next"], True
    task.ready_s = end.get("ready_s")
    task.tries = tuple(Try(*each) for each in end.get("tries") or ())
    task.effects, task.ran_s = end.get("effects"), end.get("ran_s")
    task.error = None if end["error"] is None else Failure(*end["error"])
    if task.state == "done":
        task.value = exact(end["value"])
    if task.state not in ENDED:
        raise ValueError(f"task {task.number} ended as {task.state!r:.40}")


def read_name(state: dict[str, Any]) -> Former:
    """What a name stood for. Raises KeyError."""
    return Former(*(state[name] for name in NAME_FIELDS))


def _numbers_row(numbers: Sequence[int]) -> list[Any]:
    """The numbers of a submission: the first and how many, where they follow each other."""
    return [numbers[0], len(numbers), None if type(numbers) is range else list(numbers)]


def numbers_of(state: dict[str, Any]) -> Sequence[int]:
    """The numbers of the tasks of a submission. Raises KeyError."""
    numbers: list[int] | None = state.get("numbers")
    return range(state["first"], state["first"] + state["count"]) if numbers is None else numbers
