"""`lz4`: what compression makes of what is kept of an audit (examples/audit): its agents' states, folded into snapshots, and
the log that led there. Every frame says both lengths of its payload."""

from __future__ import annotations

import os
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING

from bench.figures import Metric, Reading
from bench.folder import own_folder
from bench.workload import Size, Workload
from bench.yardlink import ROOT
from checkpoints.frame import COMMIT
from checkpoints.segment import LOG, SNAPSHOT, Bad, number_of, read_header, walk
from checkpoints.store import open_store
from engine import Engine
from examples.audit import roots
from examples.audit.job import KINDS, Job
from examples.audit.pool import pools_for
from examples.audit.progress import Silence
from examples.audit.tree import Tree, read_tree

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["WORKLOAD"]

#: stored and raw bytes of a payload, and where FORMAT.md says that they stand in the header of a frame.
LENGTHS, AT = Struct("<II"), 4
KB = 1024


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: an audit of everything installed here, or of this package."""
    tree = read_tree(roots.given([ROOT / "bench"]) if size.is_quick else roots.interpreter())
    for _ in range(size.runs):
        with own_folder() as data:
            stores = await _audited(tree, data)
            log = [_lengths(path, LOG) for store in stores for path in store.iterdir() if number_of(path.name)]
            for store in stores:
                _fold(str(store))
            states = [_lengths(path, SNAPSHOT) for store in stores for path in store.glob("shard-*.snap")]
        count = len(tree.modules) + len(tree.packages) + 1
        yield {"states": _reading(states, count), "log": _reading(log, count)}


async def _audited(tree: Tree, data: str) -> list[Path]:
    """Audit with state that is kept; returns the folders of the stores."""
    (pool,) = pools = pools_for(tree, agents=0, workers=None)
    async with Engine(kinds=KINDS, pools=pools, durability="sync", data=data) as engine:
        await Job(tree, engine, Silence(), agents=0).run()
    return [Path(data) / pool.name / str(worker) for worker in range(pool.workers)]


def _fold(folder: str) -> None:
    """Bring every state into snapshots."""
    store = open_store(folder, chance=os.urandom)
    try:
        store.log.roll()
        store.compact()
    finally:
        store.close()


def _lengths(path: Path, purpose: int) -> tuple[int, int]:
    """Stored and raw bytes of all commits of a file.  Raises ValueError where it does not end well."""
    data = path.read_bytes()
    stored_bytes = raw_bytes = 0
    for found in walk(data, read_header(data, str(path), purpose)):
        if isinstance(found, Bad):
            raise ValueError(f"{path}, {found.at}: {found.reason}")  # noqa: TRY004 - it is about the file
        at, frame = found
        if frame.type == COMMIT:
            stored, raw = LENGTHS.unpack_from(data, at + AT)
            stored_bytes, raw_bytes = stored_bytes + stored, raw_bytes + raw
    return stored_bytes, raw_bytes


def _reading(lengths: list[tuple[int, int]], count: int) -> Reading:
    stored, raw = (sum(column) for column in zip(*lengths, strict=True))
    return Reading(stored / KB, raw / KB, count)


WORKLOAD = Workload(
    name="lz4",
    about="what is kept of an audit, stored against raw",
    metrics=(
        Metric("states", "KB", "stored, in snapshots; n is agents", against="not compressed"),
        Metric("log", "KB", "stored, in the log that led there", against="not compressed"),
    ),
    rounds=rounds,
    runs=1,
)
