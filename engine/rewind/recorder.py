"""Who records: once a second the scene as it is, and each answer that shows it, so that what was shown can be looked up.

Owns the pace, and the thread that writes: the loop makes a document and goes on. A disk that is full or gone stops the
recording and nothing else; it is tried again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from checkpoints.errors import CheckpointError
from engine.errors import DocumentTooLarge, EngineError, NotRecorded
from engine.rewind.scribe import milliseconds, packed
from engine.rewind.spec import ANSWERS_BURST, ANSWERS_PER_S, EVERY_S, PENDING, RETRY_S
from pools.bucket import Bucket

if TYPE_CHECKING:
    from engine.rewind.recording import Moment
    from engine.rewind.ring import Ring

__all__ = ["Recorded", "Recorder"]

Answer = TypeVar("Answer")
#: Seconds that the last recording may take when the engine ends.
END_S = 5.0


class Recorded(Protocol):
    """What is recorded, as `engine.scene.Scene`. Its `stats` have the instant of all of it as `time_s`."""

    def now(self, *, is_seen: bool = True) -> dict[str, Any]:
        """All documents. is_seen: somebody looks at them. Raises EngineError where there are none now."""


class Recorder:
    """The recording of one engine. note: told what happens to it, a name and a text.  every_s: seconds from one to the next."""

    def __init__(self, ring: Ring, scene: Recorded, note: Callable[[str, str], None], *, every_s: float = EVERY_S) -> None:
        self._ring = ring
        self._scene = scene
        self._note = note
        self._every_s = every_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rewind")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.Task[None] | None = None
        self._answers = Bucket(ANSWERS_PER_S, ANSWERS_BURST, time.monotonic())
        self._last_ms = 0
        self._next_s = self._retry_s = 0.0
        self._given = self._taken = 0
        self._reason = self._fault = ""
        self._facts = ring.facts()

    def start(self) -> None:
        """Begin; what the ring has already is looked at in the thread."""
        self._loop = asyncio.get_running_loop()
        self._do(self._open)
        self._timer = self._loop.create_task(self._run())
        self._timer.add_done_callback(self._on_ended)

    async def close(self) -> None:
        """Record a last time, and let the ring go."""
        if self._loop is None or self._timer is None:
            return
        self._timer.cancel()
        await asyncio.wait([self._timer])
        with suppress(TimeoutError):  # a disk that does not answer holds nobody up
            await asyncio.wait_for(self._loop.run_in_executor(self._thread, self._ring.close), END_S)
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._loop = None

    # -- in the loop ---------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Record at the pace until this is cancelled, and then once more."""
        with suppress(asyncio.CancelledError):
            while True:
                wait_s = self._next_s - time.monotonic()
                if wait_s <= 0:
                    self._next_s = time.monotonic() + self._every_s
                    self._record()
                await asyncio.sleep(max(wait_s, 0.0))
        self._record()

    def _record(self) -> None:
        with suppress(EngineError):  # the engine ends
            self._give(self._scene.now(is_seen=False))

    def shown(self) -> dict[str, Any]:
        """All documents as they are now, for somebody to see: they are recorded too, up to ANSWERS_PER_S."""
        documents = self._scene.now()
        now_s = time.monotonic()
        if self._loop is not None and self._answers.take(1, now_s):
            self._next_s = now_s + self._every_s
            self._give(documents)
        return documents

    def _give(self, documents: Mapping[str, Any]) -> None:
        """Have the thread write documents, unless it does not come on."""
        if self._given - self._taken >= PENDING:
            self._stands("the disk takes too long")
            return
        time_ms = milliseconds(documents["stats"]["time_s"])
        if time_ms == self._last_ms:  # the same instant twice
            return
        self._last_ms = time_ms
        try:
            raw = packed(documents)
        except DocumentTooLarge as error:
            self._stands(str(error))
            return
        self._given += 1
        self._do(self._write, time_ms, raw)

    def _do(self, work: Callable[..., None], *given: Any) -> None:
        """Have the thread do something."""
        self._thread.submit(work, *given).add_done_callback(self._on_ended)

    def _on_ended(self, work: Future[None] | asyncio.Task[None]) -> None:
        """What nobody foresaw ends the recording, and is said."""
        error = None if work.cancelled() else work.exception()
        if error is not None:
            self._fault = f"internal error, {type(error).__name__}: {error}"
            self._stands(self._fault)

    def facts(self) -> dict[str, Any]:
        """What is told of it: its `state`, recording or stopped, and why; how much there is."""
        return {"state": "stopped" if self._reason else "recording", "reason": self._reason, **self._facts}

    async def at(self, time_s: float | None = None) -> Moment:
        """The last document that is not after an instant, by default the newest. Raises NotRecorded, RecordingDamaged."""
        return await self._asked(partial(self._ring.at, time.time() if time_s is None else time_s))

    async def past(
        self, since_s: float | None = None, until_s: float | None = None, *, skip: int = 0, limit: int = 0
    ) -> dict[str, Any]:
        """Which instants there are, and how the recording stands."""
        found = await self._asked(partial(self._ring.past, since_s, until_s, skip=skip, limit=limit))
        return {"every_s": self._every_s, **found, "state": self.facts()["state"], "reason": self._reason}

    async def _asked(self, question: Callable[[], Answer]) -> Answer:
        if self._loop is None:
            raise NotRecorded("nothing is recorded: the engine does not run")
        return await self._loop.run_in_executor(self._thread, question)

    # -- in the thread -------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._tried(self._ring.open)

    def _write(self, time_ms: int, raw: bytes) -> None:
        self._taken += 1
        if self._reason and time.monotonic() < self._retry_s:
            return
        if not self._ring.is_open:
            self._open()
        if self._ring.is_open:
            self._tried(partial(self._ring.add, time_ms, raw))

    def _tried(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (OSError, EngineError, CheckpointError) as error:
            self._retry_s = time.monotonic() + RETRY_S
            if isinstance(error, FileNotFoundError):
                self._ring.close()  # somebody has removed it: it is made again
            self._stands(getattr(error, "strerror", None) or str(error))
        else:
            self._stands("")
        self._facts = self._ring.facts()

    def _stands(self, reason: str) -> None:
        reason = self._fault or reason
        before, self._reason = self._reason, reason
        if reason != before and self._loop is not None:
            said = ("rewind.stopped", f"nothing is recorded: {reason}") if reason else ("rewind.recording", "recording goes on")
            self._loop.call_soon_threadsafe(self._note, *said)
