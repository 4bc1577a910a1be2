"""The ring: recordings in a folder, the oldest of which goes when there is no room for the newest.

Owns the files of the folder, their names, and what is kept of them. One engine writes it at a time; whoever looks reads the
same files, whether it runs or not. It is used by one thread.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from checkpoints.files import Disk, Files
from engine.errors import RecordingDamaged
from engine.rewind.frame import HEAD_BYTES, OPENING_BYTES, BadBytes, read_head
from engine.rewind.index import Index, Place
from engine.rewind.recording import Moment, moment, read_place
from engine.rewind.scan import Damage, scan
from engine.rewind.scribe import Scribe, milliseconds
from engine.rewind.spec import FILE_BYTES, KEPT_S, PAGE, RING_BYTES

if TYPE_CHECKING:
    from checkpoints.files import File

__all__ = ["LOCK", "Ring"]

#: The file that the writer of a ring holds.
LOCK = "LOCK"
#: Milliseconds after which the next file is begun, however small the last one is.
FILE_MS = 3_600_000
#: The name of a file.
_NAME = re.compile(r"([0-9]{10})\.rewind")


class _Kept(NamedTuple):
    """One file. first_ms, last_ms: of what was recorded in it; 0 where nothing was."""

    size_bytes: int
    first_ms: int
    last_ms: int
    damage: tuple[Damage, ...] = ()


class Ring:
    """Documents in a folder. size_bytes, kept_s: how much of them is kept, and for how long; file_bytes: of one file."""

    def __init__(
        self,
        folder: str | Path,
        files: Files | None = None,
        *,
        size_bytes: int = RING_BYTES,
        kept_s: float = KEPT_S,
        file_bytes: int = FILE_BYTES,
    ) -> None:
        self.folder = str(folder)
        self._files = files or Disk()
        self._limit_bytes, self._kept_ms, self._file_bytes = size_bytes, int(kept_s * 1000), min(file_bytes, size_bytes // 2)
        self._index = Index()
        self._kept: dict[int, _Kept] = {}
        self._lock: File | None = None
        self._scribe: Scribe | None = None

    # -- to be read ----------------------------------------------------------------------------------------------------

    def load(self, since_s: float | None = None) -> None:
        """Look at what the folder has, all of it or what a look at an instant needs. Raises OSError where it cannot be read."""
        since_ms = None if since_s is None else milliseconds(since_s)
        try:
            names = self._files.names(self.folder)
        except FileNotFoundError:
            names = []
        numbers = sorted(int(found[1]) for name in names if (found := _NAME.fullmatch(name)))
        first = 0
        for at, number in enumerate(reversed(numbers)):
            if since_ms is not None and (begin_ms := self._begin_ms(number)) is not None and begin_ms <= since_ms:
                first = len(numbers) - 1 - at
                break
        self._index, self._kept = Index(), {}
        for number in numbers[first:]:
            with suppress(FileNotFoundError):  # the writer let it go meanwhile
                self._take(number)

    def _begin_ms(self, number: int) -> int | None:
        with suppress(OSError, BadBytes):
            return read_head(self._files.read(self._path(number), OPENING_BYTES, HEAD_BYTES), 0).time_ms
        return None

    def _take(self, number: int) -> None:
        data = self._files.read(self._path(number))
        frames, damage, _ = scan(data)
        for frame in frames:
            self._index.add(Place(frame.time_ms, number, frame.base, frame.offset, frame.end))
        first_ms, last_ms = (frames[0].time_ms, frames[-1].time_ms) if frames else (0, 0)
        self._kept[number] = _Kept(len(data), first_ms, last_ms, tuple(damage))

    def at(self, time_s: float) -> Moment:
        """The last document that is not after an instant. Raises NotRecorded before the first, RecordingDamaged."""
        return moment(self._index, time_s, lambda place: read_place(self._files, self._path(place.file), place))

    def past(
        self, since_s: float | None = None, until_s: float | None = None, *, skip: int = 0, limit: int = 0
    ) -> dict[str, Any]:
        """Which instants there are between two, as `Client.past` tells them. limit: of single instants, the oldest first."""
        index = self._index
        since_ms = 0 if since_s is None else milliseconds(since_s)
        until_ms = 2**62 if until_s is None else milliseconds(until_s)
        ranges = index.ranges(since_ms, until_ms)
        first = index.before(since_ms - 1) + 1 + skip
        upto = min(first + min(limit, PAGE), index.before(until_ms) + 1)
        return {
            **self.facts(),
            "found": sum(one.instants for one in ranges),
            "ranges": [{"first_s": one.first_ms / 1000, "last_s": one.last_ms / 1000, "count": one.instants} for one in ranges],
            "instants": [time_ms / 1000 for time_ms in index.times_ms[first:upto]],
            "damage": self.damage,
        }

    def facts(self) -> dict[str, Any]:
        """How much there is."""
        times = self._index.times_ms
        return {
            "count": len(times),
            "first_s": times[0] / 1000 if times else None,
            "last_s": times[-1] / 1000 if times else None,
            "size_bytes": self.size_bytes,
        }

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(kept.size_bytes for kept in self._kept.values())

    @property
    def damage(self) -> list[dict[str, Any]]:
        """The places that cannot be believed, the oldest first."""
        newest = max(self._kept, default=0)
        return [
            {"file": self._path(number), "offset": one.offset, "size_bytes": one.size_bytes, "reason": one.reason}
            for number, kept in self._kept.items()
            for one in kept.damage
            if number != newest or not one.is_torn  # that one may be being written
        ]

    # -- to be written -------------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether it can be written."""
        return self._lock is not None

    def open(self) -> None:
        """Take the folder, which is made if need be, and look at what it has. Raises FolderInUse, OSError."""
        self._files.make_folder(self.folder)
        self._lock = self._files.lock(f"{self.folder}/{LOCK}")
        try:
            self.load()
        except BaseException:
            self.close()
            raise

    def add(self, time_ms: int, raw: bytes) -> None:
        """Record a document of an instant, as `scribe.packed` has it. Raises OSError, after which it can be tried again."""
        try:
            scribe, number = self._writing(time_ms)
            self._make_room(time_ms, len(raw) + HEAD_BYTES)
            frame = scribe.add(time_ms, raw)
        except OSError as error:
            self._let_go()
            if isinstance(error, FileNotFoundError):  # somebody has removed a file
                self.load()
            raise
        self._index.add(Place(time_ms, number, frame.base, frame.offset, frame.end))
        first_ms = self._kept[number].first_ms or time_ms
        self._kept[number] = self._kept[number]._replace(size_bytes=frame.end, first_ms=first_ms, last_ms=time_ms)

    def _writing(self, time_ms: int) -> tuple[Scribe, int]:
        """The file that is written now, and its number."""
        number = max(self._kept, default=0)
        if self._scribe is not None and self._is_full(number, time_ms):
            self._let_go()
        if self._scribe is None:
            number, self._scribe = self._begun(number, time_ms)
        return self._scribe, number

    def _begun(self, number: int, time_ms: int) -> tuple[int, Scribe]:
        if number and not self._is_full(number, time_ms):
            with suppress(RecordingDamaged):  # it stays as it is, and the next one is begun
                return number, self._opened(number)
        return number + 1, self._opened(number + 1)

    def _opened(self, number: int) -> Scribe:
        scribe = Scribe(self._path(number), self._files)
        kept = self._kept.get(number, _Kept(0, 0, 0))
        self._kept[number] = kept._replace(size_bytes=scribe.size_bytes, damage=())
        return scribe

    def _is_full(self, number: int, time_ms: int) -> bool:
        kept = self._kept[number]
        return kept.size_bytes >= self._file_bytes or (bool(kept.first_ms) and abs(time_ms - kept.first_ms) >= FILE_MS)

    def _make_room(self, time_ms: int, need_bytes: int) -> None:
        """Let the oldest files go for the newest document, and those that are too old."""
        newest = max(self._kept)
        for number in list(self._kept):
            is_old = time_ms - self._last_ms(number, time_ms) > self._kept_ms
            if number == newest or (not is_old and self.size_bytes + need_bytes <= self._limit_bytes):
                break
            with suppress(FileNotFoundError):
                self._files.remove(self._path(number))
            del self._kept[number]
            self._index.forget(number)

    def _last_ms(self, number: int, time_ms: int) -> int:
        """The last instant of a file; of one that cannot be read, as by an older engine, that of the next one that can."""
        ends_ms = (kept.last_ms for other, kept in self._kept.items() if other >= number and kept.last_ms)
        return next(ends_ms, time_ms)

    def _let_go(self) -> None:
        scribe, self._scribe = self._scribe, None
        if scribe is not None:
            scribe.close()

    def close(self) -> None:
        """Give the folder back; it can be opened again."""
        self._let_go()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def _path(self, number: int) -> str:
        return f"{self.folder}/{number:010}.rewind"
