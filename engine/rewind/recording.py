"""One recording, read: which instants it has, and the document of each.

Owns the reading of a single file that somebody had recorded, as `engine monitor --record` does. It believes nothing that is
damaged, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from checkpoints.files import Disk, Files
from engine.errors import NotRecorded, RecordingDamaged
from engine.rewind.frame import BadBytes
from engine.rewind.index import Index, Place, Range
from engine.rewind.scan import Damage, documents, scan
from engine.rewind.scribe import milliseconds
from engine.rewind.spec import GAP_MS

__all__ = ["Moment", "Recording", "moment", "read_place"]


class Moment(NamedTuple):
    """A document that was recorded.

    time_s: when, in seconds since 1970.  asked_s: which instant was asked for; the document is the last one not after it.
    before_s, after_s: the instants beside it, None where there is none.
    gap: where asked_s is in a gap, from when to when nothing was recorded; its end is None where nothing was since.
    """

    asked_s: float
    time_s: float
    before_s: float | None
    after_s: float | None
    gap: tuple[float, float | None] | None
    document: dict[str, Any]


class Recording:
    """A file of documents. damage: what of it cannot be believed; its end may be torn where somebody still writes it.

    Raises RecordingDamaged for a file that is no recording, OSError.
    """

    def __init__(self, path: str | Path, files: Files | None = None) -> None:
        self.path = str(path)
        self._files = files or Disk()
        self._index = Index()
        data = self._files.read(self.path)
        found = scan(data)
        self.damage: list[Damage] = found.damage
        if not found.end:
            raise RecordingDamaged(f"{self.path}: {found.damage[0].reason}", file=self.path, offset=0)
        for frame in found.frames:
            self._index.add(Place(frame.time_ms, 0, frame.base, frame.offset, frame.end))

    def __len__(self) -> int:
        return len(self._index)

    def instants(self) -> list[float]:
        """When there are documents, in seconds since 1970, the oldest first."""
        return [time_ms / 1000 for time_ms in self._index.times_ms]

    def ranges(self) -> list[Range]:
        """The same as ranges with gaps between them."""
        return self._index.ranges(0, 2**62)

    def __iter__(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """Every instant and its document, the oldest first. Raises RecordingDamaged, OSError."""
        places = map(self._index.place, range(len(self._index)))
        for base, group in groupby(places, key=attrgetter("base")):
            wanted = {place.offset - base: place for place in group}
            data = self._files.read(self.path, base, max(place.end for place in wanted.values()) - base)
            with believed(self.path, base):
                for offset, time_ms, document in documents(data):
                    if offset in wanted:
                        yield time_ms / 1000, document

    def at(self, time_s: float) -> Moment:
        """The last document that is not after an instant. Raises NotRecorded before the first, RecordingDamaged, OSError."""
        return moment(self._index, time_s, lambda place: read_place(self._files, self.path, place))


@contextmanager
def believed(path: str, offset: int) -> Iterator[None]:
    """Raises RecordingDamaged, with the place, for bytes within the block that are not as they were."""
    try:
        yield
    except BadBytes as bad:
        raise RecordingDamaged(f"{path}: at byte {offset:,}: {bad}", file=path, offset=offset) from bad


def read_place(files: Files, path: str, place: Place) -> dict[str, Any]:
    """The document at a place of a file. Raises RecordingDamaged."""
    try:
        data = files.read(path, place.base, place.end - place.base)
    except OSError as error:
        raise RecordingDamaged(f"{path}: {error.strerror}", file=path, offset=place.offset) from error
    with believed(path, place.offset):
        if len(data) < place.end - place.base:
            raise BadBytes("the file was cut since it was looked at")
        *_, (offset, time_ms, document) = documents(data)
        if (offset, time_ms) != (place.offset - place.base, place.time_ms):
            raise BadBytes("a document of another instant")
    return document


def moment(index: Index, time_s: float, read: Callable[[Place], dict[str, Any]]) -> Moment:
    """The last document of an index that is not after an instant. read: gives the document of a place.  Raises NotRecorded."""
    asked_ms = milliseconds(time_s)
    at = index.before(asked_ms)
    after_s = index.times_ms[at + 1] / 1000 if at + 1 < len(index) else None
    if at < 0:
        raise NotRecorded("nothing was recorded at that instant or before", before_s=None, after_s=after_s)
    place = index.place(at)
    found_s = place.time_ms / 1000
    before_s = index.times_ms[at - 1] / 1000 if at else None
    is_gap = asked_ms - place.time_ms > GAP_MS
    return Moment(time_s, found_s, before_s, after_s, (found_s, after_s) if is_gap else None, read(place))
