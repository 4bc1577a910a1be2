"""Reading a log after whatever happened to it.

Owns the decision what a bad place means: a torn tail, which is kept aside and cut off, or damage, at which everything stops.
It never guesses and never skips. A read error changes nothing. It may be killed at any point and run again. What it has read
is on the disk when it is done: a killed process may not have synced it, and after a failed sync it only looks as if it were.

Source: the decision tables of etcd (server/storage/wal/repair.go) and of RocksDB (WAL recovery modes), read against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from checkpoints.commitlog import Place
from checkpoints.errors import Corrupt, ReadFailed, unwritten
from checkpoints.files import Files, write_whole
from checkpoints.frame import ALIGN, COMMIT, END, HEADER_BYTES, SEAL, Frame, encode
from checkpoints.mark import read_mark
from checkpoints.segment import NO_DIGEST, SEGMENT_HEADER_BYTES, Bad, Header, frame_after, name_of, number_of, read_header, walk
from checkpoints.spec import FRAME_BYTES

__all__ = ["Recovered", "Torn", "read_log", "segments_of"]

#: Bytes of a torn tail, at most: what the largest frame has. A writer that does not sync may leave more, but not more than one
#: segment, which is smaller.
TORN_BYTES = HEADER_BYTES + FRAME_BYTES + ALIGN
#: Bytes that a disk writes as a whole, or not at all.
SECTOR_BYTES = 512


class Torn(NamedTuple):
    """What a crash left of the last frame. file, at: where.  kept: the file that has a copy, None where it was only zeros."""

    file: str
    at: int
    size_bytes: int
    reason: str
    kept: str | None


class Recovered(NamedTuple):
    """What reading a log gave. place: where it goes on.  stale: files that no longer count.  stored_bytes: of what was read.

    changed: seals that no torn write left as they are, of segments that another one follows; no record stands in them.
    is_ended: whether its last writer closed it when all was synced: then nothing is to be made good.
    """

    place: Place
    torn: Torn | None
    frames: int
    records: int
    stored_bytes: int
    stale: list[str]
    changed: list[Corrupt]
    is_ended: bool = False


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
    first: int | None = None,
    stop: int | None = None,
    covered: int = 0,
    is_dry: bool = False,
    behind: Recovered | None = None,
) -> Recovered:
    """Visit every commit in order, with its file and offset; unless is_dry, cut off a torn tail and have the rest synced.

    store: whose log it is.  start: number of the first segment that counts.  first: of the record that it begins with, if
    that is known.  stop: number of the first segment that is not read, as it is still written.  covered: the last record that
    is known to have been written, from elsewhere.  behind: what an earlier reading of this log gave, if only what came since is
    to be visited.  Raises Corrupt, ReadFailed, NewerFormat, DiskFull and StoreFailed, with nothing changed that counts.
    """
    numbers = segments_of(files, folder)
    stale = [f"{folder}/{name_of(number)}" for number in numbers if number < start]
    counting = [number for number in numbers if start <= number and (stop is None or number <= stop)]
    segments = _headers(files, folder, counting, start, store)
    for wanted, found in ((start, counting[:1]), (stop, counting[-1:])):
        if wanted is not None and found != [wanted]:
            raise Corrupt(f"{folder}/{name_of(wanted)}", 0, "it is missing")
    if first not in (None, segments[0].header.first):
        reason = f"it begins with record {segments[0].header.first}, and {first} was to be the next"
        raise Corrupt(segments[0].path, 0, reason)
    if stop is None:
        covered = max(covered, _marked(files, folder, store, segments[-1].header))
    reader = _Reader(files, visit, covered, behind)
    for at, segment in enumerate(segments):
        if reader.segment <= segment.header.segment != stop:
            reader.read(segment, segments[at + 1] if at + 1 < len(segments) else None)
    last = segments[-1]
    if stop is None and reader.next <= covered:
        raise Corrupt(last.path, reader.at, f"it ends at record {reader.next - 1}, and {covered} had been written")
    torn = reader.torn
    if stop is None and not (is_dry or reader.is_ended):
        torn = _settle(files, last.path, reader.at, torn)
    place = Place(store, last.header.segment + 1, last.header.epoch + 1, reader.next, reader.digest, reader.at)
    return Recovered(
        place, torn, reader.frames, reader.records, reader.stored_bytes, stale, reader.changed, is_ended=reader.is_ended
    )


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


def _marked(files: Files, folder: str, store: bytes, last: Header) -> int:
    """The record up to which the mark tells that all was there; 0 where it tells nothing. Raises Corrupt, ReadFailed."""
    try:
        mark = read_mark(files, folder, store)
    except Corrupt:
        return 0  # it is told of when the store is opened, and written anew
    if mark.epoch < last.epoch:
        return 0  # the segments of this epoch tell themselves what was before them
    if mark.segment > last.segment:
        raise Corrupt(f"{folder}/{name_of(mark.segment)}", 0, "it is missing, and had been begun")
    return mark.durable


class _Reader:
    """One pass over the segments."""

    def __init__(self, files: Files, visit: Callable[[Frame, str, int], None], covered: int, behind: Recovered | None) -> None:
        self._files = files
        self._visit = visit
        self._covered = covered
        #: The segment that is read, or was last; the number and the predecessor of the next record, and where it stands there.
        self.segment, self.next, self.digest, self.at = 0, 1, NO_DIGEST, 0
        self.frames = self.records = self.stored_bytes = 0
        self.torn: Torn | None = None
        #: Whether the last segment was closed when all of it was synced: then nothing is to be made good.
        self.is_ended = False
        self.changed: list[Corrupt] = []
        if behind is not None:
            _, following, _, self.next, self.digest, self.at = behind.place
            self.segment, self.is_ended = following - 1, behind.is_ended

    def read(self, segment: _Segment, following: _Segment | None) -> None:
        path, header = segment
        data = _read(self._files, path)
        counting = data[: following.header.before_bytes] if following else data
        if self.segment != header.segment:
            self.segment, self.is_ended = header.segment, False
            self.next, self.digest, self.at = header.first, header.before, SEGMENT_HEADER_BYTES
            self.stored_bytes += self.at
        begin, last = self.at, COMMIT
        if len(counting) < begin:
            raise Corrupt(path, len(counting), f"it ends here, and had {begin:,} bytes that counted")
        for found in walk(counting, header._replace(first=self.next, before=self.digest), begin):
            if isinstance(found, Bad):
                if following is None:
                    self.torn = self._torn(found, data, segment)
                    break
                if self.digest == following.header.before and self.next == following.header.first:
                    self._check_seal(segment, found, counting)
                    break  # the seal was not written, torn or changed: everything before it is there
                raise Corrupt(path, found.at, found.reason)
            at, frame = found
            last = frame.type
            if last in (SEAL, END):
                self.is_ended = last == END and frame.durable == frame.first - 1
                self.at = at + frame.size_bytes
                break
            if last == COMMIT:
                self._visit(frame, path, at)
                self.frames += 1
                self.records += frame.records
            self.next, self.digest, self.at = frame.first + frame.records, frame.digest, at + frame.size_bytes
        self.stored_bytes += self.at - begin
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

    def _check_seal(self, segment: _Segment, bad: Bad, data: bytes) -> None:
        """Note a seal that is neither whole nor torn: of a torn one every sector is as it was written, or cut off, or zeros."""
        header = segment.header
        place = {"segment": header.segment, "epoch": header.epoch, "first": self.next, "durable": self.next - 1}
        seals = [encode(kind, (), count=0, before=self.digest, **place)[0] for kind in (SEAL, END)]
        if not any(_may_be_torn(data, bad.at, seal) for seal in seals):
            self.changed.append(Corrupt(segment.path, bad.at, f"{bad.reason}; it is the seal: all records before it are there"))

    def _torn(self, bad: Bad, data: bytes, segment: _Segment) -> Torn:
        """The tail as a torn one. Raises Corrupt where it cannot be that."""
        if not bad.is_torn:
            raise Corrupt(segment.path, bad.at, bad.reason)
        left = len(data) - bad.at
        behind = frame_after(data, bad.at, segment.header, self.next)
        if behind is not None:
            raise Corrupt(segment.path, bad.at, f"{bad.reason}; a frame that was written later stands behind it at {behind}")
        if self.next <= self._covered:
            raise Corrupt(segment.path, bad.at, f"{bad.reason}; record {self._covered} had been written")
        if left > TORN_BYTES and any(data[bad.at :]):
            raise Corrupt(segment.path, bad.at, f"{bad.reason}; {left:,} bytes follow, more than one frame has")
        return Torn(segment.path, bad.at, left, bad.reason, None)


def _may_be_torn(data: bytes, at: int, seal: bytes) -> bool:
    """Whether a write of a seal that was cut short can have left what stands at its place, up to the end of what counts."""
    left, border = data[at:], SECTOR_BYTES - at % SECTOR_BYTES
    halves = ((left[:border], seal[:border]), (left[border:], seal[border:]))
    return all(seal_half.startswith(half) or not any(half) for half, seal_half in halves)


def _settle(files: Files, path: str, at: int, torn: Torn | None) -> Torn | None:
    """Keep a torn tail aside, then write the last segment anew up to what counts. Raises DiskFull, StoreFailed, ReadFailed.

    Written anew, not only synced: the kernel shows what a failed sync did not write, and syncs it never again. What is cut off
    is on the disk under its new name before.
    """
    data = _read(files, path)
    try:
        if torn is not None and any(data[at:]):
            torn = torn._replace(kept=_keep(files, path, data[at:]))
        write_whole(files, path, data[:at])
    except OSError as error:
        raise unwritten(path, error) from error
    return torn


def _keep(files: Files, path: str, tail: bytes) -> str:
    """The file that has a copy of a tail; one that a killed recovery wrote is as good as another."""
    names = files.names(path.rpartition("/")[0])
    number = 0
    while f"{path}.{number}.broken".rpartition("/")[2] in names:
        if files.read(f"{path}.{number}.broken") == tail:
            return f"{path}.{number}.broken"
        number += 1
    write_whole(files, f"{path}.{number}.broken", tail)
    return f"{path}.{number}.broken"


def _read(files: Files, path: str, size_bytes: int | None = None) -> bytes:
    try:
        return files.read(path, 0, size_bytes)
    except OSError as error:
        raise ReadFailed(path, error) from error
