"""What of a store's folder counts: which snapshots, and from which segment on the log.

Owns two small files, each replaced as a whole: the one that counts, and the one it was made from, with everything that this
one needs. A file that neither of them names is never read.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from checkpoints.errors import Corrupt, NewerFormat, ReadFailed
from checkpoints.files import Files, write_whole
from checkpoints.frame import INDEX, BadBytes, Part, encode, read_frame
from checkpoints.segment import NO_DIGEST
from checkpoints.table import SHARDS_MOST

__all__ = ["BEFORE", "MANIFEST", "Manifest", "read_manifest", "write_manifest"]

#: The file, and the one before it.
MANIFEST, BEFORE = "MANIFEST", "MANIFEST.before"
VERSION = 1
STORE_BYTES = 16


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


def write_manifest(files: Files, folder: str, manifest: Manifest, before: Manifest | None = None) -> None:
    """Make a manifest the one that counts. before: the one that it was made from, which is kept beside it.

    Raises OSError, then the old one counts.
    """
    if before is not None:
        write_whole(files, f"{folder}/{BEFORE}", _packed(before))
    write_whole(files, f"{folder}/{MANIFEST}", _packed(manifest))


def _packed(manifest: Manifest) -> bytes:
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
    return data


def read_manifest(files: Files, folder: str, damage: list[Corrupt] | None = None) -> list[Manifest]:
    """The manifests that can be read, the newest first; none in a folder that has none.

    damage: is given what is wrong with another.  Raises ReadFailed, NewerFormat; Corrupt where there are some and none is
    whole.
    """
    whole: list[Manifest] = []
    damage = [] if damage is None else damage
    try:
        names = files.names(folder)
    except OSError as error:
        raise ReadFailed(folder, error) from error
    for name in (MANIFEST, BEFORE):
        path = f"{folder}/{name}"
        if name in names:
            try:
                whole.append(_read(path, files.read(path)))
            except OSError as error:
                raise ReadFailed(path, error) from error
            except Corrupt as error:
                damage.append(error)
        elif name == MANIFEST and BEFORE in names:
            damage.append(Corrupt(path, 0, "it is missing"))
    if damage and not whole:
        raise damage[0]
    return sorted(whole, key=lambda manifest: -manifest.generation)


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
        if frame.type != INDEX or not _is_sound(manifest):
            raise Corrupt(path, 0, "its content is none of a manifest")
    except BadBytes as error:
        raise Corrupt(path, 0, error.reason) from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise Corrupt(path, 0, f"its content is none of a manifest: {error!r}") from error
    if frame.size_bytes != len(data):
        raise Corrupt(path, frame.size_bytes, "something stands behind its end")
    return manifest


def _is_sound(manifest: Manifest) -> bool:
    """Whether every value can be what it stands for."""
    store, shards, *numbers, snapshots, window = manifest
    known = [shards, *numbers, window, *snapshots.values()]
    return (
        len(store) == STORE_BYTES
        and all(type(number) is int and number >= 0 for number in known)
        and 1 <= shards <= SHARDS_MOST
        and all(0 <= shard < shards for shard in snapshots)
    )
