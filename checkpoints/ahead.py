"""What a store holds, read while another process writes it: who takes the store over then has only the rest to read.

Owns what was read so far, and how far that goes. It takes no lock and changes nothing. Whatever is in its way, a compaction
included, costs it what it has read, and no more: then the store is opened as if nobody had read it before.
"""

from __future__ import annotations

from functools import partial

from checkpoints.compaction import fold_frame, fold_window
from checkpoints.errors import CheckpointError
from checkpoints.files import Files
from checkpoints.found import Found, close_all
from checkpoints.manifest import Manifest, read_manifest
from checkpoints.recovery import read_log
from checkpoints.snapshot import open_snapshots
from checkpoints.table import Table
from checkpoints.window import Window

__all__ = ["Ahead"]


class Ahead:
    """A reader of a store that is another's. folder: of the store."""

    def __init__(self, files: Files, folder: str) -> None:
        self.folder = folder
        self._files = files
        self._found: Found | None = None

    def read(self) -> int:
        """Read what is there, or what has come since; returns how many records that were. It raises nothing."""
        try:
            manifests = read_manifest(self._files, self.folder)
            if not manifests:
                return 0
            if self._found is None or self._found.manifest != manifests[0]:
                self.close()
                self._found = self._opened(manifests[0])
            else:
                self._found = self._on(self._found, is_dry=True)
        except CheckpointError:
            self.close()
            return 0
        return self._found.recovered.records

    def _opened(self, manifest: Manifest) -> Found:
        table, window = Table(), Window()
        fold_window(self._files, self.folder, manifest, window)
        snapshots = open_snapshots(self._files, self.folder, manifest, is_verified=True)
        try:
            recovered = read_log(
                self._files,
                self.folder,
                partial(fold_frame, table, window),
                store=manifest.store,
                start=manifest.segment,
                first=manifest.covered + 1,
                is_dry=True,
            )
        except BaseException:
            close_all(snapshots)
            raise
        return Found(manifest, recovered, table, window, snapshots)

    def _on(self, found: Found, *, is_dry: bool) -> Found:
        recovered = read_log(
            self._files,
            self.folder,
            partial(fold_frame, found.table, found.window),
            store=found.manifest.store,
            start=found.manifest.segment,
            first=found.manifest.covered + 1,
            covered=found.manifest.covered,
            is_dry=is_dry,
            behind=found.recovered,
        )
        return found._replace(recovered=recovered)

    def finished(self, manifest: Manifest) -> Found | None:
        """All that the store holds, for its new owner, by its manifest; None where that is to be read anew.

        Like `read_log`, it cuts off a torn tail, and has the rest synced. Its snapshots are the owner's then.
        """
        found, self._found = self._found, None
        if found is None or found.manifest != manifest:
            self._give_back(found)
            return None
        try:
            return self._on(found, is_dry=False)
        except CheckpointError:  # whoever reads it all will meet it again, and say so
            self._give_back(found)
            return None

    def close(self) -> None:
        """Forget what was read."""
        found, self._found = self._found, None
        self._give_back(found)

    @staticmethod
    def _give_back(found: Found | None) -> None:
        if found is not None:
            close_all(found.snapshots)
