"""A backup as a data directory again.

Owns the order: all of it is unpacked beside the data directory and checked, by the list and as the stores that it is, then each
store gets a name of its own, so that it never mixes with the one it was copied from, and only then it takes the place.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from checkpoints.errors import FULL, DiskFull
from checkpoints.files import Disk
from checkpoints.identity import rename
from engine.backup.inventory import INVENTORY, Inventory, check_name, missing
from engine.backup.vault import FILE_MODE, FOLDER_MODE, read_vault
from engine.errors import BackupDamaged, CheckpointError, FolderInUse
from engine.offline.folder import find_stores, holder_of
from engine.offline.look import open_view

__all__ = ["restore"]

#: Chunks of a list at most: 100,000 files.
INVENTORY_CHUNKS = 16


def restore(
    source: Path, data: Path, *, is_forced: bool = False, told: Callable[[float, float], None] = lambda _done, _total: None
) -> tuple[Inventory, Path | None]:
    """Put a backup in the place of a data directory; returns what was in it, and where the old one is.

    told: hears of the bytes that were unpacked, and of all that will be.
    is_forced: move a data directory that holds something aside.  Raises FileExistsError where it does otherwise, FolderInUse
    where somebody has it open, BackupDamaged, CheckpointError, OSError; then nothing was changed.
    """
    is_full = data.is_dir() and any(data.iterdir())
    if is_full and not is_forced:
        raise FileExistsError(f"{data} is not empty")
    for store in find_stores(data):
        pid = holder_of(store.path)
        if pid is not None:
            raise FolderInUse(str(store.path), pid)
    data.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    staging = data.with_name(f"{data.name}.restore-{os.getpid()}")
    staging.mkdir(mode=FOLDER_MODE)
    try:
        inventory = _unpack(source, staging, told)
        _check(staging)
        for store in find_stores(staging):
            rename(Disk(), str(store.path), chance=os.urandom, patch=_patch)
        aside = _aside(data) if is_full else None
        if aside is not None:
            data.rename(aside)
        staging.rename(data)
        Disk().sync_folder(str(data.parent))
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(str(data), error) from error
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return inventory, aside


def _unpack(source: Path, staging: Path, told: Callable[[float, float], None]) -> Inventory:
    """Write every file of a backup, and compare it with the list. Raises BackupDamaged."""
    found: dict[str, tuple[int, str]] = {}
    listed = b""
    done, total = 0, _size_bytes(source)
    for name, chunks in read_vault(source):
        if name == INVENTORY:
            listed = b"".join(islice(chunks, INVENTORY_CHUNKS))
            continue
        check_name(name, str(source))
        if name in found:
            raise BackupDamaged(f"{source} has {name} twice", file=name)
        place = staging / name
        Disk().make_folder(str(place.parent))
        digest, size_bytes = hashlib.sha256(), 0
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE), "wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                size_bytes += file.write(chunk)
                done += len(chunk)
                told(done, max(done, total))
            file.flush()
            os.fsync(file.fileno())
        found[name] = (size_bytes, digest.hexdigest())
    if not listed:
        raise BackupDamaged(f"{source} has no {INVENTORY}: it is no backup, or one that was not finished", file=INVENTORY)
    inventory = Inventory.read(listed, INVENTORY)
    for entry in inventory.files:
        if found.get(entry.name, entry[1:]) != entry[1:]:
            raise BackupDamaged(f"{source}: {entry.name} is not as it was written", file=entry.name)
    for name in missing(inventory, found):
        raise BackupDamaged(f"{source}: {name} is missing", file=name)
    for name in found.keys() - {entry.name for entry in inventory.files}:
        raise BackupDamaged(f"{source}: {name} is not in its list", file=name)
    return inventory


def _size_bytes(source: Path) -> int:
    return sum(place.stat().st_size for place in source.rglob("*")) if source.is_dir() else source.stat().st_size


def _check(staging: Path) -> None:
    """Raises the first damage of any store, as a start of the engine would."""
    for store in find_stores(staging):
        with open_view(Disk(), str(store.path)) as view:
            damages: list[CheckpointError] = view.damages
            if damages:
                raise damages[0]


def _patch(path: str, head: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, head, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _aside(data: Path) -> Path:
    """A name beside a data directory that is free."""
    number = 1
    while (place := data.with_name(f"{data.name}.before-{number}")).exists():
        number += 1
    return place
