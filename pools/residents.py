"""The agents of one kind that live in one worker.

Owns which agents there are (ranges and names), which of them are objects now, and the state of those asleep. An agent is
made at its first task and put to sleep when it stood idle through a whole sweep; nothing is stored or counted per task
for that: two generations of one table do it. It runs no task.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32

import orjson

from checkpoints.errors import CheckpointError
from pools.address import Key
from pools.agent import Agent
from pools.errors import AgentMoving, AgentQuarantined, BadField, StateUnreadable
from pools.kind import Fresh, Kind
from pools.spans import Span, cut
from pools.whereabouts import moving

if TYPE_CHECKING:
    from checkpoints.store import Store
    from checkpoints.table import Rows

__all__ = ["Residents"]

#: Types of a row that is a whole state: scalars, several fields, a state by name. A change of a state has a type of its own.
_WHOLE = frozenset({int, float, bool, str, list, dict})


class Residents:
    """One kind's agents.

    owned: the shards of the pool whose agents live here.  shards: how many the pool has.
    live: the objects that were used since the last sweep; a lookup that misses goes through `wake`.
    busy: what runs or waits, for agents with an unfinished task; they are not in `live` meanwhile.
    apart: agents on trial, whose tasks run in processes of their own, and how many have to end well; never in `live` for long.
    parked: agents that take no tasks, and why.  moving: those that were given out to another engine, and take none either.
    """

    def __init__(self, kind: Kind, *, owned: frozenset[int], shards: int) -> None:
        self.kind = kind
        self.live: dict[Key, Agent] = {}
        self.busy: dict[Key, Any] = {}
        self.apart: dict[Key, int] = {}
        self.parked: dict[Key, str] = {}
        self.moving: set[Key] = set()
        self.made = 0
        self._tired: set[Key] = set()
        self._old: dict[Key, Agent] = {}
        self._doomed: dict[Key, Agent] = {}
        self._asleep: dict[Key, Any] = {}
        self._store: Store | None = None
        self._kept: Rows | None = None
        self._starts: list[int] = []
        self._ranges: list[Span] = []
        self._names: set[str] = set()
        self._owned = owned
        self._owns_all = len(owned) == shards
        self._prefix = crc32(f"{kind.name}/".encode())
        self._shards = shards
        self._fresh = kind.save(kind.make(0))

    def keep_in(self, store: Store) -> None:
        """Look for the state of an agent that is not here in a store; what the store has in memory is asleep here."""
        self._store = store
        self._kept = store.rows(self.kind.name)
        self._asleep = cast("dict[Key, Any]", self._kept.rows)

    def add_range(self, start: int, stop: int) -> None:
        """The agents start to stop - 1 exist from now on."""
        at = bisect_right(self._starts, start)
        if at and self._ranges[at - 1][1] == start:
            self._ranges[at - 1] = Span(self._ranges[at - 1][0], stop)
            return
        self._starts.insert(at, start)
        self._ranges.insert(at, Span(start, stop))

    def add_names(self, names: Iterable[str]) -> None:
        """The agents with these keys exist from now on."""
        self._names.update(names)

    def cut(self, start: int, stop: int) -> None:
        """The agents start to stop - 1 exist no more."""
        cut(self._starts, self._ranges, start, stop, lambda _span, first, last: Span(first, last))

    def cut_names(self, names: Iterable[str]) -> None:
        """The agents with these keys exist no more."""
        self._names.difference_update(names)

    def drop(self, key: Key) -> bool:
        """Forget the object of an agent and what is known of its state; returns whether there was anything."""
        self.apart.pop(key, None)
        self.parked.pop(key, None)
        self.moving.discard(key)
        found = [self.live.pop(key, None), self._old.pop(key, None), self._doomed.pop(key, None)]
        return any(one is not None for one in (*found, self._asleep.pop(key, None)))

    def object_of(self, key: Key) -> Agent | None:
        """The object of an agent that has one now."""
        if key in self.busy:
            agent: Agent = self.busy[key].agent
            return agent
        return next((table[key] for table in (self.live, self._old, self._doomed) if key in table), None)

    def owns(self, key: Key) -> bool:
        """Whether an agent of this key belongs to this worker, if there is one."""
        return self._owns_all or self.shard(key) in self._owned

    def exists(self, key: Key) -> bool:
        """Whether such an agent was spawned and belongs to this worker."""
        return self._is_spawned(key) and (self._owns_all or self.shard(key) in self._owned)

    def owned(self, keys: Iterable[Key]) -> Iterable[Key]:
        """Those of some keys that belong to this worker, if there are such agents."""
        if self._owns_all:
            return keys
        prefix, shards, owned = self._prefix, self._shards, self._owned
        return [key for key in keys if crc32(str(key).encode(), prefix) % shards in owned]

    def _is_spawned(self, key: Key) -> bool:
        """Whether such an agent was spawned, here or elsewhere: one whose state is here is one of here."""
        if type(key) is int:
            at = bisect_right(self._starts, key)
            return at > 0 and key < self._ranges[at - 1][1]
        return key in self._names

    def shard(self, key: Key) -> int:
        """The shard that an agent belongs to: `shard_of` its address, the kind's part of it computed once."""
        return crc32(str(key).encode(), self._prefix) % self._shards

    def check(self, key: Key) -> None:
        """Raises AgentMoving, AgentQuarantined for an agent that takes no tasks."""
        if key in self.moving:
            raise moving(self.kind.name, key)
        if key in self.parked:
            raise AgentQuarantined(
                f"{self.kind.name}/{key} is in quarantine: {self.parked[key]}; "
                f"see: engine agents quarantine show {self.kind.name}/{key}"
            )

    def wake(self, key: Key) -> Agent | None:
        """The object of an idle agent that `live` does not have; None where there is no such agent. Raises as `check`."""
        agent = None
        if self.parked or self.moving:
            self.check(key)
        if self._old:
            agent = self._old.pop(key, None)
        if agent is None and self._doomed:
            agent = self._doomed.pop(key, None)
        if agent is None:
            saved = self._asleep.pop(key, None) if self._asleep else None
            if type(saved) is bytes:
                agent = self.kind.wake(key, saved)
            elif type(saved) is _Unrecorded:
                agent = self.kind.wake(key, bytes(saved))
                agent._committed = Fresh(agent._committed)
            elif type(saved) in _WHOLE and self._is_spawned(key):
                agent = self._restored(key, saved)
            elif self.exists(key):
                agent = self._found(key, saved) if self._store is not None else self.kind.make(key)
            else:
                if saved is not None:
                    self._asleep[key] = saved  # it was kept, and is not spawned again yet
                return None
            self.made += 1
        self.live[key] = agent
        return agent

    def _restored(self, key: Key, row: Any) -> Agent:
        """The agent of a whole row, which was taken out. Raises StateUnreadable, with the row back."""
        try:
            return self.kind.wake_from(key, self._kept.fields if self._kept is not None else [], row)
        except BaseException as error:
            self._asleep[key] = row
            if isinstance(error, BadField | ValueError):
                raise StateUnreadable(f"{self.kind.name}/{key}: {error}") from error
            raise

    def _found(self, key: Key, row: Any) -> Agent:
        """The agent as the store has it, a new one where it has none. Raises StateUnreadable, with all as it was."""
        store, kept = self._store, self._kept
        if store is None or kept is None or key is None:
            return self.kind.make(key)
        if row is not None:
            self._asleep[key] = row
        try:
            if not store.find(self.kind.name, key):
                return self.kind.make(key)
            agent = self.kind.wake_from(key, kept.fields, self._asleep[key])
        except (CheckpointError, BadField, ValueError) as error:
            raise StateUnreadable(f"{self.kind.name}/{key}: {error}") from error
        del self._asleep[key]
        return agent

    def handed_over(self) -> Iterator[tuple[Key, bytes | dict[str, Any]]]:
        """The states that differ from a new agent's, of agents that are not busy, as `Kind.save` has them.

        One of other fields that cannot be woken is by name, as it came.
        """
        for table in (self.live, self._old, self._doomed):
            for key, agent in table.items():
                saved = self.kind.save(agent)
                if saved != self._fresh:
                    yield key, saved
        for key, row in self._asleep.items():
            yield key, bytes(row) if isinstance(row, bytes) else self._converted(key, row)

    def take_in(self, names: list[str], keys: list[Key], rows: list[list[Any]], *, is_own: bool = True) -> None:
        """Have these states, of agents that have none here. names: of the fields, as the process before knew them.

        is_own: whether they were checked as the fields of a class; others are when they are woken.
        """
        if is_own and names == self.kind.names:
            self._asleep.update(zip(keys, map(orjson.dumps, rows), strict=True))
        else:
            self._asleep.update((key, dict(zip(names, row, strict=True))) for key, row in zip(keys, rows, strict=True))

    def arrive(self, key: Key, saved: bytes) -> None:
        """Have the state of an agent that comes from another engine, as `Kind.save` has it."""
        self.drop(key)
        self._asleep[key] = saved

    def kept_states(self) -> Iterator[tuple[Key, bytes]]:
        """The states of all agents that have one in the store or as an object; what cannot be read stays as it is."""
        self.parked.clear()
        self.moving.clear()
        for key in self.keys():
            try:
                agent = self.object_of(key)
                if (
                    agent is None
                    and key is not None
                    and self._store is not None
                    and (key in self._asleep or self._store.find(self.kind.name, key))
                ):
                    agent = self.wake(key)
            except (CheckpointError, StateUnreadable):
                continue
            if agent is not None:
                yield key, self.kind.save(agent)

    def _converted(self, key: Key, row: dict[str, Any]) -> bytes | dict[str, Any]:
        """A state that came from the process before, in the fields of this one where it can be."""
        try:
            return self.kind.save(self.kind.wake_from(key, [], row))
        except (StateUnreadable, BadField, ValueError):
            return row

    def wake_idle(self, key: Key) -> Agent | None:
        """The same; None also for an agent that is busy or on trial, or that cannot be woken: `wake` tells why."""
        try:
            return None if key in self.busy or key in self.apart else self.wake(key)
        except (StateUnreadable, AgentMoving, AgentQuarantined):
            return None

    def evict(self, key: Key) -> None:
        """Put one agent to sleep, once it is not busy: its next task finds a new object with its state."""
        if key in self.busy:
            self._tired.add(key)
        for table in (self.live, self._old, self._doomed):
            agent = table.pop(key, None)
            if agent is not None:
                self._put_to_sleep(key, agent)

    def rest(self, agent: Agent) -> None:
        """A busy agent is busy no more."""
        key = agent._key
        self.busy.pop(key, None)
        self.live[key] = agent
        if key in self._tired or key in self.apart or key in self.parked:
            self._tired.discard(key)
            self.evict(key)

    def keys(self) -> Iterator[Key]:
        """Every agent that lives here, awake or not."""
        every = self._owns_all
        for start, stop in self._ranges:
            yield from (key for key in range(start, stop) if every or self.shard(key) in self._owned)
        yield from (name for name in sorted(self._names) if every or self.shard(name) in self._owned)

    def warm(self, keys: Iterable[Key]) -> int:
        """Make the objects of these agents now; returns how many were made."""
        before = self.made
        for key in keys:
            if not (key in self.live or key in self.busy or key in self.apart or key in self.parked or key in self.moving):
                self.wake(key)
        return self.made - before

    @property
    def live_count(self) -> int:
        """Agents that are objects now."""
        return len(self.live) + len(self._old) + len(self._doomed) + len(self.busy)

    @property
    def asleep_count(self) -> int:
        """Agents whose state differs from a new agent's and is kept without an object."""
        return len(self._asleep)

    def status(self, key: Key) -> str | None:
        """`run`, `idle`, `asleep` (its state is kept), `dormant` (as it was spawned), `quarantined`; None for no such agent."""
        if key in self.busy:
            return "run"
        if key in self.parked:
            return "quarantined"
        if key in self.live or key in self._old or key in self._doomed:
            return "idle"
        if key in self._asleep:
            return "asleep"
        return "dormant" if self.exists(key) else None

    def tables(self) -> Iterator[tuple[str, Sequence[Collection[Key]]]]:
        """Where the agents of each status are found, as `status` looks for them; who is in none of these is dormant."""
        yield "run", (self.busy,)
        yield "quarantined", (self.parked,)
        yield "idle", (self.live, self._old, self._doomed)
        yield "asleep", (self._asleep,)

    def spawned(self) -> Iterator[Sequence[Key]]:
        """The agents that were spawned, here or elsewhere: ranges, then names."""
        yield from (range(start, stop) for start, stop in self._ranges)
        if self._names:
            yield list(self._names)

    def state(self, key: Key) -> dict[str, Any]:
        """An agent's fields as they stand now, nobody woken for it. Raises CheckpointError.

        While a task runs this is how far it has come.
        """
        agent = self.object_of(key)
        if agent is not None:
            return dict(zip(self.kind.names, orjson.loads(self.kind.save(agent)), strict=True))
        saved = self._asleep.get(key)
        if isinstance(saved, bytes):
            return dict(zip(self.kind.names, orjson.loads(bytes(saved)), strict=True))
        if type(saved) is dict:
            return saved
        kept = None if self._store is None or key is None else self._store.state(self.kind.name, key)
        return dict(zip(self.kind.names, orjson.loads(self._fresh), strict=True)) if kept is None else kept

    def sweep(self) -> None:
        """Begin a sweep: what was idle since the one before is put to sleep by `doze`, bit by bit."""
        self._doomed.update(self._old)
        self._old = self.live
        self.live = {}

    def doze(self, count: int) -> bool:
        """Put up to so many agents of a sweep to sleep; returns whether more are left."""
        for _ in range(min(count, len(self._doomed))):
            self._put_to_sleep(*self._doomed.popitem())
        return bool(self._doomed)

    def _put_to_sleep(self, key: Key, agent: Agent) -> None:
        try:
            saved = self.kind.save(agent)
        except ValueError:
            self.live[key] = agent
            return
        if not self.kind.is_light and type(agent._committed) is Fresh:
            saved = _Unrecorded(saved)
        if saved != self._fresh or self._store is not None:
            self._asleep[key] = saved


class _Unrecorded(bytes):
    """A saved state of which nothing was recorded as it is now: the next record must have all of it."""

    __slots__ = ()
