"""The name of a store in its files, and another one for a copy of it.

Owns which files carry it and where. A copy that is to live beside its original gets another name, so that no file of the one
is ever read as the other's. The first half stays: messages that were on their way are known by it. The rest of a file does
not depend on it. Below stand the readers of each kind of file; a file is patched by whoever is handed in.
"""

from __future__ import annotations

from collections.abc import Callable

from checkpoints.files import Files
from checkpoints.manifest import read_manifest, write_manifest
from checkpoints.mark import MARK, read_mark, write_mark
from checkpoints.segment import LOG, SEGMENT_HEADER_BYTES, SNAPSHOT, WINDOW, number_of, pack_header, read_header
from checkpoints.spec import SESSION_BYTES

__all__ = ["rename"]

STORE_BYTES = 16


def rename(files: Files, folder: str, *, chance: Callable[[int], bytes], patch: Callable[[str, bytes], None]) -> bytes:
    """Give a store that nobody has open another name, in all its files; returns it.

    patch: replaces the first bytes of a file.  Killed in between, it is no store any more.  Raises Corrupt, ReadFailed,
    NewerFormat, OSError; FileNotFoundError where there is no store.
    """
    manifests = read_manifest(files, folder)
    if not manifests:
        raise FileNotFoundError(f"{folder} is no store")
    old = manifests[0].store
    new = old[:SESSION_BYTES] + chance(STORE_BYTES - SESSION_BYTES)
    names = files.names(folder)
    for name in names:
        purpose = LOG if number_of(name) else _purpose(name)
        if purpose is not None:
            path = f"{folder}/{name}"
            header = read_header(files.read(path, 0, SEGMENT_HEADER_BYTES), path, purpose)
            patch(path, pack_header(header._replace(store=new)))
    if MARK in names:
        mark = read_mark(files, folder, old)
        write_mark(files, folder, new, mark)
    before = manifests[1]._replace(store=new) if len(manifests) > 1 else None
    write_manifest(files, folder, manifests[0]._replace(store=new), before)
    return new


def _purpose(name: str) -> int | None:
    if not name.endswith(".snap"):
        return None
    return WINDOW if name.startswith("window.") else SNAPSHOT
