"""What the pools of an engine may use of the machine, kept in force while it runs.

Owns the share of the cpu that each pool asks for, and the look at the memory each second. What happens past a limit is the
pool's business.
"""

from __future__ import annotations

import asyncio
import os
import time
from asyncio import Future
from collections.abc import Callable, Sequence

from pools.cgroup import CpuTree, find_tree, remove_stale
from pools.pool import Pool
from pools.share import CpuShare

__all__ = ["Limits"]

#: Seconds between two looks at the pools' memory.
WATCH_S = 1.0


class Limits:
    """The limits of all pools of one engine. name: the engine's.  seconds: called each second, with monotonic seconds."""

    def __init__(self, name: str, pools: Sequence[Pool], seconds: Sequence[Callable[[float], None]]) -> None:
        self._seconds = seconds
        self._name = name
        self._pools = pools
        self._watcher: asyncio.TimerHandle | None = None
        self._admissions: set[Future[None]] = set()

    def enforce(self) -> None:
        """Put every pool that asks for a share of the machine under it, and look at the memory from now on."""
        asking = [pool for pool in self._pools if pool.spec.cpu is not None]
        if asking:
            tree = find_tree()
            if isinstance(tree, CpuTree):
                remove_stale(tree, self._name)
            for pool in asking:
                pool.cpu = CpuShare(pool.spec, self._name, tree, len(os.sched_getaffinity(0)))
            for pool in asking:  # behind all of the above: while the kernel moves a process it makes no group
                self.admit(pool, *(seat.pid for seat in pool.seats if seat.pid is not None))
        self._watcher = asyncio.get_running_loop().call_later(WATCH_S, self._watch)

    def admit(self, pool: Pool, *pids: int) -> None:
        """Put processes under their pool's share, once that is in force; the kernel may take 20 ms for it."""
        if pool.cpu is not None:
            admission = asyncio.get_running_loop().run_in_executor(None, pool.cpu.admit, *pids)
            self._admissions.add(admission)
            admission.add_done_callback(self._admissions.discard)

    def _watch(self) -> None:
        self._watcher = asyncio.get_running_loop().call_later(WATCH_S, self._watch)
        for pool in self._pools:
            pool.watch_memory()
        for call in self._seconds:
            call(time.monotonic())

    def forget(self) -> None:
        """Look at nothing any more."""
        if self._watcher is not None:
            self._watcher.cancel()

    async def lift(self) -> None:
        """Take the shares away, after the workers have ended."""
        await asyncio.gather(*self._admissions)
        for pool in self._pools:
            if pool.cpu is not None:
                pool.cpu.remove()
