"""A pool's share of the machine's cpu in force: a control group where one can be made, a nice value where none can.

Owns the choice between the two and says what was asked for and cannot be had. Never starts, watches or ends a worker:
the pool above hands in pids and takes the share away when its workers have ended. Below it stand the control groups.
"""

from __future__ import annotations

import errno
import math
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from pools.cgroup import NoTree, make_group, move_into

if TYPE_CHECKING:
    from pathlib import Path

    from pools.cgroup import CpuTree
    from pools.spec import PoolSpec

__all__ = ["CpuShare", "nice_for"]

#: What one step of nice changes: a process gets 1.25 times the cpu of one that is a step nicer (sched(7)).
NICE_STEP = 1.25
#: The nicest value that the kernel knows.
NICE_MOST = 19


class CpuShare:
    """One pool's share: hand it each worker with `admit`, take it away with `remove` when they have ended.

    how: `cgroup v1`, `cgroup v2`, `nice` or `none`.  unavailable: why it is not a group; None where nothing is missing.
    """

    def __init__(self, spec: PoolSpec, engine: str, tree: CpuTree | NoTree, cores: int) -> None:
        """Put the share that a pool asks for in force for every worker that will be admitted to it.

        engine: the engine's name, without dots.  cores: of the whole machine, which `spec.cpu` is a share of.
        """
        self.how = "none"
        self.nice = 0
        self.unavailable: str | None = None
        self._is_hard = spec.cpu_hard
        self._group: Path | None = None
        self._tree = tree
        if spec.cpu is not None:
            self.how = "nice"
            self.nice = nice_for(spec.cpu, cores, spec.workers)
            self._try_group(spec, engine, spec.cpu * cores)

    def admit(self, *pids: int) -> None:
        """Put workers under the share, all their threads; one that has ended already is passed over."""
        for pid in pids:
            self._admit(pid)

    def _admit(self, pid: int) -> None:
        if self._group is not None:
            try:
                move_into(self._group, pid)
            except ProcessLookupError:
                return
            except OSError as refused:
                self.how = "nice"
                self.unavailable = f"worker {pid} cannot be moved into {self._group}: {refused.strerror}"
        if self.how == "nice":
            _renice(pid, self.nice)

    def remove(self) -> bool:
        """Take the group away; False while the kernel still counts a process in it, then the next start removes it."""
        if self._group is None or isinstance(self._tree, NoTree):
            return True
        try:
            self._tree.remove(self._group)
        except FileNotFoundError:
            pass
        except OSError:
            return False
        self._group = None
        return True

    def describe(self) -> str:
        """One line for people: what is in force, and what was asked for and is not."""
        if self.how == "none":
            return "no share asked for"
        if self.how != "nice":
            return f"{self.how}, {'capped' if self._is_hard else 'weighted'}"
        missing = "hard cap unavailable" if self._is_hard else "cgroup unavailable"
        return f"nice {self.nice}; {missing}: {self.unavailable}"

    def _try_group(self, spec: PoolSpec, engine: str, cores: float) -> None:
        if isinstance(self._tree, NoTree):
            self.unavailable = self._tree.reason
            return
        try:
            self._group = make_group(self._tree, engine, spec.name, cores, is_hard=spec.cpu_hard)
            self.how = f"cgroup v{self._tree.version}"
        except OSError as refused:
            self.unavailable = f"{refused.filename}: {refused.strerror}"
            if refused.errno == errno.EBUSY:
                self.unavailable += "; other processes are in the engine's group: start it in a delegated unit"


def nice_for(share: float, cores: int, workers: int) -> int:
    """The nice value at which each worker gets about its part of the share beside a process of nice 0.

    0 where a worker's part is a core or more: nothing below 0 is open to a plain user.
    """
    part = share * cores / workers
    return 0 if part >= 1 else min(NICE_MOST, round(-math.log(part, NICE_STEP)))


def _renice(pid: int, nice: int) -> None:
    """Make every thread of a worker nicer than this process; one that has ended is passed over."""
    wanted = min(NICE_MOST, os.getpriority(os.PRIO_PROCESS, 0) + nice)
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.setpriority(os.PRIO_PROCESS, int(thread), wanted)
