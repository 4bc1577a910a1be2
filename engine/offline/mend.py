"""What may be done to a store that no process has open: cut a torn tail off, fold its log into snapshots.

Owns the rule that nothing is written to a store that is damaged, so that nothing is lost of what might still be read; and
that nothing is written without its lock.
"""

from __future__ import annotations

import os

from checkpoints.compaction import Compacted, forget
from checkpoints.errors import DiskFull, FolderInUse
from checkpoints.files import Files
from checkpoints.recovery import Torn, read_log
from checkpoints.store import open_store
from engine.offline.folder import LOCK, StoreFolder, holder_of
from engine.offline.look import open_view
from engine.offline.view import View

__all__ = ["compact", "erase", "repair", "torn_tail"]


def torn_tail(files: Files, store: StoreFolder) -> Torn | None:
    """What a repair would cut off; nothing is changed. Raises FolderInUse; Corrupt and the like for a store that is damaged."""
    _check_free(store)
    with _whole(files, store) as view:
        return None if view.recovered is None else view.recovered.torn


def repair(files: Files, store: StoreFolder) -> Torn | None:
    """Cut a torn tail off, as the next start of the engine would; what was cut is kept. Raises as `torn_tail`, and DiskFull."""
    folder = str(store.path)
    try:
        lock = files.lock(f"{folder}/{LOCK}")
    except OSError as error:
        raise DiskFull(folder, error) from error
    try:
        with _whole(files, store) as view:
            if view.manifest is None or view.recovered is None or view.recovered.torn is None:
                return None
            manifest = view.manifest
        cut = read_log(
            files,
            folder,
            lambda _frame, _file, _at: None,
            store=manifest.store,
            start=manifest.segment,
            first=manifest.covered + 1,
            covered=manifest.covered,
        )
        return cut.torn
    finally:
        lock.close()


def erase(files: Files, store: StoreFolder) -> list[str]:
    """Remove what is kept only in case the newest snapshots are damaged; returns the files. Raises as `compact`."""
    _check_free(store)
    return forget(files, str(store.path))


def compact(files: Files, store: StoreFolder) -> Compacted | None:
    """Fold the log into snapshots; None where it has no records. Raises as `torn_tail`, DiskFull and StoreFailed.

    The store is opened for it as by a start of the engine: a torn tail is cut off, and a new segment begun.
    """
    _check_free(store)
    with _whole(files, store) as view:
        if view.manifest is None or view.recovered is None or not view.recovered.records:
            return None
        shards = view.manifest.shards
    opened = open_store(str(store.path), shards=shards, chance=os.urandom, files=files)
    try:
        return opened.compact()
    finally:
        opened.close()


def _check_free(store: StoreFolder) -> None:
    pid = holder_of(store.path)
    if pid is not None:
        raise FolderInUse(str(store.path), pid)


def _whole(files: Files, store: StoreFolder) -> View:
    """A look at a store in which nothing is damaged. Raises the first of its damages."""
    view = open_view(files, str(store.path))
    if view.damages:
        view.close()
        raise view.damages[0]
    return view
