"""A file that somebody has recorded as the source of documents, and the recording of one.

Owns both directions. What was recorded is seen as it was shown then, overview and stats; nothing can be done to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.dashboard.source import Past, Source
from engine.errors import NotRecorded
from engine.rewind.recording import Recording
from engine.rewind.scribe import Scribe

__all__ = ["ReplaySource", "TapedSource"]


class ReplaySource:
    """A recording. Raises RecordingDamaged, OSError when it is made."""

    is_live = False
    is_file = True

    def __init__(self, path: str | Path) -> None:
        self.name = Path(path).name
        self._recording = Recording(path)

    async def ask(self, verb: str, **_facts: Any) -> Any:
        """Nothing is known of now. Raises NotRecorded."""
        raise NotRecorded(f"{verb} is not in a recording: it has what was shown, and nothing can be done to it")

    async def past(self) -> Past | None:
        """Its instants."""
        instants = self._recording.instants()
        return Past(instants[0], instants[-1], len(instants)) if instants else None

    async def at(self, time_s: float) -> dict[str, Any]:
        """What was recorded at or before an instant. Raises NotRecorded, RecordingDamaged."""
        found = await asyncio.to_thread(self._recording.at, time_s)
        return {**found.document, "time_s": found.time_s, "gap": found.gap}

    async def close(self) -> None:
        """Nothing is held."""


class TapedSource:
    """Another source, what it shows recorded into a file.

    told: called with a line once recording has failed; what is shown goes on.

    Raises RecordingDamaged, OSError when it is made.
    """

    def __init__(self, source: Source, path: str | Path, told: Callable[[str], None] = lambda _line: None) -> None:
        self._source = source
        self._scribe: Scribe | None = Scribe(path)
        self._path = path
        self.told = told

    @property
    def name(self) -> str:
        """What the other one is called."""
        return self._source.name

    @property
    def is_live(self) -> bool:
        """Whether the other one is."""
        return self._source.is_live

    @property
    def is_file(self) -> bool:
        """Whether the other one is."""
        return self._source.is_file

    async def ask(self, verb: str, **facts: Any) -> Any:
        """The answer of the other one; an overview is asked for with the stats of the same moment, and recorded with them."""
        if verb != "overview" or facts or self._scribe is None:
            return await self._source.ask(verb, **facts)
        documents = await self._source.ask("overview", stats=True)
        self._record(documents)
        return documents["overview"]

    def _record(self, documents: dict[str, Any]) -> None:
        if self._scribe is None:
            return
        try:
            self._scribe.record(documents["overview"]["time_s"], documents)
        except (OSError, ValueError) as error:
            self._end()
            self.told(f"{self._path}: nothing more is recorded: {getattr(error, 'strerror', None) or error}")

    def _end(self) -> None:
        scribe, self._scribe = self._scribe, None
        if scribe is not None:
            scribe.close()

    async def past(self) -> Past | None:
        """Which instants the other one has."""
        return await self._source.past()

    async def at(self, time_s: float) -> dict[str, Any]:
        """What the other one has of an instant."""
        return await self._source.at(time_s)

    async def close(self) -> None:
        """End both."""
        self._end()
        await self._source.close()
