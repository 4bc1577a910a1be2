"""Agents of a worker that are not as the others: on trial, parked, or failing again and again.

Owns what a worker does for its sick. An agent on trial runs each task in a process of its own until some ended well; a parked
one takes none until it is released; one that fails in the same way again and again gets a new object with its state. What is
decided for an agent is the supervisor's business (`healing`); here it is carried out, and found.
"""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pools.address import Key
from pools.channel import Channel
from pools.context import Office
from pools.errors import (
    BadField,
    BadReply,
    Interrupted,
    OutboxFull,
    PoolError,
    StateTooLarge,
    StateUnreadable,
    TaskFailed,
    UnknownKind,
    failure_of,
)
from pools.gauges import RESTARTED
from pools.handover import put_on_record
from pools.interruption import Interruption
from pools.isolation import Isolation
from pools.logbook import Logbook
from pools.message import STATUS
from pools.mishaps import Mishaps
from pools.residents import Residents
from pools.scales import Scales
from pools.watched import watch_tasks

__all__ = ["PARKED", "RELAPSES", "RELAPSE_S", "TRIAL", "TRIAL_TASKS", "Ward", "open_ward"]

#: What an agent is: on trial, or parked.
TRIAL, PARKED = "trial", "parked"
#: Findings of an agent on trial after which it is parked, by its `restart_kind`.
PARKED_AT = {"temporary": 1, "transient": 3, "permanent": None}

#: Failures of one sort after which an agent is replaced, and the seconds in which they count.
RELAPSES, RELAPSE_S = 3, 60.0
#: Tasks that must end well before an agent on trial runs among the others again.
TRIAL_TASKS = 3
UNREADABLE = "unreadable"
#: Errors of the engine's own that are the doing of the agent whose task failed.
ITS_OWN = (TaskFailed, BadField, BadReply, OutboxFull, StateTooLarge)
#: Characters of an error's text that are told: a line or two.
CAUSE_CHARS = 200
#: Agents whose failures are remembered, and sorts of failures that were told.
REMEMBERED = 1_000


class Ward:
    """The sick of a worker.

    kinds: the agents that live here.  isolation: runs tasks alone.  clock_s: monotonic seconds.  found: told what was
    found: the finding, the agent's address, the method, the task's number, the cause, a stack sample.  logbook: takes
    how an agent stands before it gets another object.  cells: its worker's row of gauges.
    """

    def __init__(
        self,
        kinds: Mapping[str, Residents],
        isolation: Isolation,
        clock_s: Callable[[], float],
        found: Callable[..., None],
        logbook: Logbook,
        cells: memoryview,
    ) -> None:
        self._kinds = kinds
        self._cells = cells
        self._logbook = logbook
        self.isolation = isolation
        self._clock_s = clock_s
        self.found = found
        self.scales = Scales()
        #: What the engine may order here.
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "apart": self.apart,
            "release": self.release,
            "weigh": self.scales.turn,
            "heaviest": self.scales.heaviest,
            "ping": lambda _order: True,
            "record": lambda order: put_on_record(self._kinds, self._logbook, order),
        }
        #: What went wrong with whom.
        self.mishaps = Mishaps(time.time)
        self._failures: dict[tuple[str, Key], tuple[str, int, float]] = {}
        self._told: dict[tuple[str, str], float] = {}

    # -- what is ordered -----------------------------------------------------------------------------------------------

    def apart(self, order: dict[str, Any]) -> str:
        """Put an agent on trial, or park it where there were as many findings as its kind allows; returns which of both.

        findings: of this agent, since it was well.  reason: of the last of them, in words.
        """
        residents, key = self._meant(order)
        self._record(residents, key, str(order["reason"]))
        at = PARKED_AT[residents.kind.made.restart_kind]
        if at is not None and order["findings"] >= at:
            residents.apart.pop(key, None)
            residents.parked[key] = str(order["reason"])
            self.found(PARKED, f"{residents.kind.name}/{key}", "", "", str(order["reason"]), "")
        else:
            residents.parked.pop(key, None)
            residents.apart[key] = TRIAL_TASKS
        residents.evict(key)
        return PARKED if key in residents.parked else TRIAL

    def release(self, order: dict[str, Any]) -> int:
        """Let an agent be as the others."""
        residents, key = self._meant(order)
        residents.parked.pop(key, None)
        residents.apart.pop(key, None)
        return 1

    def _meant(self, order: dict[str, Any]) -> tuple[Residents, Key]:
        residents = self._kinds.get(order["kind"])
        if residents is None:
            raise UnknownKind(f"no kind {order['kind']!r} here")
        return residents, order["key"]

    # -- what happens --------------------------------------------------------------------------------------------------

    def failed(self, residents: Residents, key: Key, method: str, task_id: str, error: BaseException) -> None:
        """A task of an agent failed. What the engine refuses to take is no sickness of the agent that was asked.

        That a task was interrupted, or ended its process, is found by who did it, or saw it.
        """
        if isinstance(error, StateUnreadable) and self._failures.get((residents.kind.name, key), ("",))[0] != UNREADABLE:
            self._remember((residents.kind.name, key), UNREADABLE, 1, self._clock_s())
            self.found("unreadable", f"{residents.kind.name}/{key}", method, task_id, str(error), "")
        if isinstance(error, Interrupted) or (isinstance(error, PoolError) and not isinstance(error, ITS_OWN)):
            return
        sort = f"{method}: {error.type if isinstance(error, TaskFailed) else type(error).__name__}"
        now_s = self._clock_s()
        name = (residents.kind.name, key)
        before, count, began_s = self._failures.pop(name, ("", 0, now_s))
        if before != sort or now_s - began_s > RELAPSE_S:
            count, began_s = 0, now_s
        self._remember(name, sort, count + 1, began_s)
        failure = failure_of(error)
        cause = f"{failure.type}: {failure.message}"[:CAUSE_CHARS]
        self.mishaps.note(*name, method, task_id, cause)
        if not count and self._is_news((residents.kind.name, sort), now_s):
            self.found("raised", f"{residents.kind.name}/{key}", method, task_id, cause, "")
        if count + 1 != RELAPSES:
            self._cells[RESTARTED] += 1
        else:
            cause = f"failed {RELAPSES} times with {sort.partition(': ')[2]} in {now_s - began_s:.0f} s"
            self._record(residents, key, cause)
            residents.evict(key)
            self.found("relapsed", f"{residents.kind.name}/{key}", method, task_id, cause, "")

    def _record(self, residents: Residents, key: Key, reason: str) -> None:
        """Put on record how an agent stands, if it is here: with what its task has changed so far, where one is under way."""
        agent, turn = residents.object_of(key), residents.busy.get(key)
        if agent is None:
            return
        running, context = (None, None) if turn is None or turn.is_alone else (turn.running, turn.context)
        method = running.method.name if running is not None and running.method is not None else ""
        self._logbook.replaced(residents.kind, agent, reason, task="" if context is None else context.task_id, method=method)

    def _is_news(self, sort: tuple[str, str], now_s: float) -> bool:
        """Whether a sort of failure of a kind's agents is to be told: once a minute."""
        if now_s - self._told.get(sort, -RELAPSE_S) < RELAPSE_S:
            return False
        if len(self._told) >= REMEMBERED:
            self._told.clear()
        self._told[sort] = now_s
        return True

    def _remember(self, name: tuple[str, Key], sort: str, count: int, began_s: float) -> None:
        if len(self._failures) >= REMEMBERED:
            del self._failures[next(iter(self._failures))]
        self._failures[name] = sort, count, began_s

    def ended_well(self, residents: Residents, key: Key) -> None:
        """A task of an agent on trial ended well: the last of some releases it."""
        left = residents.apart.get(key, 0) - 1
        if left > 0:
            residents.apart[key] = left
        elif residents.apart.pop(key, None) is not None:
            self.found("recovered", f"{residents.kind.name}/{key}", "", "", f"{TRIAL_TASKS} tasks ended well", "")


def open_ward(
    kinds: Mapping[str, Residents],
    loop: AbstractEventLoop,
    office: Office,
    cells: memoryview,
    channel: Channel | None,
) -> tuple[Ward, int]:
    """A worker's ward, and the descriptor of its stack samples; from now on its tasks can be interrupted.

    channel: where findings are told, without waiting for what is to be kept.
    """

    def found(what: str, *facts: str) -> None:
        if channel is not None and channel.is_open:
            channel.send(STATUS, {"verb": "finding", "finding": [what, *facts]})

    def interrupted(*facts: str) -> None:
        loop.call_soon_threadsafe(partial(found, "interrupted", *facts, "", ""))

    interruption = Interruption(cells, interrupted)
    interruption.listen()
    watch_tasks(loop, cells, time.monotonic_ns)
    return Ward(kinds, Isolation(office, found), time.monotonic, found, office.logbook, cells), interruption.sample
