"""A copy of a data directory into a backup.

Owns the order: everything is opened as of one moment, copied, listed, read back and compared, and only then has its name.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from checkpoints.errors import FULL, DiskFull
from engine import __version__
from engine.backup.inventory import INVENTORY, Entry, Inventory
from engine.backup.origin import Piece, opened
from engine.backup.vault import CHUNK_BYTES, Vault
from engine.errors import BackupDamaged
from engine.offline.folder import find_stores

__all__ = ["copy"]


def copy(
    data: Path,
    target: Path,
    *,
    name: str,
    cut: Callable[[], Mapping[str, list[int]]] | None,
    told: Callable[[float, float], None] = lambda _done, _total: None,
) -> Inventory:
    """Make a backup of a data directory; returns what is in it.

    name: of the engine.  cut: gives the moment where the engine works; None where it is stopped.
    told: hears of the bytes that were written and read back, and of all that will be.
    Raises FileExistsError, FileNotFoundError where there is nothing, FolderInUse, CheckpointError, BackupDamaged, OSError;
    DiskFull where there is no room for it, and nothing of it is left.
    """
    made_s = time.time()
    stores = find_stores(data)
    if not stores:
        raise FileNotFoundError(f"there is nothing in {data}")
    try:
        with Vault(target) as vault:
            origin = opened(stores, cut)
            meter = _Count(2 * sum(piece.size_bytes for piece in origin.pieces), told)
            try:
                inventory = Inventory(name, __version__, made_s, [_put(vault, piece, meter) for piece in origin.pieces])
            finally:
                origin.close()
            packed = inventory.packed()
            vault.put(INVENTORY, len(packed), [packed])
            _compare(vault, inventory, packed, meter)
            vault.seal()
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(str(target), error) from error
        raise
    return inventory


class _Count:
    """Bytes that went by, of so many, and who is told of them."""

    def __init__(self, total: int, told: Callable[[float, float], None]) -> None:
        self._total = total
        self._told = told
        self._done = 0

    def add(self, size_bytes: int) -> None:
        """Some more went by."""
        self._done += size_bytes
        self._told(self._done, max(self._done, self._total))


def _put(vault: Vault, piece: Piece, count: _Count) -> Entry:
    digest = hashlib.sha256()

    def chunks() -> Iterator[bytes]:
        for chunk in piece.chunks(CHUNK_BYTES):
            digest.update(chunk)
            count.add(len(chunk))
            yield chunk

    vault.put(piece.name, piece.size_bytes, chunks())
    return Entry(piece.name, piece.size_bytes, digest.hexdigest())


def _compare(vault: Vault, inventory: Inventory, packed: bytes, count: _Count) -> None:
    """Read everything back. Raises BackupDamaged."""
    wanted = {entry.name: entry.sha256 for entry in inventory.files} | {INVENTORY: hashlib.sha256(packed).hexdigest()}
    for name, chunks in vault.read():
        digest = hashlib.sha256()
        for chunk in chunks:
            digest.update(chunk)
            count.add(len(chunk))
        if wanted.pop(name, None) != digest.hexdigest():
            raise BackupDamaged(f"{name} reads otherwise than it was written: is the disk well?", file=name)
    if wanted:
        raise BackupDamaged(f"{next(iter(wanted))} was written and is not there", file=next(iter(wanted)))
