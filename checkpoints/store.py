"""The states of many keys, kept on the disk: open, commit, look up, compact.

    store = open_store("data/p1/w0", shards=10, chance=os.urandom)
    store.commit([states_part("counter", ["total"], [17], [[5]])], count=1)     # on the disk when it returns
    store.state("counter", 17)                                                  # {"total": 5}

Owns a folder: its lock, its manifest, the log that is open and the snapshots behind it. It blocks, and it knows nothing of
agents; who needs a loop puts `commit` into a thread. After a crash it is opened like any other time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import orjson

from checkpoints.ahead import Ahead
from checkpoints.commitlog import CommitLog, Place
from checkpoints.compaction import Compacted, compact
from checkpoints.errors import Corrupt, StoreClosed, unwritten
from checkpoints.files import Disk, File, Files
from checkpoints.found import Found, close_all, nothing, read, sync_last, write
from checkpoints.frame import Part
from checkpoints.graves import Grave, Graves
from checkpoints.manifest import BEFORE, MANIFEST, Manifest, read_manifest
from checkpoints.mark import MARK
from checkpoints.recovery import read_log
from checkpoints.segment import name_of
from checkpoints.shards import SHARDS
from checkpoints.snapshot import open_snapshots
from checkpoints.spec import SEGMENT_BYTES
from checkpoints.table import ENTRIES, GONE, SHARDS_MOST, STATES, Changes, Key, Rows, shard_of_key, state_of

__all__ = ["Store", "changes_part", "gone_part", "open_store", "states_part"]

LOCK = "LOCK"


def states_part(kind: str, fields: Sequence[str], keys: Sequence[Key], rows: Sequence[Any]) -> Part:
    """Whole states. rows: for each key the values of the fields, or the value itself of one field that is a scalar.

    Raises TypeError for what JSON cannot hold.
    """
    name = "s" if len(fields) == 1 and rows and type(rows[0]) is not list else "r"
    return Part(STATES, orjson.dumps({"k": kind, "f": fields, "i": keys, name: rows}))


def changes_part(kind: str, keys: Sequence[Key], changes: Sequence[dict[str, Any]]) -> Part:
    """Changed fields of each key, by name; a name after `+` has items for the end of a list.

    A name after `=` has entries for an object, one after `-` the names of entries that go.
    """
    has_entries = any(name[:1] in ("=", "-") for change in changes for name in change)
    return Part(ENTRIES if has_entries else STATES, orjson.dumps({"k": kind, "i": keys, "d": changes}))


def gone_part(kind: str, keys: Sequence[Key]) -> Part:
    """Keys that have no state any more."""
    return Part(STATES, orjson.dumps({"k": kind, "i": keys, "x": True}))


class Store:
    """An open store. recovered: what opening it read.  log: where it is written, None where it is only read.

    Made by `open_store`.
    """

    def __init__(
        self,
        files: Files,
        folder: str,
        found: Found,
        *,
        lock: File,
        log: CommitLog | None,
        begin: Callable[[Place], CommitLog],
        damage: Sequence[Corrupt],
        until: tuple[int, int] | None,
    ) -> None:
        self._files = files
        self._folder = folder
        self._lock = lock
        self._manifest, self.recovered, self.table, self.window, self._snapshots = found
        self._loaded: set[tuple[int, str, Key]] = set()
        self._graves = Graves()
        self._begun = self.recovered.place.segment
        self._bury()
        self._log = log
        self._begin = begin
        self._until = until
        #: What was found damaged beside the log, and was made good by what was kept of before, or was not needed.
        self.damage = damage
        self._is_closed = False

    def _bury(self) -> None:
        """Know the removed keys of the log by themselves: a row that is taken out must not make the snapshot's count again."""
        for kind, rows in self.table.kinds.items():
            gone = [key for key, row in rows.rows.items() if row is GONE]
            for key in gone:
                del rows.rows[key]
            self._graves.add(kind, gone, Grave(self._begun - 1))

    @property
    def is_fallback(self) -> bool:
        """Whether the newest snapshots could not be read, and the ones before them were used with a longer log."""
        return any(not error.file.endswith((f"/{BEFORE}", f"/{MARK}")) for error in self.damage)

    @property
    def folder(self) -> str:
        """Where it is kept."""
        return self._folder

    @property
    def manifest(self) -> Manifest:
        """What counts of the folder, as of the last look."""
        return self._manifest

    # -- writing -------------------------------------------------------------------------------------------------------

    @property
    def log(self) -> CommitLog:
        """Where it is written. Raises StoreClosed where it was opened to be read."""
        if self._log is None:
            raise StoreClosed(f"{self._folder} was opened to be read only")
        return self._log

    @property
    def end(self) -> tuple[int, int]:
        """Where what counts of the log ends: the segment, and how many bytes of it."""
        if self._log is not None:
            return self._log.segment, self._log.segment_bytes
        place = self.recovered.place
        return self._until or (place.segment - 1, place.before_bytes)

    def begin(self) -> None:
        """Write from now on what was opened to be read. Raises as `open_store`, and then it is read only as before."""
        manifest = read_manifest(self._files, self._folder)[0]
        self.recovered = read_log(
            self._files, self._folder, lambda *_: None, store=manifest.store, start=manifest.segment, first=manifest.covered + 1
        )
        self._log = self._begin(self.recovered.place)

    def commit(self, parts: Sequence[Part], count: int) -> int:
        """Add records; they are on the disk when this returns the number of the last one. Raises as `CommitLog.commit`.

        What `state` says does not follow: it tells what was there when the store was opened, and what `fold` was given.
        """
        return self.log.commit(parts, count)

    def take_out(self, kind: str, keys: Sequence[Key]) -> Grave:
        """Have no state of these keys any more, whatever a snapshot says; `gone_part` is the record of it.

        Returns what is to be told the segment of that record, once it is committed.
        """
        rows, grave = self.rows(kind).rows, Grave()
        for key in keys:
            rows.pop(key, None)
        self._graves.add(kind, keys, grave)
        return grave

    def close(self) -> None:
        """Seal the log and give everything back. Once is enough, and twice does no harm."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self._log is not None:
                self._log.close()
        finally:
            close_all(self._snapshots)
            self._snapshots = {}
            self._lock.close()

    # -- reading -------------------------------------------------------------------------------------------------------

    def rows(self, kind: str) -> Rows:
        """What is in memory of a kind's states; `find` brings in more."""
        return self.table.kinds.setdefault(kind, Rows([]))

    def find(self, kind: str, key: Key) -> bool:
        """Bring a key's state into memory as a whole row, with its neighbours; returns whether it has one.

        Neighbours that were brought in before and taken out since are not brought in again.  Raises Corrupt, ReadFailed.
        """
        rows = self.rows(kind)
        row = rows.rows.get(key)
        if row is None and key in self._graves.of(kind):
            return False
        if row is not None and type(row) is not Changes:
            return True
        found = self._load(kind, key, rows)
        if type(row) is Changes:
            rows.rows[key] = self._applied(row, {} if found is None else found, f"{kind}/{key}")
        elif found is not None:
            rows.rows.setdefault(key, found)
        return key in rows.rows

    def _applied(self, changes: Changes, state: dict[str, Any], name: str) -> dict[str, Any]:
        try:
            return changes.applied(state)
        except ValueError as error:
            raise Corrupt(self._folder, 0, f"the changes of {name} do not fit its state: {error}") from error

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
        known, gone = rows.rows, self._graves.of(kind)
        is_same = rows.fields == block.fields
        for other, row in zip(block.keys, block.rows, strict=True):
            if other == key:
                state = state_of(block.fields, row)
            if name not in self._loaded and other not in known and other not in gone:
                known[other] = row if is_same else state_of(block.fields, row)
        self._loaded.add(name)
        return state

    def may_have(self, kind: str, key: Key) -> bool:
        """Whether there may be a state of a key, in memory or in a snapshot, without a look at the disk."""
        snapshot = self._snapshots.get(shard_of_key(kind, key, self._manifest.shards))
        return key in self.rows(kind).rows or (snapshot is not None and snapshot.may_have(kind))

    def state(self, kind: str, key: Key) -> dict[str, Any] | None:
        """A key's state by field; None for none. Raises Corrupt, ReadFailed."""
        if not self.find(kind, key):
            return None
        rows = self.rows(kind)
        return dict(state_of(rows.fields, rows.rows[key]))

    def items(self) -> Iterator[tuple[str, Key, dict[str, Any]]]:
        """Every state, in no order: kind, key and fields. Raises Corrupt, ReadFailed."""
        known = {kind: list(rows.rows) for kind, rows in self.table.kinds.items()}
        inside = {kind: set(keys) for kind, keys in known.items()}
        for shard in sorted(self._snapshots):
            for block in self._snapshots[shard].blocks():
                mine, gone = inside.get(block.kind, ()), self._graves.of(block.kind)
                for key, row in zip(block.keys, block.rows, strict=True):
                    if key not in mine and key not in gone:
                        yield block.kind, key, dict(state_of(block.fields, row))
        for kind, keys in known.items():
            for key in keys:
                state = self.state(kind, key)
                if state is not None:
                    yield kind, key, state

    # -- compaction ----------------------------------------------------------------------------------------------------

    def compact(self) -> Compacted | None:
        """Fold the sealed segments into snapshots here and now; None where there are none. Raises as `compact`."""
        done = compact(self._files, self._folder, stop=self.log.segment)
        if done is not None:
            self.renew(done.manifest)
        return done

    def renew(self, manifest: Manifest) -> None:
        """Read from the snapshots of a later compaction from now on. Raises Corrupt, ReadFailed, then the old ones are read.

        What the log that was read when the store was opened has changed is in them; or, where they are of before that, it is
        brought in upon the old ones: no change is made twice.
        """
        fresh = open_snapshots(self._files, self._folder, manifest)
        try:
            for kind, known in self.table.kinds.items():
                for key in [key for key, row in known.rows.items() if type(row) is Changes]:
                    if manifest.segment >= self._begun:
                        del known.rows[key]
                    else:
                        self.find(kind, key)
        except BaseException:
            close_all(fresh)
            raise
        self._graves.forget(manifest.segment)
        close_all(self._snapshots)
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
    is_dry: bool = False,
    until: tuple[int, int] | None = None,
    ahead: Ahead | None = None,
) -> Store:
    """Open a store, making it where there is none, and read what it holds.

    chance: random bytes for a new store's name.  is_synced: whether a commit waits for the disk.
    is_dry: only read it, one that is there, and write nothing before `Store.begin`.  until: where what counts ends, a segment
    and so many bytes of it, if that is known; None takes whatever is whole.  ahead: what was read of it while it was another's.
    Raises FolderInUse, Corrupt, ReadFailed, NewerFormat, DiskFull, StoreFailed; ValueError for another number of shards than it
    has.
    """
    if not 1 <= shards <= SHARDS_MOST:
        raise ValueError(f"a store has 1 to {SHARDS_MOST} shards, not {shards}")
    disk = files or Disk()
    try:
        if not is_dry:
            disk.make_folder(folder)
        lock = disk.lock(f"{folder}/{LOCK}")
    except OSError as error:
        raise unwritten(folder, error) from error
    with ExitStack() as held:
        held.callback(lock.close)
        damage: list[Corrupt] = []
        manifests = read_manifest(disk, folder, damage)
        failpoint("open.locked")
        if is_dry and not manifests:
            raise Corrupt(f"{folder}/{MANIFEST}", 0, "it is missing")
        limit = None if until is None else (f"{folder}/{name_of(until[0])}", until[1])
        known = (lambda _manifest: None) if ahead is None else ahead.finished
        found = (
            read(disk, folder, manifests, damage, is_dry, limit, known) if manifests else nothing(disk, folder, shards, chance)
        )
        held.callback(close_all, found.snapshots)
        if found.manifest.shards != shards:
            raise ValueError(f"{folder} has {found.manifest.shards} shards, not {shards}: their number stays as it was made")
        failpoint("open.read")
        if is_dry and limit is None:
            sync_last(disk, f"{folder}/{name_of(found.recovered.place.segment - 1)}")
        begin = partial(CommitLog, disk, folder, is_synced=is_synced, segment_bytes=segment_bytes, failpoint=failpoint)
        log = None if is_dry else begin(found.recovered.place)
        if log is not None:
            held.callback(log.close)
        if not manifests:
            write(disk, folder, found.manifest)
        held.pop_all()
    return Store(disk, folder, found, lock=lock, log=log, begin=begin, damage=damage, until=until)
