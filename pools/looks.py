"""What a worker tells of its agents to whoever looks at them: what some do, which of them are meant, and everything about one.

Owns the form of these answers and their size. It wakes nobody and changes nothing. Who is asked about which agents is decided
in the engine's process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import orjson

from checkpoints.errors import CheckpointError
from pools.address import Key
from pools.candidates import candidates, search_of
from pools.job import Turn, Waiting
from pools.logbook import Checkpoint, Logbook
from pools.mishaps import Mishaps
from pools.residents import Residents
from pools.ward import Ward

__all__ = ["Looks"]

#: Bytes of a state as JSON that are told, and of one field of it: a few screens.
STATE_BYTES, FIELD_BYTES = 64 * 1024, 8 * 1024
#: Tasks of a mailbox that are told of, and checkpoints.
MAILBOX, CHECKPOINTS = 100, 20
#: Bytes of what a checkpoint says, as JSON, that are told.
SAID_BYTES = 1_024


class _Doing:
    """What the agents of a worker do."""

    def __init__(self, kinds: Mapping[str, Residents], mishaps: Mishaps) -> None:
        self._kinds = kinds
        self._mishaps = mishaps

    def __call__(self, kind: str, key: Key) -> tuple[str, int, int]:
        residents = self._kinds[kind]
        turn: Turn | None = residents.busy.get(key)
        return residents.status(key) or "unknown", 0 if turn is None else len(turn.mailbox), self._mishaps.count(kind, key)

    def numbers(self, kind: str, sort: str) -> Mapping[Key, int]:
        if sort == "restarts":
            return self._mishaps.counts(kind)
        return {key: len(turn.mailbox) for key, turn in self._kinds[kind].busy.items() if turn.mailbox}


class Looks:
    """The looks at one worker's agents.

    keep: holds a task that looks at many of them.  clock_ns: monotonic nanoseconds.
    """

    def __init__(
        self,
        kinds: Mapping[str, Residents],
        ward: Ward,
        logbook: Logbook,
        keep: Callable[[asyncio.Task[Any]], asyncio.Task[Any]],
        clock_ns: Callable[[], int],
    ) -> None:
        self._kinds = kinds
        self._mishaps = ward.mishaps
        self._doing = _Doing(kinds, ward.mishaps)
        self._logbook = logbook
        self._keep = keep
        self._clock_ns = clock_ns
        #: What the engine may ask.
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "agents": self.agents,
            "candidates": self.candidates,
            "agent": self.agent,
        }

    def agents(self, order: dict[str, Any]) -> list[list[Any]]:
        """What some agents of a kind do: status, tasks in the mailbox, and how often each was taken back."""
        kind: str = order["kind"]
        if kind not in self._kinds:
            return [["unknown", 0, 0] for _ in order["keys"]]
        return [list(self._doing(kind, key)) for key in order["keys"]]

    def candidates(self, order: dict[str, Any]) -> asyncio.Task[dict[str, Any]]:
        """Which agents are meant, as `candidates` has them. Raises BadArgument."""
        facts = {name: order[name] for name in ("kind", "filter", "statuses", "sort", "most", "is_descending")}
        looking = candidates(self._kinds, self._doing, search_of(**facts))
        return self._keep(asyncio.get_running_loop().create_task(looking))

    # -- one -----------------------------------------------------------------------------------------------------------

    def agent(self, order: dict[str, Any]) -> dict[str, Any] | None:
        """Everything about one agent, None where its kind is not loaded here.

        state: its fields; those that are too large to be told are in `omitted`, with their bytes.  running, mailbox: method and
        number of tasks.  apart: tasks that have to end well before it runs among the others again.
        """
        kind, key = order["kind"], order["key"]
        residents = self._kinds.get(kind)
        if residents is None:
            return None
        status, waiting, restarts = self._doing(kind, key)
        turn: Turn | None = residents.busy.get(key)
        return {
            "status": status,
            "waiting": waiting,
            "restarts": restarts,
            "apart": residents.apart.get(key, 0),
            "parked": residents.parked.get(key, ""),
            "running": None if turn is None or turn.running is None else self._running(turn, turn.running),
            "mailbox": [] if turn is None else [_named(task) for task in islice(turn.mailbox, MAILBOX)],
            "failures": self._mishaps.last(kind, key),
            "checkpoints": self._checkpoints(kind, key),
            **_state(residents, key),
        }

    def _running(self, turn: Turn, task: Waiting) -> dict[str, Any]:
        said = {**_named(task), "for_s": round((self._clock_ns() - turn.began_ns) / 1e9, 3), "is_alone": turn.is_alone}
        return {**said, "name": "" if turn.context is None else turn.context.task_id}

    def _checkpoints(self, kind: str, key: Key) -> list[dict[str, Any]]:
        """The newest records that its tasks made, without the state in them."""
        if key is None:
            return []
        told = []
        for waypoint in self._logbook.waypoints.of(kind, key)[: -CHECKPOINTS - 1 : -1]:
            said = Checkpoint.of(waypoint)._asdict()
            del said["state"]
            large = [name for name, value in said.items() if len(orjson.dumps(value)) > SAID_BYTES]
            told.append(said | dict.fromkeys(large))
        return told


def _named(task: Waiting) -> dict[str, Any]:
    """A task by its method, and the section and the place that it came in."""
    places = task.job.places
    at = task.position if places is None else places[task.position]
    return {"method": "" if task.method is None else task.method.name, "section": task.job.number, "position": at}


def _state(residents: Residents, key: Key) -> dict[str, Any]:
    try:
        state = residents.state(key)
    except (CheckpointError, ValueError) as error:
        return {"state": None, "omitted": {}, "unreadable": str(error)}
    told: dict[str, Any] = {}
    omitted: dict[str, int] = {}
    left = STATE_BYTES
    for name, value in state.items():
        size_bytes = len(orjson.dumps(value))
        if size_bytes > min(FIELD_BYTES, left):
            omitted[name] = size_bytes
        else:
            told[name] = value
            left -= size_bytes
    return {"state": told, "omitted": omitted, "unreadable": ""}
