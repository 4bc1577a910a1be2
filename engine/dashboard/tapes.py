"""What an engine that does not run has recorded, read from its files.

Owns the reading, anew only where files have changed and not at each step through time. Called from threads, one at a time.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.rewind.ring import Ring

__all__ = ["Tapes"]


class Tapes:
    """The recordings of one engine. folder: where they are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ring: Ring | None = None
        self._seen: list[tuple[str, int]] = []
        self._lock = Lock()

    def past(self) -> dict[str, Any]:
        """Which instants there are, as the verb `past` says it. Raises OSError."""
        with self._lock:
            return self._loaded().past(None, None)

    def at(self, time_s: float) -> dict[str, Any]:
        """What was recorded at or before an instant, as `at` says it. Raises NotRecorded, RecordingDamaged, OSError."""
        with self._lock:
            found = self._loaded().at(time_s)
        return {**found.document, "time_s": found.time_s, "gap": found.gap}

    def _loaded(self) -> Ring:
        from engine.rewind.ring import Ring

        seen = sorted((file.name, file.stat().st_size) for file in self._folder.iterdir()) if self._folder.is_dir() else []
        if self._ring is None or seen != self._seen:
            self._ring, self._seen = Ring(self._folder), seen
            self._ring.load()
        return self._ring
