"""Folding sealed segments into snapshots, so that recovery and disk are bounded by the state, not by its history.

Owns the order of the steps: new files first, then the manifest that names them, then the removal of what nothing needs. It
reads and writes files only: it runs beside the process that writes the log, or with none, and may be killed at any point. One
runs at a time: it has a lock of its own. The
snapshots and the log that the manifest before needs are kept until the next time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from checkpoints.errors import Corrupt, DiskFull
from checkpoints.files import Files
from checkpoints.frame import Frame
from checkpoints.manifest import Manifest, read_manifest, write_manifest
from checkpoints.recovery import read_log, segments_of
from checkpoints.segment import name_of, number_of
from checkpoints.snapshot import Block, Snapshot, name_of_shard, open_snapshots, read_parts, write_parts, write_snapshot
from checkpoints.spec import BLOCK_ROWS
from checkpoints.table import GONE, Changes, Key, Rows, Table, shard_of_key, state_of
from checkpoints.table import LETTERS as STATE_LETTERS
from checkpoints.window import LETTERS, Window

__all__ = ["LOCK", "Compacted", "compact", "fold_frame", "fold_window", "forget", "window_name"]

LOCK = "COMPACT"


class Compacted(NamedTuple):
    """What was done. records: how many were folded.  states: how many the new snapshots hold.  removed: files."""

    manifest: Manifest
    records: int
    states: int
    written_bytes: int
    removed: list[str]


def window_name(generation: int) -> str:
    """The file name of the answers that are kept."""
    return f"window.{generation:08d}.snap"


def fold_frame(table: Table, window: Window, frame: Frame, file: str, at: int) -> None:
    """Take in one commit. Raises Corrupt for a part that is none, or that this version does not know and must."""
    try:
        for part in frame.parts:
            if part.letter in STATE_LETTERS:
                table.fold(part.body)
            elif part.letter in LETTERS:
                window.fold(part)
            elif part.letter.isupper():
                raise Corrupt(file, at, f"it holds a part {part.letter!r}: written by a newer engine?")
    except ValueError as error:
        raise Corrupt(file, at, str(error)) from error


def compact(
    files: Files, folder: str, *, stop: int | None = None, failpoint: Callable[[str], None] = lambda _name: None
) -> Compacted | None:
    """Fold every sealed segment into snapshots; None where there is none.

    stop: number of the segment that is written now, the newest by default.  Raises FolderInUse, Corrupt, ReadFailed,
    NewerFormat, DiskFull, and then everything counts as before; or the new snapshots do, and old files are left over.
    """
    try:
        lock = files.lock(f"{folder}/{LOCK}")
        try:
            return _compact(files, folder, stop, failpoint)
        finally:
            lock.close()
    except OSError as error:
        raise DiskFull(folder, error) from error


def forget(files: Files, folder: str) -> list[str]:
    """Remove what is kept only in case the newest snapshots cannot be read, once they were; returns the files.

    With it goes what was in a state before it was changed or removed.  Raises as `compact`, with nothing removed.
    """
    try:
        lock = files.lock(f"{folder}/{LOCK}")
        try:
            manifests = read_manifest(files, folder)
            if not manifests:
                return []
            fold_window(files, folder, manifests[0], Window())
            for snapshot in open_snapshots(files, folder, manifests[0], is_verified=True).values():
                snapshot.close()
            write_manifest(files, folder, manifests[0], before=manifests[0])
            return _remove_stale(files, folder, manifests[0], manifests[0])
        finally:
            lock.close()
    except OSError as error:
        raise DiskFull(folder, error) from error


def _compact(files: Files, folder: str, stop: int | None, failpoint: Callable[[str], None]) -> Compacted | None:
    manifests = read_manifest(files, folder)
    if not manifests:
        return None
    old = _usable(files, folder, manifests)
    newest = segments_of(files, folder)[-1:] or [old.segment]
    stop = newest[0] if stop is None else stop
    if stop <= old.segment:
        return None
    table, window = Table(), Window()
    fold_window(files, folder, old, window)
    read = read_log(
        files,
        folder,
        lambda frame, file, at: fold_frame(table, window, frame, file, at),
        store=old.store,
        start=old.segment,
        first=old.covered + 1,
        stop=stop,
        is_dry=True,
    )
    covered = read.place.first - 1
    generation = manifests[0].generation + 1
    states = written_bytes = 0
    snapshots = dict(old.snapshots)
    for shard, kinds in sorted(_by_shard(table, old.shards).items()):
        rows = _merged(files, folder, old, shard, kinds)
        path = f"{folder}/{name_of_shard(shard, generation)}"
        written_bytes += write_snapshot(
            files, path, _blocks(rows), store=old.store, shard=shard, generation=generation, covered=covered
        )
        snapshots[shard] = generation
        states += sum(len(known.rows) for known in rows.values())
        failpoint("compact.snapshot")
    path = f"{folder}/{window_name(generation)}"
    written_bytes += write_parts(files, path, window.parts(), store=old.store, generation=generation)
    failpoint("compact.written")
    new = old._replace(generation=generation, covered=covered, segment=stop, snapshots=snapshots, window=generation)
    write_manifest(files, folder, new, before=old)
    failpoint("compact.named")
    removed = _remove_stale(files, folder, new, old)
    failpoint("compact.removed")
    return Compacted(new, read.records, states, written_bytes, removed)


def _usable(files: Files, folder: str, manifests: Sequence[Manifest]) -> Manifest:
    """The newest manifest whose files are whole. Raises the newest one's Corrupt where none is."""
    wrong: list[Corrupt] = []
    for manifest in manifests:
        try:
            fold_window(files, folder, manifest, Window())
            for snapshot in open_snapshots(files, folder, manifest, is_verified=True).values():
                snapshot.close()
        except Corrupt as error:
            wrong.append(error)
        else:
            return manifest
    raise wrong[0]


def _by_shard(table: Table, shards: int) -> dict[int, dict[str, Rows]]:
    """The folded rows by shard and kind."""
    found: dict[int, dict[str, Rows]] = {}
    for kind, known in table.kinds.items():
        for key, row in known.rows.items():
            mine = found.setdefault(shard_of_key(kind, key, shards), {})
            rows = mine.get(kind)
            if rows is None:
                rows = mine[kind] = Rows(known.fields)
            rows.rows[key] = row
    return found


def _merged(files: Files, folder: str, old: Manifest, shard: int, kinds: dict[str, Rows]) -> dict[str, Rows]:
    """A shard's states: those of its snapshot with the new rows over them."""
    merged: dict[str, Rows] = {}
    if shard in old.snapshots:
        generation = old.snapshots[shard]
        path = f"{folder}/{name_of_shard(shard, generation)}"
        snapshot = Snapshot(files, path, store=old.store, shard=shard, generation=generation)
        try:
            for block in snapshot.blocks():
                rows = merged.setdefault(block.kind, Rows(block.fields))
                rows.rows.update(zip(block.keys, _fitted(block.fields, rows.fields, block.rows), strict=True))
        finally:
            snapshot.close()
    for kind, new in kinds.items():
        rows = merged.setdefault(kind, Rows(new.fields))
        if new.fields != rows.fields and new.fields:
            rows.rows = dict(zip(rows.rows, _fitted(rows.fields, new.fields, rows.rows.values()), strict=True))
            rows.fields = new.fields
        for key, row in new.rows.items():
            if row is GONE:
                rows.rows.pop(key, None)
            elif type(row) is Changes:
                base = rows.rows.get(key)
                rows.rows[key] = _applied(row, {} if base is None else state_of(rows.fields, base), folder, f"{kind}/{key}")
            else:
                rows.rows[key] = row
    return merged


def _applied(changes: Changes, state: dict[str, Any], folder: str, name: str) -> dict[str, Any]:
    try:
        return changes.applied(state)
    except ValueError as error:
        raise Corrupt(folder, 0, f"the changes of {name} do not fit its state: {error}") from error


def _fitted(have: list[str], want: list[str], rows: Any) -> list[Any]:
    """Rows for a table with other fields: by name where they differ."""
    return list(rows) if have == want else [state_of(have, row) for row in rows]


def _blocks(kinds: dict[str, Rows]) -> Iterator[Block]:
    for kind, known in sorted(kinds.items()):
        keys = sorted(known.rows, key=lambda key: (type(key) is str, key))
        for at in range(0, len(keys), BLOCK_ROWS):
            part: list[Key] = keys[at : at + BLOCK_ROWS]
            yield Block(kind, known.fields, part, [known.rows[key] for key in part])


def fold_window(files: Files, folder: str, manifest: Manifest, window: Window) -> None:
    """Take in the answers that the last compaction carried over. Raises Corrupt, ReadFailed."""
    if not manifest.window:
        return
    path = f"{folder}/{window_name(manifest.window)}"
    for at, part in read_parts(files, path, store=manifest.store, generation=manifest.window):
        try:
            window.fold(part)
        except ValueError as error:
            raise Corrupt(path, at, str(error)) from error


def _remove_stale(files: Files, folder: str, new: Manifest, old: Manifest) -> list[str]:
    """Remove what neither of two manifests needs."""
    needed = {name_of_shard(shard, generation) for one in (new, old) for shard, generation in one.snapshots.items()}
    needed |= {window_name(one.window) for one in (new, old) if one.window}
    removed = []
    for name in files.names(folder):
        number = number_of(name)
        is_stale_segment = number is not None and name == name_of(number) and number < old.segment
        if is_stale_segment or (name.endswith((".snap", ".snap.new")) and name not in needed):
            files.remove(f"{folder}/{name}")
            removed.append(name)
    if removed:
        files.sync_folder(folder)
    return removed
