"""Where in time the screens are: now, or at a past instant.

Owns the instant, what was recorded then, and that one question for it is on its way at a time: who scrubs faster than answers
come skips what lies between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.dashboard.source import RECORDED, Document, Past, Source, Want
from engine.errors import NotRecorded

__all__ = ["Rewind"]

#: Seconds after which it is asked again which instants there are.
AGAIN_S = 5.0


class Rewind:
    """The time of the screens. on_seen: called when what was recorded at the instant is there, or is not."""

    def __init__(self, source: Source, clock: Callable[[], float], on_seen: Callable[[], None]) -> None:
        self._source = source
        self._clock = clock
        self._on_seen = on_seen
        #: The instant that is shown; None is now.
        self.moment_s: float | None = None
        #: Which instants there are, and when that was asked.
        self.past: Past | None = None
        self._asked_s = 0.0
        self._recorded: dict[str, Any] = {}
        self._error: Exception | None = None
        self._is_busy = False
        self._is_forth: bool | None = None

    async def step(self, by_s: float) -> None:
        """Go by so many seconds; forth past the last instant is now. Raises NotRecorded, as `Source.past`."""
        past = await self._known()
        begin_s = past.last_s if self.moment_s is None else self.moment_s
        if begin_s + by_s > past.last_s and by_s > 0 and not self._source.is_file:
            self.leave()
        else:
            await self.go(begin_s + by_s, is_forth=by_s > 0)

    async def edge(self, *, is_first: bool) -> None:
        """Go to the first or the last instant. Raises as `step`."""
        past = await self._known()
        await self.go(past.first_s if is_first else past.last_s)

    async def _known(self) -> Past:
        """Which instants there are. Raises NotRecorded where there is none."""
        now_s = self._clock()
        if self.past is None or now_s - self._asked_s > AGAIN_S:
            self.past, self._asked_s = await self._source.past(), now_s
        if self.past is None:
            raise NotRecorded("nothing was recorded yet")
        return self.past

    async def go(self, to_s: float, *, is_forth: bool | None = None) -> None:
        """Go to an instant; where nothing was recorded then, to the nearest that was. Raises as `step`.

        is_forth: whether that is the nearest one behind it, or before it; None where either may be.
        """
        past = await self._known()
        self.moment_s = min(max(to_s, past.first_s), past.last_s)
        self._is_forth = is_forth
        self._on_seen()
        if self._is_busy:
            return
        self._is_busy = True
        try:
            await self._fetch()
        finally:
            self._is_busy = False

    async def _fetch(self) -> None:
        """Read what was recorded at the instant, and again if it has changed meanwhile."""
        seen_s: float | None = None
        while self.moment_s is not None and self.moment_s != seen_s:
            seen_s = self.moment_s
            try:
                found = await self._source.at(seen_s)
            except Exception as error:  # noqa: BLE001 - shown where its answer would be
                self._recorded, self._error = {}, error
            else:
                if found.get("gap") is not None and self.moment_s == seen_s:
                    self.moment_s = self._beside(seen_s, *found["gap"])
                    continue
                self._recorded, self._error = found, None
            self._on_seen()

    def _beside(self, time_s: float, since_s: float, until_s: float | None) -> float:
        """The end of a gap that is gone to instead of an instant in it."""
        if until_s is None:
            return since_s
        is_forth = until_s - time_s < time_s - since_s if self._is_forth is None else self._is_forth
        return until_s if is_forth else since_s

    def leave(self) -> None:
        """Come back to now."""
        self.moment_s = None
        self._recorded = {}
        self._on_seen()

    def document(self, want: Want) -> Document:
        """What was recorded for a question at the instant."""
        if want.verb in self._recorded and want.verb in RECORDED:
            return Document(self._recorded[want.verb], float(self._recorded["time_s"]))
        error = self._error or (NotRecorded("not recorded: it is known of now alone") if want.verb not in RECORDED else None)
        return Document(None, self.moment_s or 0.0, error)
