"""Which agents there are, and where their classes are found, kept on the disk.

Owns a store of its own beside those of the workers: one record for a spawned range, however long it is. It is read once, when
an engine starts, and written before a spawn is acknowledged. What the agents have become is in the workers' stores.
"""

from __future__ import annotations

import os
import time
from asyncio import Future, get_running_loop
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from checkpoints.frame import Part
from checkpoints.store import changes_part, open_store
from pools.errors import StateUnreadable
from pools.events import Event
from pools.placement import Part as Range
from pools.placement import Placement
from pools.spec import PoolSpec

__all__ = ["Roster"]

#: The kinds of its records: the agents of a kind, a kind's class, a pool's layout, an agent that was found sick.
AGENTS, CLASS, POOL, SICK = "agents", "class", "pool", "sick"


class Roster:
    """The roster of an engine. folder: of its store.  pools: as they are configured.

    Raises CheckpointError; StateUnreadable where what is kept does not fit the pools.
    """

    def __init__(self, folder: str, pools: Sequence[PoolSpec], *, is_synced: bool) -> None:
        self._store = open_store(folder, shards=1, chance=os.urandom, is_synced=is_synced)
        self._pools = {pool.name: number for number, pool in enumerate(pools)}
        self._names = [pool.name for pool in pools]
        self._thread = ThreadPoolExecutor(1, "roster")
        #: Agents that were noted and are not on the disk: what is under way, and what failed.
        self._noting: dict[tuple[str, str], Future[int]] = {}
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
        for pool in pools:
            layout = {"shards": pool.shards, "workers": pool.workers}
            known = kept.get(pool.name)
            if known is None:
                self._store.commit([changes_part(POOL, [pool.name], [layout])], 1)
            elif known != layout:
                raise StateUnreadable(
                    f"pool {pool.name} keeps the state of {known['workers']} workers with {known['shards']} shards in all, it "
                    f"is configured with {pool.workers} and {pool.shards}: both stay as they were when its state was made"
                )

    def classes(self) -> dict[str, tuple[str, list[str]]]:
        """The reference of each kind's class, with the folders where it is found."""
        states = ((key, state) for kind, key, state in self._store.items() if kind == CLASS)
        return {str(key): (state["reference"], state["paths"]) for key, state in states}

    def restore(self, placement: Placement) -> int:
        """Place every agent where it was; returns how many."""
        for kind, key, state in self._store.items():
            if kind == AGENTS:
                ranges = [Range(self._pools[pool], start, stop) for pool, start, stop in state.get("ranges", ())]
                names = [(self._pools[pool], part) for pool, part in state.get("names", ())]
                placement.restore(str(key), ranges, names)
        return placement.count

    # -- what is new ---------------------------------------------------------------------------------------------------

    def loaded(self, kind: str, reference: str, paths: Sequence[str]) -> Future[int]:
        """Keep where a kind's class is; done when that is on the disk. Gives CheckpointError."""
        return self._put(changes_part(CLASS, [kind], [{"reference": reference, "paths": list(paths)}]))

    def ranged(self, kind: str, ranges: Sequence[Range]) -> Future[int]:
        """Keep a spawned range."""
        rows = [[self._names[part.pool], part.start, part.stop] for part in ranges]
        return self._put(changes_part(AGENTS, [kind], [{"+ranges": rows}]))

    def named(self, kind: str, names: Mapping[int, Sequence[str]]) -> Future[int]:
        """Keep agents with names."""
        rows: list[Any] = [[self._names[pool], list(part)] for pool, part in names.items()]
        return self._put(changes_part(AGENTS, [kind], [{"+names": rows}]))

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

        noting = self.named(kind, names)
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

    def _put(self, part: Part) -> Future[int]:
        return get_running_loop().run_in_executor(self._thread, self._store.commit, [part], 1)

    def close(self) -> None:
        """Write what is under way, and give the store back."""
        self._thread.shutdown()
        self._store.close()
