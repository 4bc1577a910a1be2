"""What a worker does for agents that leave it for good, or come from elsewhere: removes them, gives them out, takes them in.

Owns the moment between two tasks in which an agent is given out: from then on it takes none, and what is told of it is all that
it will ever be here. Which agents are meant, and what is written down of that beforehand, is decided in the engine's process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from checkpoints.errors import CheckpointError
from pools.address import Key, address_of
from pools.errors import BadArgument, BadField, PoolError, StateUnreadable, failure_of
from pools.executor import Executor
from pools.logbook import Logbook
from pools.residents import Residents
from pools.upkeep import remove

if TYPE_CHECKING:
    from pools.ledger import Ledger
    from pools.outbox import Outbox

__all__ = ["Migration"]

#: Bytes of states as JSON after which no more agents are given out in one answer: with the largest state it fits into a frame.
GIVEN_BYTES = 4 * 1024 * 1024


class Migration:
    """The coming and going of one worker's agents.

    kept: where state is recorded, None where it is in memory only.  keep: holds a task that goes on by itself.
    """

    def __init__(
        self,
        kinds: Mapping[str, Residents],
        executor: Executor,
        logbook: Logbook,
        kept: tuple[Ledger, Outbox] | None,
        keep: Callable[[asyncio.Task[Any]], asyncio.Task[Any]],
    ) -> None:
        self._kinds = kinds
        self._executor = executor
        self._logbook = logbook
        self._kept = kept
        self._keep = keep
        #: What the engine may order.
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "remove": self.remove,
            "leave": self.leave,
            "stay": self.stay,
            "export": lambda order: self._later(self._export(order)),
            "import": lambda order: self._later(self._import(order)),
        }

    def _later(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Answer once everything that was recorded is synced."""
        return self._keep(asyncio.get_running_loop().create_task(work))

    def remove(self, order: dict[str, Any]) -> asyncio.Task[int]:
        """Have agents exist no more. As `upkeep.remove`."""
        residents = self._kinds[order["kind"]]
        return self._later(remove(residents, order["ranges"], order["names"], self._executor, self._logbook, self._kept))

    def leave(self, order: dict[str, Any]) -> list[Key]:
        """Have agents take no tasks any more; returns those that have none now and so do not. is_known: all do, whatever."""
        residents = self._kinds[order["kind"]]
        keys: list[Key] = order["keys"]
        if not order.get("is_known"):
            asked = self._executor.halt.asked(residents)
            keys = [key for key in keys if residents.exists(key) and key not in residents.busy and key not in asked]
        for key in keys:
            residents.moving.add(key)
            residents.evict(key)
        return keys

    def stay(self, order: dict[str, Any]) -> int:
        """Have agents take tasks again."""
        residents = self._kinds[order["kind"]]
        residents.moving.difference_update(order["keys"])
        return len(order["keys"])

    async def _export(self, order: dict[str, Any]) -> dict[str, Any]:
        """The states and timers of agents that take no tasks, as far as they fit into an answer; why some cannot be read.

        unaware: those that do take tasks, as far as this process knows.
        """
        residents = self._kinds[order["kind"]]
        rows: list[Any] = []
        unreadable: dict[str, str] = {}
        size_bytes = 0
        for key in order["keys"]:
            if key not in residents.moving or size_bytes > GIVEN_BYTES:
                continue
            address = address_of(residents.kind.name, key)
            try:
                state = residents.state(key)
            except (CheckpointError, BadField, ValueError) as error:
                unreadable[address] = str(error)
                continue
            timers = [] if self._kept is None else self._kept[1].timers(address)
            size_bytes += len(orjson.dumps([state, timers]))
            rows.append([key, state, timers])
        unaware = [key for key in order["keys"] if key not in residents.moving]
        return {"rows": rows, "unreadable": unreadable, "unaware": unaware}

    async def _import(self, order: dict[str, Any]) -> dict[str, Any]:
        """Have the states of agents that exist nowhere yet; `error` says why none of them is had."""
        residents = self._kinds[order["kind"]]
        try:
            states = [(key, self._checked(residents, key, state)) for key, state, _ in order["rows"] if state is not None]
            if self._kept is not None:
                self._record(residents, states, order["rows"])
        except PoolError as error:
            return {"error": list(failure_of(error))}
        for key, saved in states:
            residents.arrive(key, saved)
        return {"error": None}

    @staticmethod
    def _checked(residents: Residents, key: Key, state: dict[str, Any]) -> bytes:
        """A state in the fields of the class, as it is kept. Raises StateUnreadable."""
        try:
            return residents.kind.save(residents.kind.wake_from(key, [], state))
        except (BadField, ValueError, TypeError, KeyError, AttributeError) as error:
            raise StateUnreadable(f"{residents.kind.name}/{key}: {error}") from error

    def _record(self, residents: Residents, states: Sequence[tuple[Key, bytes]], rows: Sequence[Sequence[Any]]) -> None:
        if self._kept is None:
            return
        ledger, outbox = self._kept
        ledger.check()
        kind = residents.kind
        if states:
            ledger.changed(kind, {key: orjson.loads(saved) for key, saved in states})
        for key, _, timers in rows:
            if any(len(timer) != 4 for timer in timers):
                raise BadArgument(f"a timer of {kind.name}/{key} is method, argument, due and after, got {timers!r:.80}")
            outbox.stop_timers(address_of(kind.name, key).__eq__)
            outbox.set_timers(address_of(kind.name, key), timers)
