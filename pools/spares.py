"""Worker processes that are started before it is known what they will hold.

Owns the table of gauges that all workers of an engine share, where they come from, and processes that belong to nobody yet:
an interpreter takes longer to start than everything else together, so it is started first. Loads no event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pools.forkserver import ForkServer
from pools.gauges import Gauges
from pools.hearing import Hearing

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Mapping, Sequence

    from pools.process import WorkerProcess

__all__ = ["Spares"]


class Spares:
    """The source of an engine's worker processes.

    rows: workers that the engine has, which is the length of the gauges.
    environ: what they inherit.  is_kept: whether they will keep state.
    """

    def __init__(self, rows: int, environ: Mapping[str, str], *, is_kept: bool = False) -> None:
        self.gauges = Gauges(rows)
        self._environ = environ
        #: Hears what they say.
        self.hearing = Hearing()
        way: Any = {"output": self.hearing.descriptor, "is_kept": is_kept, "is_heard": True}
        self._forks = ForkServer(gauges=self.gauges.descriptor, rows=rows, environ=environ, **way)
        self._waiting: list[WorkerProcess] = []

    @property
    def forks_from(self) -> int | None:
        """The pid of the process that workers are forked from, while there is one."""
        return self._forks.pid

    def watch(self, loop: AbstractEventLoop) -> None:
        """Hear in a loop what becomes of the processes."""
        self._forks.watch(loop)
        self.hearing.watch(loop)

    def launch(self, count: int) -> None:
        """Start processes that wait for work. Raises OSError where none can be started."""
        for _ in range(count):
            self._waiting.append(self._forks.fork())

    def take(self) -> WorkerProcess:
        """A process that was started ahead, else a new one. Raises OSError where none can be started."""
        return self._waiting.pop(0) if self._waiting else self._forks.fork()

    async def probe(self, reference: str, paths: Sequence[str]) -> None:
        """Load a kind in a process that has nothing to lose. Raises KindNotLoaded, OSError."""
        from pools.probe import probe

        await probe(reference, paths, self._environ, self.hearing.descriptor)

    async def survey(self, place: str, first: Sequence[str], paths: Sequence[str]) -> list[dict[str, Any]]:
        """The facts of each kind of a module, loaded in such a process. Raises as `probe`."""
        from pools.probe import survey

        return await survey(place, first, paths, self._environ, self.hearing.descriptor)

    def close(self) -> None:
        """End what nobody took, and give the gauges back."""
        while self._waiting:
            self._waiting.pop().discard()
        self._forks.close()
        self.hearing.close()
        self.gauges.close()
