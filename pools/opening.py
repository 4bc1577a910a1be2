"""A worker's store, opened in whatever state its disk is.

Owns the order: it is opened to be written, and only read where that cannot be; the process that held it before is waited for.
What a worker does with a store that is only read is the ledger's business.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from checkpoints.ahead import Ahead
from checkpoints.errors import CheckpointError, Corrupt, DiskFull, FolderInUse, StoreFailed
from checkpoints.failpoint import failpoint_of
from checkpoints.manifest import MANIFEST
from checkpoints.spec import ANSWERS_BYTES, ANSWERS_KEPT
from checkpoints.store import Store, open_store
from pools.channel import Channel
from pools.complaints import say
from pools.errors import PoolError, StateUnreadable
from pools.gauges import REFUSAL
from pools.ledger import Ledger
from pools.message import STATUS
from pools.refusal import FULL, STOPPED, WORDS, end_anew, refusal_of, state_in, state_of, until_of

__all__ = ["open_ledger", "opened"]

#: Seconds that the process before may take to let go of the store, and between two tries.
LET_GO_S, LET_GO_PAUSE_S = 5.0, 0.005


def opened(
    folder: str, shards: int, cells: memoryview, *, is_synced: bool, ahead: Ahead | None = None
) -> tuple[Store, PoolError | None]:
    """The store of a worker, and why it cannot be written where it cannot.

    cells: the worker's row of gauges, which tells what the process before found out.  ahead: what was read of it before.
    Raises as `open_store`; StoreFull, StoreStopped where there is no store yet and none can be made.
    """
    failpoint = failpoint_of(os.environ)
    made = partial(open_store, folder, shards=shards, chance=os.urandom, is_synced=is_synced, failpoint=failpoint, ahead=ahead)
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


def open_ledger(
    kept: Mapping[str, Any],
    shards: int,
    channel: Channel,
    loop: asyncio.AbstractEventLoop,
    cells: memoryview,
    ahead: Ahead | None = None,
) -> tuple[Ledger, dict[str, Any]]:
    """A ledger over the store that a worker is told of, and what was found there.

    Raises StateUnreadable; StoreFull, StoreStopped where there is no store yet.
    kept: `folder`, `session` in hexadecimal, `is_synced`, how many `answers` are kept, and `answers_bytes` of them.
    cells: the worker's row of gauges.  ahead: what was read of this store while it was another's.
    """
    began_s = time.monotonic()
    try:
        store, refused = opened(kept["folder"], shards, cells, is_synced=kept["is_synced"], ahead=ahead)
    except (CheckpointError, ValueError) as error:
        raise StateUnreadable(str(error)) from error
    finally:
        if ahead is not None:
            ahead.close()

    def tell(refused: PoolError | None) -> None:
        if state_in(cells) != state_of(refused):
            cells[REFUSAL] = state_of(refused)  # else it tells where what counts ends, too
        name = f"store.{WORDS[state_of(refused)]}"
        channel.send(STATUS, {"verb": "event", "name": name, "text": str(refused or f"{store.folder} takes changes again")})

    def end(error: BaseException) -> None:
        say(f"worker {os.getpid()} ends: {error}")
        end_anew(cells, error, store.log.kept)

    ledger = Ledger(
        store,
        session=bytes.fromhex(kept["session"]),
        encode=channel.encoded,
        write=channel.write,
        defer=loop.call_soon,
        post=loop.call_soon_threadsafe,
        broken=end,
        refused=refused,
        told=tell,
        most=kept.get("answers", ANSWERS_KEPT),
        most_bytes=kept.get("answers_bytes", ANSWERS_BYTES),
    )
    if refused is not None:
        tell(refused)
    recovered = store.recovered
    torn = recovered.torn
    return ledger, {
        "records": recovered.records,
        "stored_bytes": recovered.stored_bytes,
        "seconds": time.monotonic() - began_s,
        "torn": None if torn is None else [torn.file, torn.at, torn.size_bytes],
        "is_fallback": store.is_fallback,
    }
