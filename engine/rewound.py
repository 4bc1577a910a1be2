"""Looking back: what an engine showed at an instant that has passed, in process, over a connection and over the socket.

Owns the verbs, and the form of what they answer. What is recorded is `scene`'s business, how it is kept the recorder's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import NotRecorded
from engine.order import Order
from pools.errors import BadArgument

if TYPE_CHECKING:
    from engine.rewind.recorder import Recorder
    from engine.scene import Scene

__all__ = ["RewindVerbs", "Rewound", "RewoundHere", "recorder_of"]

AT_SCHEMA, PAST_SCHEMA = "engine.at/v1", "engine.past/v1"


def recorder_of(folder: str | Path, scene: Scene, note: Callable[[str, str], None]) -> Recorder:
    """Who records a scene into a folder, as soon as it is started."""
    from engine.rewind.recorder import Recorder
    from engine.rewind.ring import Ring

    return Recorder(Ring(folder), scene, note)


class Rewound(ABC):
    """The part of a client, and of an engine, that is about what was recorded."""

    @abstractmethod
    async def _rewinding(self, verb: str, **facts: Any) -> dict[str, Any]:
        """Do what a verb says."""

    async def past(
        self, since_s: float | None = None, until_s: float | None = None, *, skip: int = 0, limit: int = 0
    ) -> dict[str, Any]:
        """Which instants were recorded between two, in seconds since 1970, both included; None for no bound.

        `ranges`: each from `first_s` to `last_s` without a gap, with its `count`, the oldest first; together they have `found`.
        `instants`: single ones, as many as `limit` says (at most 10,000) behind the first `skip`.  Of all that there is:
        `count`, `first_s`, `last_s`, `size_bytes`, `damage`; and of the recording `every_s`, `state` (recording, stopped) and
        `reason`.
        Raises NotRecorded where nothing is recorded at all.
        """
        return await self._rewinding("past", since_s=since_s, until_s=until_s, skip=skip, limit=limit)

    async def at(self, time_s: float | None = None) -> dict[str, Any]:
        """What was recorded last at an instant or before it, in seconds since 1970; None for the newest.

        `stats`: what the engine showed then, exactly; `time_s`: when that was; `before_s`, `after_s`: the instants beside it.
        `gap`: where nothing was recorded around `asked_s`: since when, and until when.
        Raises NotRecorded before the oldest, RecordingDamaged.
        """
        return await self._rewinding("at", time_s=time_s)


class RewoundHere(Rewound):
    """The same for an engine that records itself. recorder: None where it does not."""

    recorder: Recorder | None = None

    async def _rewinding(self, verb: str, **facts: Any) -> dict[str, Any]:
        if self.recorder is None:
            raise NotRecorded("nothing is recorded: an engine of your own does so with Engine(…, rewind='folder')")
        if verb == "past":
            return {"schema": PAST_SCHEMA, **await self.recorder.past(**facts)}
        facts = (await self.recorder.at(**facts))._asdict()
        return {"schema": AT_SCHEMA, **facts.pop("document"), **facts}

    async def _end_recording(self) -> None:
        recorder, self.recorder = self.recorder, None
        if recorder is not None:
            await recorder.close()


class RewindVerbs(RewoundHere):
    """What the socket of an engine can be asked about the past. verbs: what each name does."""

    def __init__(self, recorder: Recorder | None) -> None:
        self.recorder = recorder
        self.verbs: dict[str, Callable[[Order], Awaitable[Any]]] = {"past": self._past, "at": self._at}

    async def _past(self, order: Order) -> dict[str, Any]:
        skip, limit = order.count("skip", 0, 2**63), order.count("limit", 0, 2**63)
        return await self.past(_instant(order, "since_s"), _instant(order, "until_s"), skip=skip, limit=limit)

    async def _at(self, order: Order) -> dict[str, Any]:
        return await self.at(_instant(order, "time_s"))


def _instant(order: Order, name: str) -> float | None:
    """Seconds since 1970, None where they are left out. Raises BadArgument."""
    value = order.value(name)
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value < 2**40:
        raise BadArgument(f"{name} must be seconds since 1970")
    return float(value)
