"""A snapshot: the states of one shard in sorted blocks, with an index behind them.

Owns the file's layout, which is made of the log's own frames. A file is whole before it has its name, is never changed, and is
read a block at a time. Which snapshot counts is the manifest's.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple, cast

import orjson

from checkpoints.errors import Corrupt, ReadFailed
from checkpoints.files import File, Files
from checkpoints.frame import COMMIT, END, HEADER_BYTES, INDEX, BadBytes, Frame, Part, encode, read_frame
from checkpoints.manifest import Manifest
from checkpoints.segment import NO_DIGEST, SEGMENT_HEADER_BYTES, SNAPSHOT, WINDOW, Bad, Header, pack_header, read_header, walk
from checkpoints.table import Key

__all__ = ["Block", "Snapshot", "name_of_shard", "open_snapshots", "read_parts", "write_parts", "write_snapshot"]

#: Bytes of the last frame: a header, and a part with the offset of the index.
_END_BYTES = HEADER_BYTES + 16
#: Bytes of parts that go into one frame, and of states that go into one block, unless one alone has more.
BATCH_BYTES = 1024 * 1024


class Block(NamedTuple):
    """A run of keys of one kind. fields: as in `Rows`.  rows: the state of each key."""

    kind: str
    fields: list[str]
    keys: list[Key]
    rows: list[Any]


class _Place(NamedTuple):
    kind: str
    first: Key
    at: int
    size_bytes: int
    states: int

    def is_inside(self, end: int) -> bool:
        """Whether it can be a place before an offset."""
        return type(self.kind) is str and type(self.first) in (int, str) and 0 < self.at < self.at + self.size_bytes <= end


def name_of_shard(shard: int, generation: int) -> str:
    """The file name of a shard's snapshot."""
    return f"shard-{shard:02d}.{generation:08d}.snap"


def write_snapshot(
    files: Files, path: str, states: Iterable[Block], *, store: bytes, shard: int, generation: int, covered: int
) -> int:
    """Write a shard's states, sorted by kind and key; returns the bytes. The file is on the disk with its name afterwards.

    covered: the last record whose effect is in it.  Raises OSError, with no file of that name.
    """
    header = Header(shard, generation, store, 1, NO_DIGEST, covered, SNAPSHOT)

    def fill(writer: _Writer) -> None:
        for block in states:
            writer.put(block)
        writer.finish()

    return _write_whole(files, path, header, fill)


def write_parts(files: Files, path: str, parts: Iterable[Part], *, store: bytes, generation: int) -> int:
    """Write parts as they are; returns the bytes. The file is on the disk with its name afterwards. Raises OSError."""
    header = Header(0, generation, store, 1, NO_DIGEST, 0, WINDOW)

    def fill(writer: _Writer) -> None:
        batch: list[Part] = []
        size_bytes = 0
        for part in parts:
            if batch and size_bytes + len(part.body) > BATCH_BYTES:
                writer.frame(COMMIT, batch, 0)
                batch, size_bytes = [], 0
            batch.append(part)
            size_bytes += len(part.body)
        writer.frame(COMMIT, batch, 0)
        writer.frame(END, [], 0)

    return _write_whole(files, path, header, fill)


def _write_whole(files: Files, path: str, header: Header, fill: Callable[[_Writer], None]) -> int:
    """A file that is on the disk before it has its name."""
    folder, _, name = path.rpartition("/")
    if f"{name}.new" in files.names(folder):
        files.remove(f"{path}.new")
    file = files.create(f"{path}.new")
    try:
        file.write(pack_header(header))
        fill(_Writer(file, header))
        file.sync()
        size_bytes = file.size_bytes
    finally:
        file.close()
    files.rename(f"{path}.new", path)
    files.sync_folder(folder)
    return size_bytes


class _Writer:
    """The frames of one file, in their order."""

    def __init__(self, file: File, header: Header) -> None:
        self._file = file
        self._header = header
        self._next = 1
        self._before = NO_DIGEST
        self._places: list[_Place] = []

    def put(self, block: Block) -> None:
        """Add states, as a block or, where they are large, as several."""
        kind, fields, keys, rows = block
        body = orjson.dumps({"k": kind, "f": fields, "i": keys, "r": rows})
        if len(body) > BATCH_BYTES and len(keys) > 1:
            half = len(keys) // 2
            self.put(Block(kind, fields, keys[:half], rows[:half]))
            self.put(Block(kind, fields, keys[half:], rows[half:]))
            return
        at = self._file.size_bytes
        self.frame(COMMIT, [Part(b"S", body)], len(keys))
        self._places.append(_Place(kind, keys[0], at, self._file.size_bytes - at, len(keys)))

    def finish(self) -> None:
        at = self._file.size_bytes
        self.frame(INDEX, [Part(b"I", orjson.dumps([list(place) for place in self._places]))], 0)
        self.frame(END, [Part(b"O", at.to_bytes(8, "little"))], 0)

    def frame(self, kind: int, parts: Sequence[Part], count: int) -> None:
        data, self._before = encode(
            kind,
            parts,
            segment=self._header.segment,
            epoch=self._header.epoch,
            first=self._next,
            count=count,
            durable=self._header.before_bytes,
            before=self._before,
        )
        self._file.write(data)
        self._next += count


class Snapshot:
    """A shard's snapshot, open for reading until it is closed. Raises Corrupt, ReadFailed, NewerFormat."""

    def __init__(self, files: Files, path: str, *, store: bytes, shard: int, generation: int) -> None:
        self._path = path
        try:
            self._file = files.open(path)
        except FileNotFoundError as error:
            raise Corrupt(path, 0, "it is missing, and the manifest names it") from error
        except OSError as error:
            raise ReadFailed(path, error) from error
        try:
            self._header = _owned(self._read(0, SEGMENT_HEADER_BYTES), path, SNAPSHOT, store, shard, generation)
            places = self._index()
        except BaseException:
            self._file.close()
            raise
        self._firsts: dict[str, list[tuple[bool, Key]]] = {}
        self._read_keys: dict[int, array[int] | frozenset[Key]] = {}
        self._places: dict[str, list[_Place]] = {}
        for kind, group in groupby(places, lambda place: place.kind):
            mine = list(group)
            self._places[kind] = mine
            self._firsts[kind] = [_order(place.first) for place in mine]

    @property
    def count(self) -> int:
        """How many states it holds."""
        return sum(place.states for places in self._places.values() for place in places)

    @property
    def size_bytes(self) -> int:
        """How long the file is."""
        return self._file.size_bytes

    @property
    def kinds(self) -> list[str]:
        """The kinds it has states of."""
        return list(self._places)

    def may_have(self, kind: str) -> bool:
        """Whether it has states of a kind."""
        return kind in self._places

    def block(self, kind: str, key: Key) -> Block | None:
        """The block in which a key stands if it is here; None where it cannot be. Raises Corrupt, ReadFailed.

        A block is read once for all keys that are not in it.
        """
        places = self._places.get(kind)
        at = bisect_right(self._firsts[kind], _order(key)) - 1 if places else -1
        if not places or at < 0:
            return None
        place = places[at]
        keys = self._read_keys.get(place.at)
        if keys is not None and not _is_among(keys, key):
            return None
        block = self._load(place)
        if keys is None:
            self._read_keys[place.at] = _packed(block.keys)
        return block

    def blocks(self) -> Iterator[Block]:
        """Every block, in order. Raises Corrupt, ReadFailed."""
        for places in self._places.values():
            for place in places:
                yield self._load(place)

    def verify(self) -> int:
        """Read every byte; returns the states. Raises Corrupt, ReadFailed."""
        at, count, before, following = SEGMENT_HEADER_BYTES, 0, NO_DIGEST, 1
        data = memoryview(self._read(0, self._file.size_bytes))
        while at < len(data):
            frame = self._checked(data, at, at)
            if frame.before != before or frame.first != following:
                raise Corrupt(self._path, at, "a block that does not follow the one before it")
            before, following, at = frame.digest, frame.first + frame.records, at + frame.size_bytes
            count += frame.records
        return count

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def _index(self) -> list[_Place]:
        size_bytes = self._file.size_bytes
        if size_bytes < SEGMENT_HEADER_BYTES + _END_BYTES:
            raise Corrupt(self._path, 0, f"it has {size_bytes} bytes: its end is missing")
        end = self._frame(size_bytes - _END_BYTES, _END_BYTES)
        at = int.from_bytes(end.parts[0].body, "little") if end.parts else size_bytes
        if end.type != END or at >= size_bytes - _END_BYTES:
            raise Corrupt(self._path, size_bytes - _END_BYTES, "its end is missing")
        index = self._frame(at, size_bytes - _END_BYTES - at)
        if index.type != INDEX or index.digest != end.before:
            raise Corrupt(self._path, at, "its index is missing")
        try:
            listed = orjson.loads(index.parts[0].body)
            places = [_Place(*place) for place in listed]
            if type(listed) is list and all(place.is_inside(at) for place in places):
                return places
        except (ValueError, TypeError, IndexError) as error:
            raise Corrupt(self._path, at, f"its index cannot be read: {error!r}") from error
        raise Corrupt(self._path, at, "its index names places that it has not")

    def _load(self, place: _Place) -> Block:
        frame = self._frame(place.at, place.size_bytes)
        try:
            part = orjson.loads(frame.parts[0].body)
            block = Block(part["k"], part["f"], part["i"], part["r"])
            is_described = block.kind == place.kind and len(block.keys) == len(block.rows) == place.states > 0
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise Corrupt(self._path, place.at, f"a block that cannot be read: {error!r}") from error
        if not is_described:
            raise Corrupt(self._path, place.at, "a block that its index does not describe")
        return block

    def _frame(self, at: int, size_bytes: int) -> Frame:
        return self._checked(self._read(at, size_bytes), 0, at)

    def _checked(self, data: bytes | memoryview, begin: int, at: int) -> Frame:
        try:
            frame = read_frame(data, begin)
        except BadBytes as error:
            raise Corrupt(self._path, at, error.reason) from error
        if (frame.segment, frame.epoch) != (self._header.segment, self._header.epoch):
            raise Corrupt(self._path, at, "a frame of another shard or generation")
        return frame

    def _read(self, at: int, size_bytes: int) -> bytes:
        try:
            return self._file.read(at, size_bytes)
        except OSError as error:
            raise ReadFailed(self._path, error) from error


def open_snapshots(files: Files, folder: str, manifest: Manifest, *, is_verified: bool = False) -> dict[int, Snapshot]:
    """The snapshots that a manifest names, by shard. is_verified: read every byte of them first. Raises as `Snapshot`."""
    opened: dict[int, Snapshot] = {}
    try:
        for shard, generation in manifest.snapshots.items():
            path = f"{folder}/{name_of_shard(shard, generation)}"
            opened[shard] = Snapshot(files, path, store=manifest.store, shard=shard, generation=generation)
            if is_verified:
                opened[shard].verify()
    except BaseException:
        for snapshot in opened.values():
            snapshot.close()
        raise
    return opened


def _owned(data: bytes, path: str, purpose: int, store: bytes, shard: int, generation: int) -> Header:
    """The header of a file that is the one it should be. Raises Corrupt, NewerFormat."""
    header = read_header(data, path, purpose)
    if (header.store, header.segment, header.epoch) != (store, shard, generation):
        raise Corrupt(path, 0, "it belongs to another store, shard or generation")
    return header


def read_parts(files: Files, path: str, *, store: bytes, generation: int) -> Iterator[tuple[int, Part]]:
    """The parts of a file that `write_parts` wrote, with the offsets of their frames. Raises Corrupt, ReadFailed."""
    try:
        data = files.read(path)
    except FileNotFoundError as error:
        raise Corrupt(path, 0, "it is missing, and the manifest names it") from error
    except OSError as error:
        raise ReadFailed(path, error) from error
    header = _owned(data, path, WINDOW, store, 0, generation)
    kind = COMMIT
    for found in walk(data, header):
        if isinstance(found, Bad):
            raise Corrupt(path, found.at, found.reason)
        at, frame = found
        kind = frame.type
        for part in frame.parts:
            yield at, part
    if kind != END:
        raise Corrupt(path, len(data), "its end is missing")


def _packed(keys: list[Key]) -> array[int] | frozenset[Key]:
    """Keys in order, to be looked for; numbers in 8 bytes each."""
    try:
        return array("q", cast("list[int]", keys))
    except (TypeError, OverflowError):
        return frozenset(keys)


def _is_among(keys: array[int] | frozenset[Key], key: Key) -> bool:
    if isinstance(keys, frozenset):
        return key in keys
    at = bisect_left(keys, key) if type(key) is int else len(keys)
    return at < len(keys) and keys[at] == key


def _order(key: Key) -> tuple[bool, Key]:
    """Numbers before names."""
    return type(key) is str, key
