"""A worker's store, opened in whatever state its disk is.

Owns the order: it is opened to be written, and only read where that cannot be; the process that held it before is waited for.
What a worker does with a store that is only read is the ledger's business.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial

from checkpoints.errors import Corrupt, DiskFull, FolderInUse, StoreFailed
from checkpoints.failpoint import failpoint_of
from checkpoints.manifest import MANIFEST
from checkpoints.store import Store, open_store
from pools.errors import PoolError
from pools.refusal import FULL, STOPPED, refusal_of, state_in, until_of

__all__ = ["opened"]

#: Seconds that the process before may take to let go of the store, and between two tries.
LET_GO_S, LET_GO_PAUSE_S = 5.0, 0.005


def opened(folder: str, shards: int, cells: memoryview, *, is_synced: bool) -> tuple[Store, PoolError | None]:
    """The store of a worker, and why it cannot be written where it cannot.

    cells: the worker's row of gauges, which tells what the process before found out.
    Raises as `open_store`; StoreFull, StoreStopped where there is no store yet and none can be made.
    """
    failpoint = failpoint_of(os.environ)
    made = partial(open_store, folder, shards=shards, chance=os.urandom, is_synced=is_synced, failpoint=failpoint)
    refused = refusal_of(state_in(cells), f"{folder} could not be written")
    if refused is None:
        try:
            return _free(made), None
        except (DiskFull, StoreFailed) as error:
            refused = refusal_of(FULL if isinstance(error, DiskFull) else STOPPED, str(error))
    try:
        return _free(partial(made, is_dry=True, until=until_of(cells))), refused
    except Corrupt as error:
        if refused is None or not error.file.endswith(f"/{MANIFEST}"):
            raise
        raise refused from error


def _free(made: Callable[[], Store]) -> Store:
    """The store, once the process that held it before has let go."""
    deadline_s = time.monotonic() + LET_GO_S
    while True:
        try:
            return made()
        except FolderInUse:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(LET_GO_PAUSE_S)
