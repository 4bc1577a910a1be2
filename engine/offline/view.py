"""What was seen of a store: the snapshots, the records behind them, and what is wrong.

Owns the answers: which keys have a state, what it is, and where it comes from. It is made by `look`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

from checkpoints.errors import CheckpointError, Corrupt
from checkpoints.files import Files
from checkpoints.manifest import Manifest
from checkpoints.recovery import Recovered
from checkpoints.segment import SEGMENT_HEADER_BYTES, SNAPSHOT, read_header
from checkpoints.snapshot import Snapshot, name_of_shard
from checkpoints.table import GONE, Changes, Key, Rows, Table, shard_of_key, state_of
from checkpoints.waypoints import Waypoints

__all__ = ["Source", "View"]


class Source(NamedTuple):
    """Where a state comes from. file: the name in its folder of what has the last word.

    offset: of the frame in it, None for a snapshot.  first, last: the records of that frame; of a snapshot, all up to last.
    snapshot: the file that has the state before the changes in the log, None where there is none.
    """

    file: str
    offset: int | None
    first: int
    last: int
    snapshot: str | None


class View:
    """A look at one store, to be closed. Of a store that was never written, everything is empty.

    manifest: the one that counts, or the one before where the files of that are damaged; None where there is none.
    table: what the log says.  waypoints: what tasks put on record.  snapshots: by shard.  recovered: what reading the log gave.
    source: of the key that was wanted.
    damages: what is not as it was written, also where the store can be read without it.
    error: why nothing can be read, one of the damages; None where all can.
    """

    def __init__(
        self,
        files: Files,
        folder: str,
        *,
        manifest: Manifest | None = None,
        table: Table | None = None,
        snapshots: dict[int, Snapshot] | None = None,
        recovered: Recovered | None = None,
        source: Source | None = None,
        waypoints: Waypoints | None = None,
        damages: Sequence[CheckpointError] = (),
        error: CheckpointError | None = None,
    ) -> None:
        self._files = files
        self._folder = folder
        self._snapshots = snapshots or {}
        self._table = table or Table()
        self._source = source
        self.waypoints = waypoints or Waypoints()
        self.manifest = manifest
        self.recovered = recovered
        self.damages = list(damages)
        self.error = error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the files back."""
        for snapshot in self._snapshots.values():
            snapshot.close()

    # -- what is there -------------------------------------------------------------------------------------------------

    @property
    def records(self) -> int:
        """Records that were ever written."""
        return 0 if self.recovered is None else self.recovered.place.first - 1

    def count(self) -> int:
        """How many keys have a state; each of them was made. Raises Corrupt, ReadFailed."""
        return sum(1 for _ in self.items())

    def kinds(self) -> set[str]:
        """The kinds that have states, or had some lately."""
        return set(self._table.kinds).union(*(snapshot.kinds for snapshot in self._snapshots.values()))

    def shard_of(self, kind: str, key: Key) -> int:
        """The shard that a key belongs to."""
        return 0 if self.manifest is None else shard_of_key(kind, key, self.manifest.shards)

    def state(self, kind: str, key: Key) -> dict[str, Any] | None:
        """A key's state by field; None for none. Raises Corrupt, ReadFailed."""
        row = self._row(kind, key)
        if row is None:
            return self._kept(kind, key)
        if row is GONE:
            return None
        return self._applied(row, self._kept(kind, key), f"{kind}/{key}") if type(row) is Changes else dict(row)

    def source(self, kind: str, key: Key) -> Source | None:
        """Where the state comes from of the key that the view was opened for, or its removal; None for neither."""
        logged = self._row(kind, key)
        if self.manifest is None or (self._source is not None and type(logged) is not Changes):
            return self._source
        if self._kept(kind, key) is None:
            return self._source
        shard = self.shard_of(kind, key)
        name = name_of_shard(shard, self.manifest.snapshots[shard])
        if self._source is not None:
            return self._source._replace(snapshot=name)
        path = f"{self._folder}/{name}"
        header = read_header(self._files.read(path, 0, SEGMENT_HEADER_BYTES), path, SNAPSHOT)
        return Source(name, None, 1, header.before_bytes, name)

    def items(self) -> Iterator[tuple[str, Key, dict[str, Any]]]:
        """Every state: kind, key and fields, those of the snapshots first. Raises Corrupt, ReadFailed."""
        for kind, key, kept in self._keys():
            row = self._row(kind, key)
            if type(row) is Changes:
                yield kind, key, self._applied(row, kept, f"{kind}/{key}")
            elif row is None:
                yield kind, key, kept or {}
            else:
                yield kind, key, dict(row)

    def _applied(self, changes: Changes, kept: dict[str, Any] | None, agent: str) -> dict[str, Any]:
        try:
            return changes.applied(kept or {})
        except ValueError as error:
            raise Corrupt(self._folder, 0, f"the changes of {agent} do not fit its state: {error}") from error

    def _row(self, kind: str, key: Key) -> Any:
        """What the log says of a key: a whole state, Changes, GONE, or None for nothing."""
        rows = self._table.kinds.get(kind)
        if rows is None or key not in rows.rows:
            return None
        row = rows.rows[key]
        return row if row is GONE or type(row) is Changes else state_of(rows.fields, row)

    def _keys(self) -> Iterator[tuple[str, Key, dict[str, Any] | None]]:
        """Every key that has a state, with what a snapshot has of it."""
        met: dict[str, set[Key]] = {}
        for shard in sorted(self._snapshots):
            for block in self._snapshots[shard].blocks():
                logged = self._table.kinds.get(block.kind) or Rows([])
                for key, row in zip(block.keys, block.rows, strict=True):
                    if key in logged.rows:
                        met.setdefault(block.kind, set()).add(key)
                    if logged.rows.get(key) is not GONE:
                        yield block.kind, key, state_of(block.fields, row)
        for kind, rows in sorted(self._table.kinds.items()):
            known = met.get(kind, set())
            for key, row in rows.rows.items():
                if row is not GONE and key not in known:
                    yield kind, key, None

    def _kept(self, kind: str, key: Key) -> dict[str, Any] | None:
        """A key's state in the snapshot of its shard."""
        snapshot = self._snapshots.get(self.shard_of(kind, key))
        block = None if snapshot is None else snapshot.block(kind, key)
        if block is None or key not in block.keys:
            return None
        return dict(state_of(block.fields, block.rows[block.keys.index(key)]))
