"""The tasks that every side of a measurement runs, with the replies that a right engine gives. A seed makes them, outside
of any clock; it never sends one. Below: nothing. Above: the yardsticks and every workload that counts tasks."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AGENTS", "SEED", "Call", "Passes", "TaskList", "mixed_tasks", "once_each", "turn_tasks"]

#: agents that the throughput and latency workloads spread their tasks over.
AGENTS = 5_000

#: one history for every side and every run.
SEED = 20_260

#: largest argument of `add`; small, so that totals stay short numbers on the wire.
MOST_ADDED = 7

Task = tuple[Any, ...]
Call = tuple[str, str, int | None]


@dataclass(frozen=True, slots=True)
class TaskList:
    """Tasks in the order in which they are submitted.

    calls: `(address, method, argument)`, the argument None for a method without one: what a yardstick is given.
    tasks: the same as `(address, method, *arguments)`: what the engine is given.
    replies: what each one returns when the agents start at zero.
    added: how much a whole pass adds to the agent of each task, so that pass p returns `replies + p * added`.
    """

    calls: list[Call]
    tasks: list[Task] = field(repr=False)
    replies: list[int]
    added: list[int]

    def __len__(self) -> int:
        return len(self.calls)

    def split(self, parts: int) -> list[TaskList]:
        """The same tasks by worker: the agent with number i belongs to part i modulo `parts`."""
        owners = [int(key.rpartition("/")[2]) % parts for key, _, _ in self.calls]
        return [self._only([at for at, owner in enumerate(owners) if owner == part]) for part in range(parts)]

    def replies_of_pass(self, number: int) -> list[int]:
        """The replies of pass `number`, from 0, when nothing else has touched the agents."""
        if number == 0:
            return list(self.replies)
        return [reply + number * added for reply, added in zip(self.replies, self.added, strict=True)]

    def _only(self, at: list[int]) -> TaskList:
        return TaskList(
            calls=[self.calls[i] for i in at],
            tasks=[self.tasks[i] for i in at],
            replies=[self.replies[i] for i in at],
            added=[self.added[i] for i in at],
        )


@dataclass(slots=True)
class Passes:
    """How often a side has run a list: the next pass's replies follow from it."""

    tasks: TaskList
    done: int = 0

    def check(self, got: Sequence[object]) -> None:
        """Count one pass as run when each reply is the right one.

        got: a reply per task, in the order of the list.  Raises ValueError that names the first wrong or missing one.
        """
        wanted = self.tasks.replies_of_pass(self.done)
        if list(got) != wanted:
            at = next((i for i, pair in enumerate(zip(got, wanted, strict=False)) if pair[0] != pair[1]), len(got))
            if at >= len(wanted):
                raise ValueError(f"{len(got)} replies to {len(wanted)} tasks")
            reply = got[at] if at < len(got) else "nothing"
            raise ValueError(f"task {at} {self.tasks.tasks[at]} returned {reply!r}, not {wanted[at]!r}")
        self.done += 1


def mixed_tasks(count: int, *, agents: int = AGENTS, seed: int = SEED) -> TaskList:
    """`count` tasks on agents picked at random, half of them `add(x)`, half `get()`."""
    rng = random.Random(seed)
    return _task_list(_names(agents), rng.choices(range(agents), k=count), _amounts(rng, count))


def turn_tasks(count: int, *, agents: int = AGENTS, seed: int = SEED) -> TaskList:
    """`count` tasks over the agents in turn, half of them `add(x)`, half `get()`."""
    rng = random.Random(seed)
    return _task_list(_names(agents), [number % agents for number in range(count)], _amounts(rng, count))


def once_each(first: int, stop: int, *, amount: int = 0) -> TaskList:
    """One task for each agent with a number from `first` up to `stop`: `add(amount)`, or `get()` for 0."""
    names = [f"counter/{number}" for number in range(first, stop)]
    return _task_list(names, list(range(stop - first)), [amount] * (stop - first))


def _names(agents: int) -> list[str]:
    return [f"counter/{number}" for number in range(agents)]


def _amounts(rng: random.Random, count: int) -> list[int]:
    return rng.choices([*range(1, MOST_ADDED + 1), *[0] * MOST_ADDED], k=count)


def _task_list(names: list[str], picks: list[int], amounts: list[int]) -> TaskList:
    """amounts: what the task adds to the agent with that number; 0 asks for its total."""
    totals = [0] * len(names)
    replies = []
    for pick, amount in zip(picks, amounts, strict=True):
        totals[pick] += amount
        replies.append(totals[pick])
    calls: list[Call] = [
        (names[pick], "add", amount) if amount else (names[pick], "get", None)
        for pick, amount in zip(picks, amounts, strict=True)
    ]
    return TaskList(
        calls=calls,
        tasks=[call[:2] if call[2] is None else call for call in calls],
        replies=replies,
        added=[totals[pick] for pick in picks],
    )
