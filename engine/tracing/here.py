"""The part of an engine that is about traces.

Owns when they begin and end. An engine that traces nothing loads none of the rest of this folder.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.voices import Voices
from pools.swarm import Swarm

if TYPE_CHECKING:
    from engine.tracing.tracing import Tracing

__all__ = ["TracedHere"]


class TracedHere:
    """What an engine does for traces."""

    name: str
    _voices: Voices
    _environ: Mapping[str, str]
    #: Where spans go, while the engine runs; None where nothing is traced.
    tracing: Tracing | None = None
    #: Whether traces are wanted, and where their files go; None for the current folder.
    _is_traced: bool
    _folder: Path | None

    @abstractmethod
    def note(self, name: str, text: str) -> None:
        """Have something that happened among the events."""

    def _begin_traces(self, swarm: Swarm) -> None:
        """Record traces from now on, if they are wanted. Raises Unavailable, ConfigError; then no worker runs any more."""
        if not self._is_traced:
            return
        try:
            from engine.tracing.tracing import Tracing

            loop = asyncio.get_running_loop()

            def told(text: str) -> None:
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self.note, "trace.dropped", text)

            self.tracing = Tracing(self._environ, self.name, self._folder, told)
        except BaseException:
            swarm.kill()
            raise
        self._voices.on_span = self.tracing.hear
        swarm.trace(self.tracing.tracer)

    @staticmethod
    def _traced(swarm: Swarm) -> dict[str, Any]:
        """What accepted tasks are told of it."""
        if swarm.tracer is None:
            return {}
        from engine.tracing.flow import flow_with

        return {"flow": flow_with(swarm.tracer)}

    async def _end_traces(self) -> None:
        """Send what is left."""
        tracing, self.tracing, self._voices.on_span = self.tracing, None, None
        if tracing is not None:
            await asyncio.to_thread(tracing.close)
