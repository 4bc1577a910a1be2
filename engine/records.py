"""What of the register stands in the journal, as rows of fields.

Owns their names and order, and the way back: a later version reads what an earlier one wrote. Which rows are written when is
the register's business, as bytes they are the journal's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from engine.names import Former
from engine.options import PLAIN, options_of
from engine.task import ENDED, Ending, Task, Try, exact
from pools.errors import Failure

if TYPE_CHECKING:
    from engine.change import Change

__all__ = ["END", "KEY", "META", "NAME", "TASK", "Rows", "ended_task", "numbers_of", "read_name", "read_task", "rows_of_change"]

#: Kinds of the journal's records.
META, TASK, END, KEY, NAME = "meta", "task", "end", "key", "name"
META_FIELDS = ["session", "life", "next", "accepted", *ENDED]
TASK_FIELDS = [
    "name", "agent", "method", "argument", "accepted_s", "deadline_s", "of", "prior", "life", "after", "options", "is_any",
    "check", "retried",
]  # fmt: skip
END_FIELDS = ["state", "started_s", "ended_s", "attempts", "value", "error", "next", "ready_s", "tries", "effects", "ran_s"]
NAME_FIELDS = list(Former._fields)
KEY_FIELDS = ["first", "count", "numbers"]


class Rows(NamedTuple):
    """Records of one kind.

    fields: of whole rows; empty where the keys are gone; None where rows have changed fields by name.
    """

    kind: str
    fields: list[str] | None
    keys: list[int | str]
    rows: list[Any]


def rows_of_change(change: Change, meta: list[Any], known: Mapping[int, Task]) -> Iterator[Rows]:
    """The records of a change. meta: the counts then.  known: tasks by number, of which some are tried again."""
    tasks = [task for draft in change.drafts for task in draft.tasks]
    olds = [(known[task.of], task.number) for task in tasks if task.of is not None and task.of in known]
    keys: dict[int | str, Any] = {draft.key: _numbers_row(draft.numbers) for draft in change.drafts if draft.key}
    if tasks:
        yield Rows(TASK, TASK_FIELDS, [task.number for task in tasks], [_task_row(task) for task in tasks])
    if change.moved:
        moves = [{"agent": task.agent, "retried": task.retried} for task in change.moved]
        yield Rows(TASK, None, [task.number for task in change.moved], moves)
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
    yield Rows(META, META_FIELDS, ["counts"], [meta])


def _task_row(task: Task) -> list[Any]:
    argument = None if task.argument is None else orjson.Fragment(task.argument)
    return [
        task.name, task.agent, task.method, argument, task.accepted_s, task.deadline_s, task.of, task.prior, task.life,
        task.after, None if task.options is PLAIN else task.options.as_dict(), task.is_any, task.check, task.retried,
    ]  # fmt: skip


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
    task.attempts = task.prior + task.retried + life - task.life  # it was offered once in each life before this one
    return task


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
