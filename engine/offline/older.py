"""The files of a store that count only if newer ones are damaged: those that another manifest names, and the mark.

Owns the look at them: what was read with the manifest in use is not read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from checkpoints.compaction import fold_window
from checkpoints.errors import CheckpointError
from checkpoints.files import Files
from checkpoints.manifest import Manifest
from checkpoints.mark import read_mark
from checkpoints.recovery import read_log
from checkpoints.snapshot import Snapshot, name_of_shard
from checkpoints.window import Window

__all__ = ["damages_before"]


def damages_before(
    files: Files, folder: str, manifests: Sequence[Manifest], used: Manifest, known: Sequence[CheckpointError]
) -> list[CheckpointError]:
    """What is damaged besides what is known. used: the manifest whose files were read whole already."""
    said = {str(error) for error in known}
    others = (manifest for manifest in manifests if manifest != used)
    looks = [look for manifest in others for look in _looks(files, folder, manifest, used)]
    looks.append(lambda: read_mark(files, folder, used.store))
    return [error for error in map(_error_of, looks) if error is not None and str(error) not in said]


def _error_of(look: Callable[[], object]) -> CheckpointError | None:
    try:
        look()
    except CheckpointError as error:
        return error
    return None


def _looks(files: Files, folder: str, manifest: Manifest, used: Manifest) -> Iterator[Callable[[], object]]:
    """A look at each file of another manifest that was not read with the one in use."""
    for shard, generation in manifest.snapshots.items():
        if used.snapshots.get(shard) != generation:
            yield partial(_verify, files, folder, manifest, shard)
    if manifest.window != used.window:
        yield lambda: fold_window(files, folder, manifest, Window())
    if manifest.segment < used.segment:
        yield lambda: _read_between(files, folder, manifest, used)


def _verify(files: Files, folder: str, manifest: Manifest, shard: int) -> None:
    generation = manifest.snapshots[shard]
    path = f"{folder}/{name_of_shard(shard, generation)}"
    snapshot = Snapshot(files, path, store=manifest.store, shard=shard, generation=generation)
    try:
        snapshot.verify()
    finally:
        snapshot.close()


def _read_between(files: Files, folder: str, manifest: Manifest, used: Manifest) -> None:
    """Read the segments that the snapshots in use have folded already. Raises Corrupt for a changed seal too."""
    found = read_log(
        files,
        folder,
        lambda _frame, _file, _at: None,
        store=manifest.store,
        start=manifest.segment,
        first=manifest.covered + 1,
        stop=used.segment,
        is_dry=True,
    )
    if found.changed:
        raise found.changed[0]
