"""What a person submits: tasks, read and checked, as lines and as they travel.

Owns the fields of a task line. Who runs a task, and what becomes of it, is not known here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from engine.errors import EngineError, IntakeFull, SubmitStopped
from engine.options import (
    ANYBODY,
    FIELDS,
    NAME_CHARS,
    PLAIN,
    Options,
    Reference,
    name_of,
    options_of,
    references_of,
    seconds_of,
)
from pools import values
from pools.address import parse, valid_kind
from pools.errors import BadArgument, Overloaded, PoolError
from pools.lane import Named, is_name, sent_form

__all__ = [
    "LINE", "SUBMIT_MOST", "SUBMIT_TASKS", "Called", "Submission", "rows_of", "submission_of", "submissions_of",
    "submit_parts", "task_of",
]  # fmt: skip

#: Tasks that a sender that has many submits at once, and rows of one submission at most: what is read in one go.
SUBMIT_TASKS, SUBMIT_MOST = 1_000, 10_000
#: Seconds since 1970 that a deadline may be at: the end of the year 9999, the last that every clock can show.
DEADLINE_AT_S = 253_402_300_799.0
#: Seconds between two tries at the most, where a submitter waits for room.
AGAIN_S = 0.5
#: Fields of a plain task line.
LINE = frozenset({"id", "agent", "kind", "method", "args"})
#: Fields of a task line that are each task's own, beside what is called and sent; those of `Options` many tasks share.
OWN = frozenset({"deadline_s", "deadline_at", "after", "key", "sticky"})
WANTED = OWN | FIELDS
#: Fields of a line that waits for others, and wants nothing else.
SIMPLE = LINE | {"after"}


class Submission(NamedTuple):
    """What shall be done.

    name: what the sender calls it, None for nothing.  address: kind/key, or a kind.  argument: as it is sent.
    deadline_s: seconds after its acceptance at which it expires, None for never.  after: the tasks it waits for.
    sticky: tasks of a kind with the same one go to the same agent.  options: how it shall be run.
    deadline_at: its deadline in seconds since 1970, where it was said so; then deadline_s is what was left of it.
    """

    name: Reference | None
    address: str
    method: str
    argument: Any
    deadline_s: float | None
    after: tuple[Reference, ...] = ()
    sticky: Reference | None = None
    options: Options = PLAIN
    deadline_at: float | None = None


class Called(NamedTuple):
    """A plain task (address, method, *arguments) with what its sender calls it."""

    name: Any
    task: tuple[Any, ...]


def task_of(line: Any, fields: frozenset[str] = LINE) -> tuple[Any, tuple[Any, ...]]:
    """The id (None when it has none) and the task of a tuple or a task line. Raises BadArgument, naming the field.

    fields: those that it may have, whoever reads them.
    """
    if type(line) is tuple:
        if len(line) < 2 or type(line[0]) is not str or type(line[1]) is not str:
            raise BadArgument(f"a task is (address, method, *arguments), got {line!r:.80}")
        return None, line
    if type(line) is not dict:
        raise BadArgument(f"a task is a tuple (address, method, *arguments) or an object, got {type(line).__name__}")
    if not line.keys() <= fields:
        stranger = next(name for name in line if name not in fields)
        raise BadArgument(f"a task has no field {stranger!r}; it has agent or kind, method, and if wanted id and args")
    address, method = line.get("kind"), line.get("method")
    if "args" not in line and "agent" not in line and type(address) is str and type(method) is str and "/" not in address:
        return line.get("id"), (address, method)  # the short way for the shortest line
    address = line.get("agent", address)
    if ("agent" in line) == ("kind" in line) or type(address) is not str:
        raise BadArgument('a task names either its "agent" (kind/key) or its "kind", as text')
    if "kind" in line and "/" in address:
        raise BadArgument(f'"kind" names a kind, not an agent: use "agent": {address!r}')
    if "agent" in line and "/" not in address:
        raise BadArgument(f'"agent" names kind/key, such as {address}/0; to let the engine choose use "kind": {address!r}')
    if type(method) is not str:
        raise BadArgument('a task names its "method" as text')
    arguments = line.get("args", [])
    if type(arguments) is dict:
        return line.get("id"), (address, method, Named(arguments)) if arguments else (address, method)
    if type(arguments) is not list:
        raise BadArgument('"args" is a list of arguments or an object of them by name')
    return line.get("id"), (address, method, *arguments)


def submission_of(line: Any, wall_s: Callable[[], float] = time.time, defaults: Options = PLAIN) -> Submission:
    """What a tuple (address, method, *arguments) or a task line asks for. Raises BadArgument, BadAddress.

    defaults: the options of what a line does not say.
    """
    if type(line) is Submission:
        return line
    if type(defaults) is not Options:
        raise BadArgument(f"options are Options(…), such as Options(priority='high'), got {type(defaults).__name__}")
    if type(line) is dict and "after" in line and defaults is PLAIN and line.keys() <= SIMPLE:
        name, (address, method, *arguments) = task_of(line, SIMPLE)
        plain = _checked(name, address, method, sent_form(arguments))
        after = line["after"]
        return plain if after is None else plain._replace(after=references_of(after))
    if type(line) is dict and not line.keys() <= LINE:
        fields = {name: line[name] for name in line if name in WANTED}
        line = {name: line[name] for name in line if name not in fields}
        if fields.get("skills") and "agent" not in line and "kind" not in line:
            line["kind"] = ANYBODY
        name, (address, method, *arguments) = task_of(line)
        return _with(_checked(name, address, method, sent_form(arguments)), fields, wall_s, defaults)
    name, (address, method, *arguments) = task_of(line)
    plain = _checked(name, address, method, sent_form(arguments))
    return plain if defaults is PLAIN else _with(plain, {}, wall_s, defaults)


def submissions_of(rows: Any) -> list[Submission]:
    """The same from rows [address, method, argument, name, deadline_s] and perhaps an object of more fields, as they travel.

    Raises BadArgument, BadAddress.
    """
    if type(rows) is not list or not 0 < len(rows) <= SUBMIT_MOST:
        raise BadArgument(f"tasks are a list of 1 to {SUBMIT_MOST:,} rows")
    found = []
    for at, row in enumerate(rows):
        if type(row) is not list or not 5 <= len(row) <= 6 or type(row[0]) is not str:
            raise BadArgument(f"task {at}: a row is [address, method, argument, name, deadline_s], got {row!r:.80}")
        address, method, argument, name, deadline_s = row[:5]
        submission = _checked(name, address, method, argument)
        more = row[5] if len(row) > 5 else {}
        if type(more) is not dict or not WANTED.issuperset(more):
            raise BadArgument(f"task {at}: the sixth of a row has more fields of a task line, got {more!r:.80}")
        if deadline_s is not None:
            more["deadline_s"] = deadline_s
        found.append(_with(submission, more, time.time) if more else submission)
    return found


def _checked(name: Any, address: str, method: Any, argument: Any) -> Submission:
    if "/" in address:
        parse(address)
    elif address != ANYBODY:
        valid_kind(address)
    if (type(method) is not str or not method.isidentifier() or len(method) > NAME_CHARS) and not (
        is_name(method) and len(method) <= NAME_CHARS
    ):
        raise BadArgument(f"a method is named by a text of up to {NAME_CHARS} characters, got {method!r:.80}")
    if name is not None:
        name_of('an "id"', name)
    wrong = None if argument is None else values.fault(argument, "the argument")
    if wrong is not None:
        raise BadArgument(f"{address} {method}: {wrong}")
    return Submission(name, address, method, argument, None)


def _with(plain: Submission, fields: dict[str, Any], wall_s: Callable[[], float], defaults: Options = PLAIN) -> Submission:
    """A submission with more fields of a task line. Raises BadArgument."""
    key, sticky, after = fields.get("key"), fields.get("sticky"), fields.get("after")
    shared = None if fields.keys() <= OWN else {name: fields[name] for name in fields if name not in OWN}
    options = options_of(shared, defaults) if shared else defaults
    deadline_s = _deadline_s(fields, wall_s)
    if deadline_s is not None and options.delay_s >= deadline_s:
        raise BadArgument(
            f"it would expire after {deadline_s:g} s (deadline_s), before it may begin ({options.delay_s:g} s, delay_s)"
        )
    if sticky is not None and ("/" in plain.address or plain.address == ANYBODY):
        raise BadArgument("sticky chooses an agent of a kind: it is for tasks that name a kind")
    if options.skills and "/" in plain.address:
        raise BadArgument("skills choose an agent: they are for tasks that name a kind, or nobody")
    if plain.address == ANYBODY and not options.skills:
        raise BadArgument("a task that names nobody wants skills")
    if key is not None:
        if plain.name is not None and plain.name != key:
            raise BadArgument(f'"id" and "key" name the same task twice: {plain.name!r:.40} and {key!r:.40}')
        plain = plain._replace(name=name_of("a key", key))
    return Submission(
        plain.name,
        plain.address,
        plain.method,
        plain.argument,
        deadline_s,
        () if after is None else references_of(after),
        None if sticky is None else name_of("sticky", sticky),
        options,
        fields.get("deadline_at"),
    )


def _deadline_s(fields: dict[str, Any], wall_s: Callable[[], float]) -> float | None:
    deadline_s, at_s = fields.get("deadline_s"), fields.get("deadline_at")
    if at_s is not None:
        if deadline_s is not None:
            raise BadArgument("a task has either deadline_s, from its acceptance on, or deadline_at, since 1970")
        at_s = seconds_of("deadline_at, since 1970,", at_s, most_s=DEADLINE_AT_S)
        deadline_s = at_s - wall_s()
        if deadline_s <= 0:
            raise BadArgument(f"deadline_at is {-deadline_s:,.1f} s in the past")
    return None if deadline_s is None else seconds_of("deadline_s", deadline_s)


async def submit_parts(
    submissions: Sequence[Submission],
    submit: Callable[[Sequence[Submission]], Awaitable[list[str]]],
    at_once: int | None = None,
    wait_s: float = 0.0,
) -> list[str]:
    """Submit many tasks, SUBMIT_TASKS at a time; returns their ids. Raises SubmitStopped where only some were accepted.

    wait_s: seconds to wait for room in all, where there is none.
    """
    until_s = time.monotonic() + wait_s
    ids: list[str] = []
    at_once = at_once or SUBMIT_TASKS
    try:
        for at in range(0, len(submissions), at_once):
            ids += await _with_patience(submissions[at : at + at_once], submit, until_s)
    except (EngineError, PoolError) as error:
        if isinstance(error, SubmitStopped):
            ids += error.ids
        if not ids:
            raise
        said = f"{len(ids):,} of {len(submissions):,} tasks were accepted, then: {error}"
        raise SubmitStopped(said, ids=ids, retry_after_s=error.retry_after_s) from error
    return ids


async def _with_patience(
    part: Sequence[Submission], submit: Callable[[Sequence[Submission]], Awaitable[list[str]]], until_s: float
) -> list[str]:
    """Submit tasks, again and again while there is no room and time is left."""
    while True:
        try:
            return await submit(part)
        except (IntakeFull, Overloaded) as error:
            after_s = min(error.retry_after_s or AGAIN_S, AGAIN_S)
            if time.monotonic() + after_s > until_s:
                raise
            await asyncio.sleep(after_s)


def rows_of(submissions: Sequence[Submission]) -> list[list[Any]]:
    """Submissions as they travel."""
    return [_row(each) for each in submissions]


def _row(each: Submission) -> list[Any]:
    is_dated = each.deadline_at is not None
    row = [each.address, each.method, each.argument, each.name, None if is_dated else each.deadline_s]
    if each.after or is_dated or each.sticky is not None or each.options is not PLAIN:
        more = each.options.as_dict()
        if is_dated:
            more["deadline_at"] = each.deadline_at
        if each.after:
            more["after"] = each.after
        if each.sticky is not None:
            more["sticky"] = each.sticky
        row.append(more)
    return row
