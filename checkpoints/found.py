"""What a store's folder holds when it is opened.

Owns the choice among manifests, snapshots and log: the newest that are whole, or those before them with a longer log; and the
making of what is new. It holds nothing open but the snapshots that it hands on.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple

from checkpoints.commitlog import Place
from checkpoints.compaction import fold_frame, fold_window
from checkpoints.errors import Corrupt, ReadFailed, unwritten
from checkpoints.files import Files
from checkpoints.frame import HEADER_BYTES, Frame
from checkpoints.manifest import MANIFEST, Manifest, write_manifest
from checkpoints.mark import read_mark
from checkpoints.recovery import Recovered, read_log, segments_of
from checkpoints.segment import NO_DIGEST, SEGMENT_HEADER_BYTES, name_of
from checkpoints.snapshot import Snapshot, open_snapshots
from checkpoints.table import Table
from checkpoints.window import Window

__all__ = ["Found", "close_all", "nothing", "read", "sync_last", "write"]


class Found(NamedTuple):
    """What a folder holds."""

    manifest: Manifest
    recovered: Recovered
    table: Table
    window: Window
    snapshots: dict[int, Snapshot]


def nothing(files: Files, folder: str, shards: int, chance: Callable[[int], bytes]) -> Found:
    """A store that is new. Its log is begun before its manifest is written: a manifest without a log tells that it was lost."""
    _check_new(files, folder)
    store = chance(16)
    recovered = Recovered(Place(store, 1, 1, 1, NO_DIGEST, 0), None, 0, 0, 0, [], [])
    return Found(Manifest(store, shards), recovered, Table(), Window(), {})


def _check_new(files: Files, folder: str) -> None:
    """Remove what a making that was killed has left. Raises Corrupt where there is more: then it was no new store."""
    first = f"{folder}/{name_of(1)}"
    numbers = segments_of(files, folder)
    try:
        kept = [name for name in files.names(folder) if name.endswith(".snap")]
        is_empty = not numbers or (numbers == [1] and len(files.read(first)) <= SEGMENT_HEADER_BYTES + HEADER_BYTES)
    except OSError as error:
        raise ReadFailed(first, error) from error
    if kept or not is_empty:
        raise Corrupt(f"{folder}/{MANIFEST}", 0, "it is missing, and there are segments or snapshots")
    try:
        if numbers:
            files.remove(first)
    except OSError as error:
        raise unwritten(first, error) from error


def write(files: Files, folder: str, manifest: Manifest) -> None:
    """Write the manifest of a new store. Raises DiskFull, StoreFailed."""
    try:
        write_manifest(files, folder, manifest)
    except OSError as error:
        raise unwritten(folder, error) from error


def read(
    files: Files,
    folder: str,
    manifests: Sequence[Manifest],
    damage: list[Corrupt],
    is_dry: bool,
    limit: tuple[str, int] | None,
    ahead: Callable[[Manifest], Found | None],
) -> Found:
    """Read by the newest manifest whose files are whole. Raises the newest one's error where none is.

    limit: the file and the byte from which on nothing counts.  ahead: what was read by that manifest before, and the rest.
    """
    _look_at_mark(files, folder, manifests[0], damage)
    found = None if is_dry else ahead(manifests[0])
    if found is not None:
        return found
    wrong: list[Corrupt] = []
    for manifest in manifests:
        table, window = Table(), Window()
        try:
            fold_window(files, folder, manifest, window)
            snapshots = open_snapshots(files, folder, manifest, is_verified=True)
        except Corrupt as error:
            wrong.append(error)
            continue
        try:
            recovered = read_log(
                files,
                folder,
                partial(_fold, limit, table, window),
                store=manifest.store,
                start=manifest.segment,
                first=manifest.covered + 1,
                covered=manifests[0].covered,
                is_dry=is_dry,
            )
        except BaseException:
            close_all(snapshots)
            raise
        damage += wrong
        return Found(manifest, recovered, table, window, snapshots)
    raise wrong[0]


def _fold(limit: tuple[str, int] | None, table: Table, window: Window, frame: Frame, file: str, at: int) -> None:
    """Take in one commit, if it counts."""
    if limit is None or (file, at) < limit:
        fold_frame(table, window, frame, file, at)


def sync_last(files: Files, path: str) -> None:
    """Have on the disk what the last writer may have been killed over. Raises DiskFull, StoreFailed.

    On one that takes no writes from anybody, what it shows stays as it is.
    """
    try:
        with closing(files.append(path)) as file:
            file.sync()
    except OSError as error:
        if error.errno != errno.EROFS:
            raise unwritten(path, error) from error


def _look_at_mark(files: Files, folder: str, manifest: Manifest, damage: list[Corrupt]) -> None:
    try:
        read_mark(files, folder, manifest.store)
    except Corrupt as error:
        damage.append(error)


def close_all(snapshots: Mapping[int, Snapshot]) -> None:
    """Give back the files of some snapshots."""
    for snapshot in snapshots.values():
        snapshot.close()
