"""Which agents there are, and where their classes are found, kept on the disk.

Owns a store of its own beside those of the workers: one record for a spawned or removed range, however long it is. It is read
once, when an engine starts, and written before a spawn or a removal is acknowledged. What the agents have become is in the
workers' stores.
"""

from __future__ import annotations

import contextlib
import os
import time
from asyncio import Future, get_running_loop
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from checkpoints.errors import CheckpointError, RecordTooLarge
from checkpoints.frame import Part
from checkpoints.store import changes_part, gone_part, open_store
from pools.address import Key
from pools.errors import StateUnreadable
from pools.events import Event
from pools.pause import Pause
from pools.placement import Part as Range
from pools.placement import Placement, Taken
from pools.spec import STICKY_KEYS, PoolSpec

__all__ = ["Roster"]

#: The kinds of its records: the agents of a kind, a kind's class, a pool's layout, an agent that was found sick.
AGENTS, CLASS, POOL, SICK = "agents", "class", "pool", "sick"
#: And the agents of sticky keys, in slots of which the oldest is written anew.
STICKY = "sticky"
#: Sticky keys that are written in one commit.
AT_ONCE = 1_000
#: And which code the workers run, and which one they are being given.
CODE = "code"
#: What was done with agents of a kind: some were spawned, some removed, every worker knows of a removal.
SPAWNED, REMOVED, SETTLED = "+", "-", "."
#: And with those that change engines: they come, and are there once they were spawned; they leave, or stay after all.
COMING, LEAVING, STAYING = "<", ">", "="
#: The names of what was taken in from other engines, in slots of which the oldest is written anew.
TAKEN, TAKEN_MOST = "taken", 10_000
#: Bytes of its log from which it is folded when it is opened: reading more takes longer than a start should.
LOG_BYTES = 4 * 1024 * 1024


class Roster:
    """The roster of an engine. folder: of its store.  pools: as they are configured.

    Raises CheckpointError; StateUnreadable where what is kept does not fit the pools.
    """

    def __init__(self, folder: str, pools: Sequence[PoolSpec], *, is_synced: bool) -> None:
        self._store = open_store(folder, shards=1, chance=os.urandom, is_synced=is_synced)
        self._pools = {pool.name: number for number, pool in enumerate(pools)}
        self._names = [pool.name for pool in pools]
        self._placement: Placement | None = None
        self._rows: dict[str, _Rows] = {}
        self._thread = ThreadPoolExecutor(1, "roster")
        self.pause = Pause(self._thread, self._store.log)
        #: Agents that were noted and are not on the disk: what is under way, and what failed.
        self._noting: dict[tuple[str, str], Future[int]] = {}
        self._taken: dict[int, str] = {}
        self._taken_next = 0
        self._sticky_next = 0
        self._sticky: list[tuple[str, str, Key]] = []
        self._unkept: dict[tuple[str, str], tuple[Mapping[int, Sequence[str]], Callable[[Event], None]]] = {}
        try:
            self._check(pools)
        except BaseException:
            self.close()
            raise

    def _check(self, pools: Sequence[PoolSpec]) -> None:
        """Compare the pools with those that the state was kept for, and write down those that are new."""
        kept = {str(key): state for kind, key, state in self._store.items() if kind == POOL}
        gone = sorted(kept.keys() - self._pools.keys())
        if gone:
            raise StateUnreadable(f"{self._store.folder}: there is state of pool {', '.join(gone)}, which is not configured")
        fresh: dict[str, dict[str, int]] = {}
        for pool in pools:
            layout = {"shards": pool.shards, "workers": pool.workers}
            known = kept.get(pool.name)
            if known is None:
                fresh[pool.name] = layout
            elif known != layout:
                raise StateUnreadable(
                    f"pool {pool.name} keeps the state of {known['workers']} workers with {known['shards']} shards in all, it "
                    f"is configured with {pool.workers} and {pool.shards}: both stay as they were when its state was made; set "
                    f"workers: {known['workers']} and shards: {known['shards']} for {pool.name} in pools.yaml again, or begin "
                    "with another --name"
                )
        if fresh:
            self._store.commit([changes_part(POOL, list(fresh), list(fresh.values()))], len(fresh))

    def classes(self) -> dict[str, tuple[str, list[str]]]:
        """The reference of each kind's class, with the folders where it is found."""
        states = ((key, state) for kind, key, state in self._store.items() if kind == CLASS)
        return {str(key): (state["reference"], state["paths"]) for key, state in states}

    def restore(self, placement: Placement) -> int:
        """Place every agent where it was; returns how many. placement: of which more will be written here."""
        for kind, key, state in self._store.items():
            if kind == AGENTS:
                self._replay(placement, str(key), state)
            elif kind == TAKEN:
                self._taken[int(key)] = state["name"]
                self._taken_next = max(self._taken_next, state["at"] + 1)
        self._placement = placement
        self._fold()
        if self._store.recovered.stored_bytes >= LOG_BYTES:
            self._store.compact()
        return placement.count

    def _replay(self, placement: Placement, kind: str, state: dict[str, Any]) -> None:
        """Do what was written of a kind: what there was when it was folded, then each act in its order."""
        rows = self._of(kind)
        self._place(placement, kind, state.get("ranges", ()), state.get("names", ()))
        for skills, ranges, names in state.get("talents", ()):
            self._give(placement, kind, ranges, names, skills)
        for what, *facts in state.get("acts", ()):
            if what == SPAWNED:
                self._place(placement, kind, *facts)
            elif what == REMOVED:
                number, ranges, names = facts
                gone = [one for _, part in names for one in part]
                rows.going[number] = placement.take(kind, [(start, stop) for _, start, stop in ranges], gone)
                rows.next = number + 1
            elif what == COMING:
                number, ranges, names = facts
                rows.going[number] = self._parts(ranges), self._by_pool(names)
                rows.next = number + 1
            elif what in (LEAVING, STAYING):
                self._move(placement, kind, *facts, is_leaving=what == LEAVING)
            else:
                rows.going.pop(facts[0], None)

    def _move(self, placement: Placement, kind: str, ranges: Sequence[Any], names: Sequence[Any], *, is_leaving: bool) -> None:
        agents: dict[Key, int] = {key: part.pool for part in self._parts(ranges) for key in range(part.start, part.stop)}
        agents |= {name: pool for pool, part in self._by_pool(names).items() for name in part}
        if is_leaving:
            placement.moving.add(kind, agents)
            placement.moving.confirm(kind, agents)
        else:
            placement.moving.drop(kind, agents)

    def _parts(self, ranges: Sequence[Any]) -> list[Range]:
        return [Range(self._pools[pool], start, stop) for pool, start, stop in ranges]

    def _by_pool(self, names: Sequence[Any]) -> dict[int, list[str]]:
        return {self._pools[pool]: list(part) for pool, part in names}

    def _place(
        self, placement: Placement, kind: str, ranges: Sequence[Any], names: Sequence[Any], skills: Sequence[str] = ()
    ) -> None:
        parts = self._parts(ranges)
        placement.restore(kind, parts, [(self._pools[pool], part) for pool, part in names])
        self._give(placement, kind, ranges, names, skills)

    def _give(
        self, placement: Placement, kind: str, ranges: Sequence[Any], names: Sequence[Any], skills: Sequence[str]
    ) -> None:
        placement.talents.give(kind, frozenset(skills), self._parts(ranges), self._by_pool(names))

    def going(self) -> list[tuple[str, list[Range], dict[int, list[str]], int]]:
        """The removals that were begun and not ended: kind, ranges, names by pool, and number of each."""
        return [(kind, *taken, number) for kind, rows in self._rows.items() for number, taken in rows.going.items()]

    def _fold(self) -> None:
        """Write down what there is of the kinds that agents were removed from, in place of how it came to be.

        Then nothing names an agent that there is no more, and once the log is folded it is in no file.
        """
        for kind, rows in self._rows.items():
            if self._placement is None or not rows.next or rows.going:
                continue
            there = range(len(self._names))
            ranges = self._ranged([part for pool in there for part in self._placement.parts_of(kind, pool)])
            names = [[self._names[pool], run] for pool, run in self._placement.runs_of(kind)]
            talents = self._placement.talents.rows(kind)
            given = [[skills, self._ranged(parts), self._named(some)] for skills, parts, some in talents]
            parts, named = self._placement.moving.lot(kind)
            acts = [[LEAVING, self._ranged(parts), self._named(named)]] if parts or named else []
            state = {"ranges": ranges, "names": names, "acts": acts, "talents": given}
            with contextlib.suppress(RecordTooLarge):  # it stays as it is
                self._store.commit([changes_part(AGENTS, [kind], [state])], 1)
                rows.next = 0

    # -- what is new ---------------------------------------------------------------------------------------------------

    def loaded(self, kind: str, reference: str, paths: Sequence[str]) -> Future[int]:
        """Keep where a kind's class is; done when that is on the disk. Gives CheckpointError."""
        return self._put(changes_part(CLASS, [kind], [{"reference": reference, "paths": list(paths)}]))

    def unloaded(self, kinds: Sequence[str]) -> Future[int]:
        """Keep that classes are not loaded again when an engine begins. Gives CheckpointError."""
        return self._put(gone_part(CLASS, kinds), records=len(kinds))

    def spawned(
        self, kind: str, ranges: Sequence[Range], names: Mapping[int, Sequence[str]], skills: Iterable[str] = ()
    ) -> Future[int]:
        """Keep agents that were spawned: ranges, and names by pool. skills: that they were given."""
        return self._act(kind, SPAWNED, self._ranged(ranges), self._named(names), *_given(skills))

    async def removed(self, kind: str, ranges: Sequence[Range], names: Mapping[int, Sequence[str]]) -> int:
        """Keep that agents are removed, which every worker has to hear of; returns the number of this removal."""
        rows = self._of(kind)
        number, rows.next = rows.next, rows.next + 1
        rows.going[number] = (list(ranges), {pool: list(part) for pool, part in names.items()})
        for one in [one for part in names.values() for one in part]:
            self._unkept.pop((kind, one), None)
        try:
            await self._act(kind, REMOVED, number, self._ranged(ranges), self._named(names))
        except BaseException:
            del rows.going[number]
            raise
        return number

    async def settled(self, kind: str, number: int) -> None:
        """Keep that every worker has heard of a removal."""
        await self._act(kind, SETTLED, number)
        del self._of(kind).going[number]

    # -- what changes engines ------------------------------------------------------------------------------------------

    async def leaving(self, kind: str, ranges: Sequence[Range], names: Mapping[int, Sequence[str]]) -> None:
        """Keep that agents were given out."""
        await self._act(kind, LEAVING, self._ranged(ranges), self._named(names))

    async def staying(self, kind: str, ranges: Sequence[Range], names: Mapping[int, Sequence[str]]) -> None:
        """Keep that they stay."""
        await self._act(kind, STAYING, self._ranged(ranges), self._named(names))

    async def coming(self, kind: str, ranges: Sequence[Range], names: Mapping[int, Sequence[str]]) -> int:
        """Keep that agents come; until they have arrived they are as removed ones of which not every worker has heard."""
        rows = self._of(kind)
        number, rows.next = rows.next, rows.next + 1
        rows.going[number] = (list(ranges), {pool: list(part) for pool, part in names.items()})
        try:
            await self._act(kind, COMING, number, self._ranged(ranges), self._named(names))
        except BaseException:
            del rows.going[number]
            raise
        return number

    async def arrived(self, kind: str, number: int, lots: Sequence[Lot], name: str) -> None:
        """Keep that all of them are there, and by which name they came. lots: ranges, names and skills."""
        acts: list[Any] = [[SETTLED, number]]
        acts += [[SPAWNED, self._ranged(parts), self._named(named), *_given(skills)] for parts, named, skills in lots]
        slot = self._taken_next % TAKEN_MOST
        taken = changes_part(TAKEN, [slot], [{"at": self._taken_next, "name": name}])
        self._taken_next += 1
        await self._put(changes_part(AGENTS, [kind], [{"+acts": acts}]), taken, records=2)
        del self._of(kind).going[number]
        self._taken[slot] = name

    def was_taken(self, name: str) -> bool:
        """Whether agents came by this name before, the last TAKEN_MOST names remembered."""
        return name in self._taken.values()

    def _act(self, kind: str, *act: Any) -> Future[int]:
        return self._put(changes_part(AGENTS, [kind], [{"+acts": [act]}]))

    def _ranged(self, ranges: Sequence[Range]) -> list[Any]:
        return [[self._names[part.pool], part.start, part.stop] for part in ranges]

    def _named(self, names: Mapping[int, Sequence[str]]) -> list[Any]:
        return [[self._names[pool], list(part)] for pool, part in names.items() if part]

    def _of(self, kind: str) -> _Rows:
        return self._rows.setdefault(kind, _Rows())

    def note(self, kind: str, names: Mapping[int, Sequence[str]], on_event: Callable[[Event], None]) -> None:
        """Keep agents with names, for nobody who waits: where that fails it is an event, until somebody asks for them."""
        fresh = {(kind, name) for part in names.values() for name in part}

        def done(kept: Future[int]) -> None:
            for one in fresh:
                self._noting.pop(one, None)
            error = None if kept.cancelled() else kept.exception()
            if error is not None:
                self._unkept |= dict.fromkeys(fresh, (names, on_event))
                on_event(Event("agents.unkept", f"an agent that was spawned is not kept: {error}", time.time()))

        noting = self.spawned(kind, [], names)
        self._noting |= dict.fromkeys(fresh, noting)
        noting.add_done_callback(done)

    def confirm(self, kind: str, name: str, call: Callable[[], None]) -> None:
        """Call a function once an agent that was noted is on the disk, at once where it is; never where that fails."""
        unkept = self._unkept.get((kind, name))
        if unkept is not None:
            names, on_event = unkept
            for part in names.values():
                for one in part:
                    self._unkept.pop((kind, one), None)
            self.note(kind, names, on_event)
        noting = self._noting.get((kind, name))
        if noting is None:
            call()
        else:
            noting.add_done_callback(lambda kept: None if kept.cancelled() or kept.exception() else call())

    def sick(self, agent: str, entry: Mapping[str, Any], on_event: Callable[[Event], None]) -> None:
        """Keep the record of an agent that was found sick; where that fails it is an event."""

        def done(kept: Future[int]) -> None:
            error = None if kept.cancelled() else kept.exception()
            if error is not None:
                on_event(Event("agents.unkept", f"what was found of {agent} is not kept: {error}", time.time()))

        self._put(changes_part(SICK, [agent], [dict(entry)])).add_done_callback(done)

    def sickness(self) -> list[tuple[str, dict[str, Any]]]:
        """The records of agents that were found sick."""
        return [(str(key), state) for kind, key, state in self._store.items() if kind == SICK]

    def code(self) -> dict[str, Any]:
        """What was kept of the code: `now`, `next`, `phase` and `back`; nothing where there was no deploy."""
        return next((state for kind, _, state in self._store.items() if kind == CODE), {})

    def coded(self, facts: Mapping[str, Any]) -> Future[int]:
        """Keep some of that. Gives CheckpointError."""
        return self._put(changes_part(CODE, ["code"], [dict(facts)]))

    def sticky(self) -> dict[tuple[str, str], Key]:
        """The agents of sticky keys by kind and key, those that were chosen first before the others."""
        kept = sorted((state["at"], state["of"]) for kind, _, state in self._store.items() if kind == STICKY)
        self._sticky_next = kept[-1][0] + 1 if kept else 0
        return {(kind, name): key for _, (kind, name, key) in kept}

    def stuck(self, kind: str, name: str, key: Key) -> None:
        """Keep the agent of a sticky key, for nobody who waits: until then it follows from who is there."""
        if not self._sticky:
            get_running_loop().call_soon(self._put_sticky)
        self._sticky.append((kind, name, key))

    def _put_sticky(self) -> None:
        sticky, self._sticky = self._sticky, []
        for at in range(0, len(sticky), AT_ONCE):
            numbers = range(self._sticky_next, self._sticky_next + len(sticky[at : at + AT_ONCE]))
            states = [{"at": number, "of": list(each)} for number, each in zip(numbers, sticky[at : at + AT_ONCE], strict=True)]
            kept = self._put(changes_part(STICKY, [number % STICKY_KEYS for number in numbers], states), records=len(numbers))
            kept.add_done_callback(lambda kept: kept.cancelled() or kept.exception())
            self._sticky_next = numbers.stop

    def _put(self, *parts: Part, records: int = 1) -> Future[int]:
        return get_running_loop().run_in_executor(self._thread, self._store.commit, parts, records)

    def close(self) -> None:
        """Write what is under way, and give the store back."""
        self._sticky = []
        self._thread.shutdown()
        with contextlib.suppress(CheckpointError):
            self._fold()
        self._store.close()


def _given(skills: Iterable[str]) -> list[list[str]]:
    return [sorted(skills)] if skills else []


#: Agents that came together with the same skills: ranges, names by pool, skills.
Lot = tuple[Sequence[Range], Mapping[int, Sequence[str]], Iterable[str]]


class _Rows:
    """What is to be known of a kind's removals: the number of the next one, and those that not every worker knows of."""

    def __init__(self) -> None:
        self.next = 0
        self.going: dict[int, Taken] = {}
