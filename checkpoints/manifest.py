"""What of a store's folder counts: which snapshots, and from which segment on the log.

Owns one small file, replaced as a whole; the one before is kept, and so is everything that it needs. A file that no manifest
names is never read.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from checkpoints.errors import Corrupt, NewerFormat, ReadFailed
from checkpoints.files import Files
from checkpoints.frame import INDEX, BadBytes, Part, encode, read_frame
from checkpoints.segment import NO_DIGEST

__all__ = ["MANIFEST", "Manifest", "read_manifest", "write_manifest"]

#: The file, the one before it, and one that is being written.
MANIFEST, BEFORE, NEW = "MANIFEST", "MANIFEST.before", "MANIFEST.new"
VERSION = 1


class Manifest(NamedTuple):
    """The state of a store. store: 16 bytes that tell it from all others.  shards: how many it has.

    generation: counted up by each compaction.  covered: the last record that the snapshots hold.  segment: the first one that
    counts behind them.  snapshots: the generation of each shard's file, by shard.
    window: the generation of the file with the answers that may be asked for again; 0 for none.
    """

    store: bytes
    shards: int
    generation: int = 0
    covered: int = 0
    segment: int = 1
    snapshots: dict[int, int] = {}  # noqa: RUF012 - a named tuple's default, never changed
    window: int = 0


def write_manifest(files: Files, folder: str, manifest: Manifest) -> None:
    """Make a manifest the one that counts; the one before it is kept. Raises OSError, then the old one counts."""
    facts = {
        "version": VERSION,
        **manifest._asdict(),
        "store": manifest.store.hex(),
        "snapshots": {str(shard): generation for shard, generation in sorted(manifest.snapshots.items())},
    }
    data, _ = encode(
        INDEX,
        [Part(b"M", orjson.dumps(facts))],
        segment=0,
        epoch=manifest.generation,
        first=1,
        count=0,
        durable=0,
        before=NO_DIGEST,
    )
    names = files.names(folder)
    if NEW in names:
        files.remove(f"{folder}/{NEW}")
    file = files.create(f"{folder}/{NEW}")
    try:
        file.write(data)
        file.sync()
    finally:
        file.close()
    if MANIFEST in names:
        files.rename(f"{folder}/{MANIFEST}", f"{folder}/{BEFORE}")
    files.rename(f"{folder}/{NEW}", f"{folder}/{MANIFEST}")
    files.sync_folder(folder)


def read_manifest(files: Files, folder: str) -> list[Manifest]:
    """The manifests that can be read, the one that counts first; none for a folder that has none.

    Raises ReadFailed, NewerFormat; Corrupt where there are some and none is whole.
    """
    found: list[Manifest] = []
    wrong: Corrupt | None = None
    try:
        names = files.names(folder)
    except OSError as error:
        raise ReadFailed(folder, error) from error
    for name in (MANIFEST, BEFORE):
        if name in names:
            path = f"{folder}/{name}"
            try:
                found.append(_read(path, files.read(path)))
            except OSError as error:
                raise ReadFailed(path, error) from error
            except Corrupt as error:
                wrong = wrong or error
    if wrong is not None and not found:
        raise wrong
    return found


def _read(path: str, data: bytes) -> Manifest:
    try:
        frame = read_frame(data, 0)
        facts = orjson.loads(frame.parts[0].body)
        version = facts.pop("version")
        if version > VERSION:
            raise NewerFormat(path, version, VERSION)
        store = bytes.fromhex(facts.pop("store"))
        snapshots = {int(shard): generation for shard, generation in facts.pop("snapshots").items()}
        manifest = Manifest(store=store, snapshots=snapshots, **facts)
    except BadBytes as error:
        raise Corrupt(path, 0, error.reason) from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise Corrupt(path, 0, f"its content is none of a manifest: {error}") from error
    if frame.size_bytes != len(data):
        raise Corrupt(path, frame.size_bytes, "something stands behind its end")
    return manifest
