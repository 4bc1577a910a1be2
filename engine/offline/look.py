"""A look at a store's files without its lock.

Owns the order: the same files as a start of the engine reads, each of them whole, and then those that count only if they are
damaged; nothing is written. A look while a process writes there is repeated if what it read was moved away meanwhile; the
tail of a frame that is being written is no damage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from checkpoints.compaction import fold_frame, fold_window
from checkpoints.errors import CheckpointError, Corrupt, ReadFailed
from checkpoints.files import Files
from checkpoints.frame import HEADER_BYTES, Frame
from checkpoints.manifest import MANIFEST, Manifest, read_manifest
from checkpoints.recovery import Recovered, read_log, segments_of
from checkpoints.segment import SEGMENT_HEADER_BYTES, name_of
from checkpoints.snapshot import Snapshot, open_snapshots
from checkpoints.table import LETTERS, Key, Table
from checkpoints.window import Window
from engine.offline.older import damages_before
from engine.offline.view import Source, View

__all__ = ["open_view"]

#: Looks at a store whose files are moved meanwhile. A second one is rare; each takes a whole compaction to be in vain.
TRIES = 5


def open_view(files: Files, folder: str, wanted: tuple[str, Key] | None = None) -> View:
    """A look at a store; what is wrong with it is in the view. wanted: the kind and key whose source will be asked for."""
    for _ in range(TRIES - 1):
        before = _names(files, folder)
        view = _looked(files, folder, wanted)
        if not view.damages or _names(files, folder) == before:
            return view
        view.close()
    return _looked(files, folder, wanted)


def _looked(files: Files, folder: str, wanted: tuple[str, Key] | None) -> View:
    damages: list[CheckpointError] = []
    wrong: list[Corrupt] = []
    try:
        manifests = read_manifest(files, folder, wrong)
        if not manifests:
            _check_new(files, folder)
            return View(files, folder)
    except CheckpointError as error:
        return _unreadable(files, folder, [error, *(one for one in wrong if one is not error)])
    damages += wrong
    base = _newest(files, folder, manifests, damages)
    if base is None:
        return _unreadable(files, folder, damages)
    damages += damages_before(files, folder, manifests, base.manifest, damages)
    log = _Log(wanted)
    try:
        recovered = log.read(files, folder, base, manifests[0].covered)
    except CheckpointError as error:
        base.close()
        return _unreadable(files, folder, [error, *damages])
    damages += recovered.changed
    return View(
        files,
        folder,
        manifest=base.manifest,
        table=log.table,
        snapshots=base.snapshots,
        recovered=recovered,
        source=log.source,
        waypoints=base.window.waypoints,
        damages=damages,
    )


def _check_new(files: Files, folder: str) -> None:
    """Raise Corrupt for a folder without a manifest that has more than the making of a store leaves when it is killed."""
    numbers = segments_of(files, folder)
    try:
        has_snapshots = any(name.endswith(".snap") for name in files.names(folder))
        sizes_bytes = [len(files.read(f"{folder}/{name_of(number)}")) for number in numbers]
    except OSError as error:
        raise ReadFailed(folder, error) from error
    if has_snapshots or len(numbers) > 1 or any(size > SEGMENT_HEADER_BYTES + HEADER_BYTES for size in sizes_bytes):
        raise Corrupt(f"{folder}/{MANIFEST}", 0, "it is missing, and there are segments or snapshots")


def _unreadable(files: Files, folder: str, damages: list[CheckpointError]) -> View:
    return View(files, folder, damages=damages, error=damages[0])


class _Base(NamedTuple):
    """What the log is read upon."""

    manifest: Manifest
    window: Window
    snapshots: dict[int, Snapshot]

    def close(self) -> None:
        for snapshot in self.snapshots.values():
            snapshot.close()


def _newest(files: Files, folder: str, manifests: Sequence[Manifest], damages: list[CheckpointError]) -> _Base | None:
    """The files of the newest manifest that are whole, if any are; what is wrong with those of newer ones is added."""
    for manifest in manifests:
        window = Window()
        try:
            fold_window(files, folder, manifest, window)
            return _Base(manifest, window, open_snapshots(files, folder, manifest, is_verified=True))
        except CheckpointError as error:
            damages.append(error)
            if not isinstance(error, Corrupt):
                break  # a start of the engine would stop here too
    return None


class _Log:
    """The records behind the snapshots. wanted: the kind and key whose last record is looked for."""

    def __init__(self, wanted: tuple[str, Key] | None) -> None:
        self._wanted = wanted
        self.table = Table()
        self.source: Source | None = None

    def read(self, files: Files, folder: str, base: _Base, covered: int) -> Recovered:
        """Read them. covered: as in `read_log`.  Raises as it."""

        def visit(frame: Frame, file: str, at: int) -> None:
            fold_frame(self.table, base.window, frame, file, at)
            if self._wanted is not None and _is_in(frame, *self._wanted):
                self.source = Source(file.rpartition("/")[2], at, frame.first, frame.last, None)

        return read_log(
            files,
            folder,
            visit,
            store=base.manifest.store,
            start=base.manifest.segment,
            first=base.manifest.covered + 1,
            covered=covered,
            is_dry=True,
        )


def _names(files: Files, folder: str) -> Sequence[str]:
    try:
        return files.names(folder)
    except OSError:
        return ()


def _is_in(frame: Frame, kind: str, key: Key) -> bool:
    """Whether a commit has a record of a key."""
    parts = (orjson.loads(part.body) for part in frame.parts if part.letter in LETTERS)
    return any(part["k"] == kind and key in part["i"] for part in parts)
