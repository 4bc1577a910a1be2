"""What is told of accepted tasks: a page of them, everything about one, and why it stands as it does.

Owns the form of these objects, and where a task's time went. Pure: it reads the register, and what a task says of itself.
Whether a worker or a breaker holds it up is known above.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import orjson

from engine.options import Reference
from engine.register import Register
from engine.task import STATES, Task
from pools.errors import BadArgument

__all__ = ["Account"]

#: Tasks that one waits for of which it is told in a list of many, and where it is the only one.
WAITED_FEW, WAITED = 5, 100
#: More tasks than there will ever be, and what iterators can count to.
NUMBERS = 2**62
#: Bytes of arguments that are told with why a task stands as it does.
ARGUMENT_BYTES = 10_000


class Account:
    """What is known of the tasks of a register. wall_s: seconds since 1970."""

    def __init__(self, register: Register, wall_s: Callable[[], float]) -> None:
        self._register = register
        self._wall_s = wall_s

    # -- one -----------------------------------------------------------------------------------------------------------

    def result(self, task: Task) -> dict[str, Any]:
        """What became of a task that has ended, with its value or its error."""
        shown: dict[str, Any] = {"id": self._register.id_of(task.number), "state": task.state}
        if task.value is not None:
            shown["value"] = orjson.Fragment(task.value)
        if task.error is not None:
            shown["error"] = list(task.error)
        return shown

    def facts(self, task: Task, waited: int = WAITED) -> dict[str, Any]:
        """Everything that is known of a task, but for its value and its arguments. Times in seconds since 1970.

        waiting_for: what it waits for still, `waited` of them by name.  due_s: before when it does not begin.
        progress: 0 to 1, as it said last.  retried: further attempts that its options gave it.
        effects, ran_s: what it changed, by name, and how long its method ran, in seconds; null where that was not asked for.
        """
        id_of = self._register.id_of
        left = self._register.dependencies.waiting_for(task) if task.state == "waiting" else []
        return {
            "id": id_of(task.number),
            "name": task.name,
            "state": task.state,
            "agent": task.agent,
            "is_any": task.is_any,
            "method": task.method,
            "attempts": task.attempts,
            "retried": task.retried,
            "accepted_s": task.accepted_s,
            "ready_s": task.ready_s,
            "due_s": task.due_s if task.state == "waiting" and not left else None,
            "started_s": task.started_s,
            "ended_s": task.ended_s,
            "deadline_s": task.deadline_s,
            "progress": task.progress,
            "options": task.options.as_dict() | ({"after": task.after[:waited]} if task.after else {}),
            "waiting_for": left[:waited],
            "waiting_for_count": len(left),
            "effects": task.effects,
            "ran_s": task.ran_s,
            "cause": None if task.error is None else task.error.as_dict(),
            "requeue_of": None if task.of is None else id_of(task.of),
            "requeued_as": id_of(task.next) if task.next else None,
        }

    def letter(self, task: Task) -> dict[str, Any]:
        """A dead letter with its arguments."""
        argument = None if task.argument is None else orjson.Fragment(task.argument)
        return {**self.facts(task), "args": argument}

    # -- many ----------------------------------------------------------------------------------------------------------

    def page(self, skip: int, limit: int, only: Mapping[str, str | None] | None = None) -> list[dict[str, Any]]:
        """Tasks, the newest first. only: those with this `state`, `tag`, `tenant` or `kind`; None is any.

        Raises BadArgument for a state that there is not, and for numbers that are none.
        """
        for name, number in (("skip", skip), ("limit", limit)):
            if type(number) is not int or number < 0:
                raise BadArgument(f"{name} is a whole number, 0 or more, not {number!r:.40}")
        wanted = {name: value for name, value in (only or {}).items() if value is not None}
        state = wanted.get("state")
        if state is not None and state not in STATES:
            raise BadArgument(f"a task is {', '.join(STATES[:-1])} or {STATES[-1]}, not {state!r:.40}")
        tasks: Iterable[Task] = reversed(self._register.tasks.values())
        start, stop = min(skip, NUMBERS), min(skip + limit, NUMBERS)
        return [self.facts(task, WAITED_FEW) for task in islice(_those(tasks, wanted), start, stop)]

    def letters(self, skip: int, limit: int) -> list[dict[str, Any]]:
        """Dead letters, the newest first."""
        numbers = reversed(self._register.letters.numbers())
        return [self.facts(self._register.tasks[number], WAITED_FEW) for number in islice(numbers, skip, skip + limit)]

    # -- why -----------------------------------------------------------------------------------------------------------

    def why(self, task: Task) -> dict[str, Any]:
        """The story of a task: what it waited for, each attempt, and where its time went, in seconds.

        waited_for: each task of its `after`, up to WAITED: how it stands, when it ended, and how long it was waited for.
        attempts: those of which it is known how they went, the newest 20.  time: `total_s` is the sum of the others.
        """
        now_s = self._wall_s()
        end_s = now_s if task.ended_s is None else task.ended_s
        attempts = _attempts(task)
        argument = task.argument
        is_told = argument is not None and len(argument) <= ARGUMENT_BYTES
        return {
            "task": self.facts(task),
            "args": orjson.Fragment(argument) if argument is not None and is_told else None,
            "args_bytes": None if argument is None else len(argument),
            "waited_for": [self._waited(task, each, end_s) for each in task.after[:WAITED]],
            "waited_for_count": len(task.after),
            "attempts": attempts,
            "time": self._time(task, attempts, end_s),
            "now_s": now_s,
        }

    def _waited(self, task: Task, reference: Reference, end_s: float) -> dict[str, Any]:
        """How a task that one waits for stands."""
        other = self._register.newest(reference)
        standing = self._register.standing(reference)
        state = "unknown" if standing is None else standing if other is None or standing != "open" else other.state
        until_s = end_s if other is None or other.ended_s is None else other.ended_s
        return {
            "task": reference,
            "id": None if other is None else self._register.id_of(other.number),
            "state": state,
            "ended_s": None if other is None else other.ended_s,
            "waited_s": _between(task.accepted_s, min(until_s, _ready_s(task, end_s))),
        }

    def _time(self, task: Task, attempts: list[dict[str, Any]], end_s: float) -> dict[str, float]:
        """Where its time went.

        tasks_s: until those that it waits for had ended.  due_s: then, until it might begin (`delay_s`).  room_s: until it was
        written down and a worker took it.  attempts_s: with workers, in all attempts that are known.  between_s: between them.
        """
        total_s = _between(task.accepted_s, end_s)
        ready_s = _ready_s(task, end_s)
        ends = [other.ended_s for other in map(self._register.newest, task.after) if other is not None and other.ended_s]
        is_waiting = bool(self._register.dependencies.waiting_for(task)) if task.after else False
        last_s = ready_s if is_waiting else min(max(ends, default=task.accepted_s), ready_s)
        waited_s = _between(task.accepted_s, ready_s)
        # Without a delay what is more was spent on writing down the end of the others, or this task where there are none.
        parts_s = _between(task.accepted_s, last_s), waited_s if task.after else 0.0
        tasks_s = parts_s[0] if task.options.delay_s else parts_s[1]
        due_s = waited_s - tasks_s if task.options.delay_s else 0.0
        begun_s = attempts[0]["started_s"] if attempts else end_s
        room_s = _between(ready_s, begun_s) + waited_s - tasks_s - due_s
        attempts_s = sum(_between(each["started_s"], each["ended_s"] or end_s) for each in attempts)
        parts = {"tasks_s": tasks_s, "due_s": due_s, "room_s": room_s, "attempts_s": attempts_s}
        return {"total_s": total_s, **parts, "between_s": max(total_s - sum(parts.values()), 0.0)}


def _those(tasks: Iterable[Task], wanted: Mapping[str, str]) -> Iterator[Task]:
    """The tasks with a state, a tag, a tenant and a kind, where these are asked for."""
    state, tag, tenant, kind = (wanted.get(name) for name in ("state", "tag", "tenant", "kind"))
    for task in tasks:
        if (
            (state is None or task.state == state)
            and (tag is None or tag in task.options.tags)
            and (tenant is None or task.options.tenant == tenant)
            and (kind is None or task.agent.partition("/")[0] == kind)
        ):
            yield task


def _attempts(task: Task) -> list[dict[str, Any]]:
    """The attempts that failed, and the one that has not, or of which nothing else is known."""
    shown: list[dict[str, Any]] = [
        {
            "started_s": each.started_s,
            "ended_s": each.ended_s,
            "agent": each.agent,
            "error": {"type": each.type, "message": each.message},
        }
        for each in task.tries
    ]
    is_known = bool(task.tries) and task.tries[-1].started_s == task.started_s
    if task.started_s is not None and not is_known:
        error = None if task.error is None else task.error.as_dict()
        shown.append({"started_s": task.started_s, "ended_s": task.ended_s, "agent": task.agent, "error": error})
    return shown


def _ready_s(task: Task, end_s: float) -> float:
    """When a task had waited for everything that it had to wait for; its end, or now, where it never had."""
    return end_s if task.ready_s is None else min(task.ready_s, end_s)


def _between(start_s: float, end_s: float) -> float:
    """Seconds between two times of a clock that may have been set back."""
    return max(end_s - start_s, 0.0)
