"""Reading a log after whatever happened to it.

Owns the decision what a bad place means: a torn tail, which is kept aside and cut off, or damage, at which everything stops.
It never guesses and never skips. A read error changes nothing. It may be killed at any point and run again.

Source: the decision tables of etcd (server/storage/wal/repair.go) and of RocksDB (WAL recovery modes), read against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from checkpoints.commitlog import Place
from checkpoints.errors import Corrupt, ReadFailed
from checkpoints.files import Files
from checkpoints.frame import COMMIT, END, SEAL, Frame
from checkpoints.segment import NO_DIGEST, SEGMENT_HEADER_BYTES, Bad, Header, frame_after, name_of, number_of, read_header, walk
from checkpoints.spec import FRAME_BYTES

__all__ = ["Recovered", "Torn", "read_log", "segments_of"]


class Torn(NamedTuple):
    """What a crash left of the last frame. file, at: where.  kept: the file that has a copy, None where it was only zeros."""

    file: str
    at: int
    size_bytes: int
    reason: str
    kept: str | None


class Recovered(NamedTuple):
    """What reading a log gave. place: where it goes on.  stale: files that no longer count.  stored_bytes: of what was read."""

    place: Place
    torn: Torn | None
    frames: int
    records: int
    stored_bytes: int
    stale: list[str]


class _Segment(NamedTuple):
    path: str
    header: Header


def segments_of(files: Files, folder: str) -> list[int]:
    """The numbers of the segments in a folder. Raises ReadFailed."""
    try:
        return sorted(number for name in files.names(folder) if (number := number_of(name)) is not None)
    except OSError as error:
        raise ReadFailed(folder, error) from error


def read_log(
    files: Files,
    folder: str,
    visit: Callable[[Frame, str, int], None],
    *,
    store: bytes,
    start: int = 1,
    stop: int | None = None,
    covered: int = 0,
    is_dry: bool = False,
) -> Recovered:
    """Visit every commit in order, with its file and offset; cut off a torn tail unless is_dry.

    store: whose log it is.  start: number of the first segment that counts.  stop: of the first one that is not read, as it
    is still written.  covered: the last record that is known to have
    been written, from elsewhere.  Raises Corrupt, ReadFailed, NewerFormat, with nothing changed.
    """
    numbers = segments_of(files, folder)
    stale = [f"{folder}/{name_of(number)}" for number in numbers if number < start]
    counting = [number for number in numbers if start <= number and (stop is None or number <= stop)]
    segments = _headers(files, folder, counting, start, store)
    reader = _Reader(files, visit, covered)
    for at, segment in enumerate(segments):
        if segment.header.segment != stop:
            reader.read(segment, segments[at + 1] if at + 1 < len(segments) else None)
    if reader.next <= covered:
        where = segments[-1].path if segments else folder
        raise Corrupt(where, reader.at, f"it ends at record {reader.next - 1}, and {covered} had been written")
    torn = reader.torn
    if torn is not None and not is_dry:
        torn = _cut(files, folder, torn)
    last = segments[-1].header if segments else None
    place = Place(
        store,
        segments[-1].header.segment + 1 if segments else start,
        last.epoch + 1 if last else 1,
        reader.next,
        reader.digest,
        reader.at,
    )
    return Recovered(place, torn, reader.frames, reader.records, reader.stored_bytes, stale)


def _headers(files: Files, folder: str, numbers: Sequence[int], start: int, store: bytes) -> list[_Segment]:
    """The segments that count, each in its place. Raises Corrupt for one that is missing or another store's."""
    segments: list[_Segment] = []
    for wanted, number in enumerate(numbers, start):
        path = f"{folder}/{name_of(number)}"
        if number != wanted:
            raise Corrupt(f"{folder}/{name_of(wanted)}", 0, f"it is missing; {name_of(numbers[-1])} is there")
        header = read_header(_read(files, path, SEGMENT_HEADER_BYTES), path)
        if header.segment != number:
            raise Corrupt(path, 0, f"it holds segment {header.segment}")
        if header.store != store:
            raise Corrupt(path, 0, "it belongs to another store")
        if segments and header.epoch < segments[-1].header.epoch:
            raise Corrupt(path, 0, f"its epoch {header.epoch} is older than the one before it")
        segments.append(_Segment(path, header))
    return segments


class _Reader:
    """One pass over the segments."""

    def __init__(self, files: Files, visit: Callable[[Frame, str, int], None], covered: int) -> None:
        self._files = files
        self._visit = visit
        self._covered = covered
        self.next = 1
        self.digest = NO_DIGEST
        self.at = 0
        self.frames = self.records = self.stored_bytes = 0
        self.torn: Torn | None = None

    def read(self, segment: _Segment, following: _Segment | None) -> None:
        path, header = segment
        data = _read(self._files, path)
        counting = data[: following.header.before_bytes] if following else data
        self.next, self.digest, self.at = header.first, header.before, SEGMENT_HEADER_BYTES
        last = COMMIT
        for found in walk(counting, header):
            if isinstance(found, Bad):
                if following is None:
                    self.torn = self._torn(found, data, segment)
                    break
                if found.at < len(counting) and self.digest == following.header.before and self.next == following.header.first:
                    break  # the seal was not written, or torn: everything before it is there
                raise Corrupt(path, found.at, found.reason)
            at, frame = found
            last = frame.type
            if last in (SEAL, END):
                self.at = at + frame.size_bytes
                break
            if last == COMMIT:
                self._visit(frame, path, at)
                self.frames += 1
                self.records += frame.records
            self.next, self.digest, self.at = frame.first + frame.records, frame.digest, at + frame.size_bytes
        self.stored_bytes += self.at
        if following is not None:
            self._check_chain(segment, following.header)
        elif last == SEAL:
            missing = f"{path.rpartition('/')[0]}/{name_of(header.segment + 1)}"
            raise Corrupt(missing, 0, "it is missing: the segment before it was sealed because this one had begun")

    def _check_chain(self, segment: _Segment, following: Header) -> None:
        if self.next != following.first:
            reason = f"it ends at record {self.next - 1}, the next segment begins with {following.first}"
            raise Corrupt(segment.path, self.at, reason)
        if self.digest != following.before:
            raise Corrupt(segment.path, self.at, "its last frame is not the one that the next segment follows")

    def _torn(self, bad: Bad, data: bytes, segment: _Segment) -> Torn:
        """The tail as a torn one. Raises Corrupt where it cannot be that."""
        left = len(data) - bad.at
        behind = frame_after(data, bad.at, segment.header)
        if behind is not None:
            raise Corrupt(segment.path, bad.at, f"{bad.reason}; a whole frame stands behind it at {behind}")
        if self.next <= self._covered:
            raise Corrupt(segment.path, bad.at, f"{bad.reason}; record {self._covered} had been written")
        if left > FRAME_BYTES and any(data[bad.at :]):
            raise Corrupt(segment.path, bad.at, f"{bad.reason}; {left:,} bytes follow, more than one frame has")
        return Torn(segment.path, bad.at, left, bad.reason, None)


def _cut(files: Files, folder: str, torn: Torn) -> Torn:
    """Keep a torn tail aside, then cut it off. What is cut is on the disk under its new name before."""
    tail = _read(files, torn.file)[torn.at :]
    kept = None
    if any(tail):
        names = set(files.names(folder))
        copy = next(
            name for number in range(len(names) + 1) if (name := f"{torn.file.rpartition('/')[2]}.{number}.broken") not in names
        )
        kept = f"{folder}/{copy}"
        file = files.create(kept)
        file.write(tail)
        file.sync()
        file.close()
        files.sync_folder(folder)
    file = files.append(torn.file)
    file.cut(torn.at)
    file.sync()
    file.close()
    return torn._replace(kept=kept)


def _read(files: Files, path: str, size_bytes: int | None = None) -> bytes:
    try:
        return files.read(path, 0, size_bytes)
    except OSError as error:
        raise ReadFailed(path, error) from error
