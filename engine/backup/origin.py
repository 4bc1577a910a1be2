"""The files of a data directory as of one moment, open for copying.

Owns which files of a store count and how much of each, and the locks that keep them while they are opened: the one of the
compactor, which alone removes files, and of a store that nobody writes that of its writer. Once they are open they may be
removed; their bytes stay.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from checkpoints.compaction import LOCK as COMPACT
from checkpoints.compaction import window_name
from checkpoints.errors import FolderInUse
from checkpoints.files import Disk, File
from checkpoints.manifest import BEFORE, MANIFEST, Manifest, read_manifest
from checkpoints.mark import MARK
from checkpoints.recovery import segments_of
from checkpoints.segment import name_of
from checkpoints.snapshot import name_of_shard
from engine.offline.folder import LOCK, StoreFolder

__all__ = ["Origin", "Piece", "opened"]

#: Seconds that a compaction which is under way may take, and between two looks.
COMPACT_S, LOOK_S = 60.0, 0.02


class Piece(NamedTuple):
    """One file to be copied. size_bytes: how much of it counts.  data: all of it, or descriptor: where it is read."""

    name: str
    size_bytes: int
    data: bytes | None = None
    descriptor: int = -1

    def chunks(self, most_bytes: int) -> Iterator[bytes]:
        """The bytes that count, in order; fewer where the file is shorter."""
        if self.data is not None:
            yield self.data
            return
        at = 0
        while at < self.size_bytes and (part := os.pread(self.descriptor, min(most_bytes, self.size_bytes - at), at)):
            at += len(part)
            yield part


class Origin(NamedTuple):
    """What is copied."""

    pieces: list[Piece]

    def close(self) -> None:
        """Give the files back."""
        for piece in self.pieces:
            if piece.descriptor >= 0:
                os.close(piece.descriptor)


def opened(stores: list[StoreFolder], cut: Callable[[], Mapping[str, list[int]]] | None) -> Origin:
    """Open everything that counts of some stores.

    cut: gives the moment: of each store that is written the segment and its bytes; None where nobody writes.
    Raises FolderInUse, CheckpointError, OSError.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    origin = Origin([])
    try:
        with ExitStack() as held:
            for store in stores:
                held.callback(_locked(f"{store.path}/{COMPACT}").close)
                if cut is None:
                    held.callback(Disk().lock(f"{store.path}/{LOCK}").close)
            marks = [_read(store.path / MARK) for store in stores]  # what they say is there at a later moment
            places = cut() if cut is not None else {}
            for store, mark in zip(stores, marks, strict=True):
                if cut is not None and store.name not in places:
                    raise FolderInUse(str(store.path), None)
                _add(origin, store, mark, places.get(store.name))
    except BaseException:
        origin.close()
        raise
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, len(origin.pieces) + 64), hard))
    return origin


def _locked(path: str) -> File:
    """The compactor's lock, once a compaction that is under way is done."""
    deadline_s = time.monotonic() + COMPACT_S
    while True:
        try:
            return Disk().lock(path)
        except FolderInUse:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(LOOK_S)


def _add(origin: Origin, store: StoreFolder, mark: bytes | None, place: list[int] | None) -> None:
    folder = str(store.path)
    manifests = read_manifest(Disk(), folder)
    small = {MANIFEST: _read(store.path / MANIFEST), BEFORE: _read(store.path / BEFORE), MARK: mark}
    for name, data in small.items():
        if data is not None:
            origin.pieces.append(Piece(f"{store.name}/{name}", len(data), data))
    names = sorted({name for manifest in manifests for name in _named(manifest)})
    first = min((manifest.segment for manifest in manifests), default=1)
    numbers = [number for number in segments_of(Disk(), folder) if number >= first and (place is None or number <= place[0])]
    for name in [*names, *map(name_of, numbers)]:
        descriptor = os.open(store.path / name, os.O_RDONLY | os.O_CLOEXEC)
        size_bytes = os.fstat(descriptor).st_size
        if place is not None and name == name_of(place[0]):
            size_bytes = place[1]
        origin.pieces.append(Piece(f"{store.name}/{name}", size_bytes, None, descriptor))


def _named(manifest: Manifest) -> Iterator[str]:
    yield from (name_of_shard(shard, generation) for shard, generation in manifest.snapshots.items())
    if manifest.window:
        yield window_name(manifest.window)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
