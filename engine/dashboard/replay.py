"""A file that somebody has recorded as the source of documents, and the recording of one.

Owns both directions. What was recorded is seen as it was shown then, overview and stats; nothing can be done to it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.dashboard.source import Past, Source
from engine.errors import NotRecorded, RecordingInUse
from engine.rewind.recording import Recording
from engine.rewind.scribe import Scribe

__all__ = ["ReplaySource", "TapedSource"]

#: The mode of a recording: what an engine did is its owner's alone.
FILE_MODE = 0o600


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

    told: called with a line once recording has failed; what is shown goes on. Nobody else can record into the file meanwhile:
    what two write into each other cannot be read.

    Raises RecordingInUse, RecordingDamaged, OSError when it is made.
    """

    def __init__(self, source: Source, path: str | Path, told: Callable[[str], None] = lambda _line: None) -> None:
        self._source = source
        self._path = Path(path)
        self.told = told
        #: Why recording has ended before its time; empty as long as it goes on.
        self.why = ""
        self._held = _held(path)
        try:
            self._scribe: Scribe | None = Scribe(path)
        except BaseException:
            os.close(self._held)
            raise

    @property
    def note(self) -> str:
        """Whether it records, and into which file, in a few words."""
        return f"NOT recording {self._path.name}" if self.why else f"recording {self._path.name}"

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
            self.why = f"{self._path}: nothing more is recorded: {getattr(error, 'strerror', None) or error}"
            self.told(self.why)

    def _end(self) -> None:
        scribe, self._scribe = self._scribe, None
        if scribe is not None:
            scribe.close()
            os.close(self._held)

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


def _held(path: str | Path) -> int:
    """A recording that this process alone writes from now on, until it closes this or ends. Raises RecordingInUse, OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        said = f"{path} is being recorded by another engine monitor: end that one, or record into another file"
        raise RecordingInUse(said, file=str(path)) from error
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
