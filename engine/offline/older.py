"""The files of a store that count only if newer ones are damaged: the manifest before, and what it names.

Owns the look at them. One that is missing is no damage: a compaction that had to use the manifest before leaves none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from checkpoints.compaction import fold_window, window_name
from checkpoints.errors import CheckpointError, Corrupt, ReadFailed
from checkpoints.files import Files
from checkpoints.frame import BadBytes, read_frame
from checkpoints.manifest import MANIFEST, Manifest, read_manifest
from checkpoints.recovery import read_log
from checkpoints.snapshot import Snapshot, name_of_shard
from checkpoints.window import Window

__all__ = ["damages_before"]

#: The manifest before the one that counts.
BEFORE = f"{MANIFEST}.before"


def damages_before(files: Files, folder: str, used: Manifest | None, known: Sequence[CheckpointError]) -> list[CheckpointError]:
    """What is damaged besides what is known.

    used: the manifest whose files were read whole already, None where there is none that could be.
    """
    looks: list[Callable[[], object]] = []
    try:
        names = files.names(folder)
        looks += [_manifest(files, f"{folder}/{name}") for name in (MANIFEST, BEFORE) if name in names]
        for manifest in read_manifest(files, folder):
            if used is not None and manifest != used:
                looks += _looks(files, folder, manifest, used, names)
    except (OSError, CheckpointError):
        pass  # a folder or a manifest that cannot be read is known
    said = {str(error) for error in known}
    return [error for error in map(_error_of, looks) if error is not None and str(error) not in said]


def _error_of(look: Callable[[], object]) -> CheckpointError | None:
    try:
        look()
    except CheckpointError as error:
        return error
    return None


def _manifest(files: Files, path: str) -> Callable[[], object]:
    def look() -> None:
        try:
            read_frame(files.read(path), 0)
        except BadBytes as error:
            raise Corrupt(path, 0, error.reason) from error
        except FileNotFoundError:
            return  # it got its other name in this moment
        except OSError as error:
            raise ReadFailed(path, error) from error

    return look


def _looks(files: Files, folder: str, manifest: Manifest, used: Manifest, names: Sequence[str]) -> list[Callable[[], object]]:
    """A look at each file of another manifest that is there and was not read with the one that is used."""
    looks: list[Callable[[], object]] = []
    for shard, generation in manifest.snapshots.items():
        if used.snapshots.get(shard) != generation and name_of_shard(shard, generation) in names:
            looks.append(_snapshot(files, folder, manifest, shard))
    if manifest.window != used.window and window_name(manifest.window) in names:
        looks.append(lambda: fold_window(files, folder, manifest, Window()))
    if manifest.segment < used.segment:
        looks.append(lambda: _read_between(files, folder, manifest, used))
    return looks


def _snapshot(files: Files, folder: str, manifest: Manifest, shard: int) -> Callable[[], object]:
    generation = manifest.snapshots[shard]

    def look() -> None:
        path = f"{folder}/{name_of_shard(shard, generation)}"
        snapshot = Snapshot(files, path, store=manifest.store, shard=shard, generation=generation)
        try:
            snapshot.verify()
        finally:
            snapshot.close()

    return look


def _read_between(files: Files, folder: str, manifest: Manifest, used: Manifest) -> None:
    """Read the segments that the snapshots in use have folded already."""
    read_log(
        files,
        folder,
        lambda _frame, _file, _at: None,
        store=manifest.store,
        start=manifest.segment,
        stop=used.segment,
        is_dry=True,
    )
