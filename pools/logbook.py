"""What the tasks of a worker put on record of their way: `ctx.checkpoint`, and what is written when an agent is replaced.

Owns the limits, the compare-and-set, and what the state in such a record is: the agent's fields as they stand in the middle of
the task, with what the task has changed so far. A task that fails takes its state back, and the record stays what it is:
something to read, never applied by anybody here. Which are kept is `checkpoints.waypoints`' knowledge, when they are on the
disk the ledger's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import orjson

from checkpoints.waypoints import PRE_FAILOVER, SORTS, Waypoint, Waypoints, gone_body, waypoint_body
from pools import values
from pools.address import Key
from pools.agent import Agent
from pools.complaints import say
from pools.errors import BadArgument, CheckpointConflict, CheckpointsFull, CheckpointTooLarge, PoolError
from pools.kind import Kind
from pools.spec import CHECKPOINT_BYTES, CHECKPOINTS_BYTES

if TYPE_CHECKING:
    from pools.ledger import Ledger

__all__ = ["OF_TASKS", "Checkpoint", "Logbook", "kept_in"]

#: Sorts that a task may write; the engine writes the other one.
OF_TASKS = tuple(sort for sort in SORTS if sort != PRE_FAILOVER)
#: What a record says of what, by letter of its part.
LETTERS = {"progress": "p", "partial_result": "v", "context": "c", "metadata": "m"}


class Checkpoint(NamedTuple):
    """One record, as a task reads it.

    revision: from 1, over all kinds of the agent; pre_failover has that of the one before.  kind: progress, milestone,
    pre_failover or user.  at_s: seconds since 1970.  task_id: of the task that made it, or that ran; empty where none did.
    progress: 0 to 1.  state: the agent's fields as they stood then, by name: the agent itself has that once the task is done.
    """

    revision: int
    kind: str
    at_s: float
    task_id: str
    progress: float | None
    partial_result: Any
    context: Any
    metadata: Any
    state: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The record as JSON shows it."""
        return self._asdict()

    @classmethod
    def of(cls, waypoint: Waypoint) -> Checkpoint:
        """What a waypoint says."""
        said = waypoint.facts
        rest: dict[str, Any] = {name: said.get(letter) for name, letter in LETTERS.items()}
        return cls(waypoint.revision, waypoint.sort, said["s"], said.get("t", ""), state=said["a"], **rest)


class Logbook:
    """The records of one worker's agents.

    keep: takes the body of a record, which stands in `waypoints` when it returns; where nothing is kept that is all.
    wall_s: seconds since 1970.
    """

    def __init__(
        self,
        waypoints: Waypoints | None = None,
        keep: Callable[[bytes], None] | None = None,
        *,
        when_synced: Callable[[Callable[[], None]], bool] = lambda _call: False,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self.waypoints = Waypoints() if waypoints is None else waypoints
        #: Takes the body of a record.
        self.keep = self.waypoints.fold if keep is None else keep
        #: Calls a function once all records are on the disk; False where they are, and it is not called.
        self.when_synced = when_synced
        self._wall_s = wall_s
        self._is_said = False

    def write(
        self,
        kind: Kind,
        agent: Agent,
        sort: str,
        facts: dict[str, Any],
        *,
        task: str,
        ordinal: int | None,
        expected: int | None = None,
    ) -> int:
        """Record where an agent is; returns the revision.

        facts: progress, partial_result, context, metadata.  expected: the revision that the agent's newest one must have, 0 for
        none; None takes any.
        Raises BadArgument, CheckpointConflict, CheckpointTooLarge, CheckpointsFull, with nothing recorded.
        """
        key = cast("int | str", agent._key)
        actual = self.waypoints.revision(kind.name, key)
        if expected is not None and expected != actual:
            raise CheckpointConflict(f"{agent.id} is at revision {actual}, not {expected}", actual=actual)
        wrong = values.fault(facts, "checkpoint")
        if wrong is not None:
            raise BadArgument(f"it cannot be kept: {wrong}")
        said = {LETTERS[name]: value for name, value in facts.items()}
        said |= {"s": round(self._wall_s(), 3), "t": task or None, "o": ordinal, "a": _state_of(kind, agent)}
        revision = actual + (sort != PRE_FAILOVER)  # who compares revisions sees none that no task has made
        body = waypoint_body(kind.name, key, revision, sort, said)
        if len(body) > CHECKPOINT_BYTES:
            raise CheckpointTooLarge(
                f"a checkpoint of {agent.id} would have {len(body):,} bytes as JSON with its state, "
                f"one may have {CHECKPOINT_BYTES:,}"
            )
        made, old = Waypoint(revision, sort, body), self.waypoints.replaced(kind.name, key, sort)
        self._check_room(made.size_bytes - (old.size_bytes if old else 0), sort)
        self.keep(body)
        return revision

    def _check_room(self, more_bytes: int, sort: str) -> None:
        """Whether a record fits. What the engine writes by itself leaves half of the room to those who ask for it."""
        most = CHECKPOINTS_BYTES // 2 if sort == PRE_FAILOVER else CHECKPOINTS_BYTES
        if more_bytes > 0 and self.waypoints.size_bytes + more_bytes > most:
            raise CheckpointsFull(
                f"the checkpoints of all agents of a worker may have {most:,} bytes, and have {self.waypoints.size_bytes:,}; "
                "keep less in each, or remove agents"
            )

    def replaced(self, kind: Kind, agent: Agent, reason: str, *, task: str = "", method: str = "") -> None:
        """Record how an agent stands before another object, or another process, takes its place; what cannot be is said only.

        It has what the running task said last, so that the task goes on from it as well, and the revision of that.
        reason: in words.  task, method: of what runs, empty where nothing does.
        """
        newest = self.newest(agent)
        said = newest.facts if newest is not None and task else {}
        if said.get("t") != task:
            said = {}
        facts = {name: said.get(LETTERS[name]) for name in ("progress", "partial_result", "context")}
        facts["metadata"] = {"reason": reason, "method": method} if method else {"reason": reason}
        try:
            self.write(kind, agent, PRE_FAILOVER, facts, task=task, ordinal=said.get("o"))
        except PoolError as error:
            if not self._is_said:  # there may be as many more as there are agents
                say(f"how {agent.id} stands before it is replaced is not on record, and so of others: {error}")
            self._is_said = True

    def newest(self, agent: Agent, sort: str | None = None) -> Waypoint | None:
        """An agent's newest record, of one sort or of any."""
        return self.waypoints.newest(type(agent).kind, cast("int | str", agent._key), sort)

    def forget(self, kind: str, keys: Sequence[Key]) -> None:
        """Have no records of agents that are removed."""
        gone = self.waypoints.has(kind, cast("Sequence[int | str]", keys))
        if gone:
            self.keep(gone_body(kind, gone))

    def far(self, say: Callable[[bytes], None]) -> Logbook:
        """The same in a fork, which has the worker's memory: what is recorded there is said to the worker."""

        def keep(body: bytes) -> None:
            self.waypoints.fold(body)
            say(body)

        return Logbook(self.waypoints, keep, wall_s=self._wall_s)


def kept_in(ledger: Ledger) -> Logbook:
    """The logbook of a worker whose state is kept."""
    return Logbook(ledger.store.window.waypoints, ledger.recall.waypoint, when_synced=ledger.when_synced)


def _state_of(kind: Kind, agent: Agent) -> dict[str, Any]:
    """An agent's fields as they stand now, as JSON. Raises BadArgument for a value that a field cannot hold."""
    try:
        return {field.name: orjson.Fragment(field.save(getattr(agent, field.name))) for field in kind.fields}
    except ValueError as error:
        raise BadArgument(f"the state of {agent.id} cannot be recorded: {error}") from error
