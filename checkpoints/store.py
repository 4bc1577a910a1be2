"""The states of many keys, kept on the disk: open, commit, look up, compact.

    store = open_store("data/p1/w0", shards=10, chance=os.urandom)
    store.commit([states_part("counter", ["total"], [17], [[5]])], count=1)     # on the disk when it returns
    store.state("counter", 17)                                                  # {"total": 5}

Owns a folder: its lock, its manifest, the log that is open and the snapshots behind it. It blocks, and it knows nothing of
agents; who needs a loop puts `commit` into a thread. After a crash it is opened like any other time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson

from checkpoints.commitlog import CommitLog
from checkpoints.compaction import Compacted, compact, fold_frame, fold_window
from checkpoints.errors import Corrupt, DiskFull
from checkpoints.files import Disk, File, Files
from checkpoints.frame import Part
from checkpoints.manifest import Manifest, read_manifest, write_manifest
from checkpoints.recovery import Recovered, read_log, segments_of
from checkpoints.shards import SHARDS
from checkpoints.snapshot import Snapshot, open_snapshots
from checkpoints.spec import SEGMENT_BYTES
from checkpoints.table import GONE, SHARDS_MOST, Changes, Key, Rows, Table, shard_of_key, state_of
from checkpoints.window import Window

__all__ = ["STATES", "Store", "changes_part", "gone_part", "open_store", "states_part"]

#: The letter of a part with states.
STATES = b"S"
LOCK = "LOCK"


def states_part(kind: str, fields: Sequence[str], keys: Sequence[Key], rows: Sequence[Any]) -> Part:
    """Whole states. rows: for each key the values of the fields, or the value itself of one field that is a scalar.

    Raises TypeError for what JSON cannot hold.
    """
    name = "s" if len(fields) == 1 and rows and type(rows[0]) is not list else "r"
    return Part(STATES, orjson.dumps({"k": kind, "f": fields, "i": keys, name: rows}))


def changes_part(kind: str, keys: Sequence[Key], changes: Sequence[dict[str, Any]]) -> Part:
    """Changed fields of each key, by name; a name after `+` has items for the end of a list."""
    return Part(STATES, orjson.dumps({"k": kind, "i": keys, "d": changes}))


def gone_part(kind: str, keys: Sequence[Key]) -> Part:
    """Keys that have no state any more."""
    return Part(STATES, orjson.dumps({"k": kind, "i": keys, "x": True}))


class Store:
    """An open store. recovered: what opening it read.  log: where it is written.

    Made by `open_store`.
    """

    def __init__(
        self,
        files: Files,
        folder: str,
        manifest: Manifest,
        *,
        lock: File,
        log: CommitLog,
        recovered: Recovered,
        table: Table,
        window: Window,
        snapshots: dict[int, Snapshot],
        is_fallback: bool,
    ) -> None:
        self._files = files
        self._folder = folder
        self._manifest = manifest
        self._lock = lock
        self._snapshots = snapshots
        self._loaded: set[tuple[int, str, Key]] = set()
        self.log = log
        self.recovered = recovered
        self.table = table
        self.window = window
        #: Whether the newest snapshots could not be read, and the ones before them were used with a longer log.
        self.is_fallback = is_fallback

    @property
    def folder(self) -> str:
        """Where it is kept."""
        return self._folder

    @property
    def manifest(self) -> Manifest:
        """What counts of the folder, as of the last look."""
        return self._manifest

    # -- writing -------------------------------------------------------------------------------------------------------

    def commit(self, parts: Sequence[Part], count: int) -> int:
        """Add records; they are on the disk when this returns the number of the last one. Raises as `CommitLog.commit`.

        What `state` says does not follow: it tells what was there when the store was opened, and what `fold` was given.
        """
        return self.log.commit(parts, count)

    def close(self) -> None:
        """Seal the log and give everything back."""
        self.log.close()
        for snapshot in self._snapshots.values():
            snapshot.close()
        self._snapshots = {}
        self._lock.close()

    # -- reading -------------------------------------------------------------------------------------------------------

    def rows(self, kind: str) -> Rows:
        """What is in memory of a kind's states; `find` brings in more."""
        return self.table.kinds.setdefault(kind, Rows([]))

    def find(self, kind: str, key: Key) -> bool:
        """Bring a key's state into memory as a whole row, with its neighbours; returns whether it has one.

        Raises Corrupt, ReadFailed.
        """
        rows = self.rows(kind)
        row = rows.rows.get(key)
        if row is GONE:
            return False
        if row is not None and type(row) is not Changes:
            return True
        found = self._load(kind, key, rows)
        if type(row) is Changes:
            rows.rows[key] = row.applied({} if found is None else found)
            return True
        return key in rows.rows

    def _load(self, kind: str, key: Key, rows: Rows) -> dict[str, Any] | None:
        """Bring in the block where a key may stand, once; returns the key's state in it."""
        shard = shard_of_key(kind, key, self._manifest.shards)
        snapshot = self._snapshots.get(shard)
        block = None if snapshot is None else snapshot.block(kind, key)
        if block is None:
            return None
        name = (shard, kind, block.keys[0])
        state = None
        if not rows.fields:
            rows.fields = block.fields
        known = rows.rows
        is_same = rows.fields == block.fields
        for other, row in zip(block.keys, block.rows, strict=True):
            if other == key:
                state = state_of(block.fields, row)
            if name not in self._loaded and other not in known:
                known[other] = row if is_same else state_of(block.fields, row)
        self._loaded.add(name)
        return state

    def state(self, kind: str, key: Key) -> dict[str, Any] | None:
        """A key's state by field; None for none. Raises Corrupt, ReadFailed."""
        if not self.find(kind, key):
            return None
        rows = self.rows(kind)
        return dict(state_of(rows.fields, rows.rows[key]))

    def items(self) -> Iterator[tuple[str, Key, dict[str, Any]]]:
        """Every state, in no order: kind, key and fields. Raises Corrupt, ReadFailed."""
        for shard in sorted(self._snapshots):
            for block in self._snapshots[shard].blocks():
                self.find(block.kind, block.keys[0])
        for kind, rows in self.table.kinds.items():
            for key in list(rows.rows):
                if self.find(kind, key):
                    yield kind, key, dict(state_of(rows.fields, rows.rows[key]))

    # -- compaction ----------------------------------------------------------------------------------------------------

    def compact(self) -> Compacted | None:
        """Fold the sealed segments into snapshots here and now; None where there are none. Raises as `compact`."""
        done = compact(self._files, self._folder, stop=self.log.segment)
        if done is not None:
            self.renew(done.manifest)
        return done

    def renew(self, manifest: Manifest) -> None:
        """Read from the snapshots of a later compaction from now on."""
        fresh = open_snapshots(self._files, self._folder, manifest)
        for snapshot in self._snapshots.values():
            snapshot.close()
        self._snapshots, self._manifest = fresh, manifest


def open_store(
    folder: str,
    *,
    shards: int = SHARDS,
    chance: Callable[[int], bytes],
    files: Files | None = None,
    is_synced: bool = True,
    segment_bytes: int = SEGMENT_BYTES,
    failpoint: Callable[[str], None] = lambda _name: None,
) -> Store:
    """Open a store, making it where there is none, and read what it holds.

    chance: random bytes for a new store's name.  is_synced: whether a commit waits for the disk.
    Raises FolderInUse, Corrupt, ReadFailed, NewerFormat, DiskFull; ValueError for another number of shards than it has.
    """
    if not 1 <= shards <= SHARDS_MOST:
        raise ValueError(f"a store has 1 to {SHARDS_MOST} shards, not {shards}")
    disk = files or Disk()
    try:
        disk.make_folder(folder)
        lock = disk.lock(f"{folder}/{LOCK}")
    except OSError as error:
        raise DiskFull(folder, error) from error
    try:
        manifests = read_manifest(disk, folder) or [_new(disk, folder, shards, chance)]
        if manifests[0].shards != shards:
            raise ValueError(f"{folder} has {manifests[0].shards} shards, not {shards}: their number stays as it was made")
        failpoint("open.locked")
        return _open(disk, folder, manifests, lock, is_synced, segment_bytes, failpoint)
    except BaseException:
        lock.close()
        raise


def _new(files: Files, folder: str, shards: int, chance: Callable[[int], bytes]) -> Manifest:
    if segments_of(files, folder):
        raise Corrupt(f"{folder}/MANIFEST", 0, "it is missing, and there are segments")
    manifest = Manifest(chance(16), shards)
    try:
        write_manifest(files, folder, manifest)
    except OSError as error:
        raise DiskFull(folder, error) from error
    return manifest


def _open(
    files: Files,
    folder: str,
    manifests: Sequence[Manifest],
    lock: File,
    is_synced: bool,
    segment_bytes: int,
    failpoint: Callable[[str], None],
) -> Store:
    """Open with the newest manifest whose files are whole. Raises the newest one's error where none is."""
    wrong: list[Corrupt] = []
    for manifest in manifests:
        table, window = Table(), Window()
        try:
            fold_window(files, folder, manifest, window)
            snapshots = open_snapshots(files, folder, manifest, is_verified=True)
        except Corrupt as error:
            wrong.append(error)
            continue
        recovered = read_log(
            files,
            folder,
            lambda frame, file, offset, table=table, window=window: fold_frame(table, window, frame, file, offset),  # type: ignore[misc]
            store=manifest.store,
            start=manifest.segment,
            covered=manifests[0].covered,
        )
        failpoint("open.read")
        log = CommitLog(files, folder, recovered.place, is_synced=is_synced, segment_bytes=segment_bytes, failpoint=failpoint)
        return Store(
            files,
            folder,
            manifest,
            lock=lock,
            log=log,
            recovered=recovered,
            table=table,
            window=window,
            snapshots=snapshots,
            is_fallback=bool(wrong),
        )
    raise wrong[0]
