"""The bucket in which the releases of a cluster stand, a record for each folder of releases.

Owns that a record is changed only by who knew its newest revision, and that a write without an answer is asked for until it is
known. What a record means is `shiprecord`'s.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.cluster.pieces import Overtaken
from engine.cluster.records import BadRecord
from engine.cluster.shiprecord import ShipRecord
from engine.cluster.streams import AGAIN_S

if TYPE_CHECKING:
    from nats.js.client import JetStreamContext
    from nats.js.kv import KeyValue

__all__ = ["ShipLedger"]

#: Digits by which a folder is known: its own name may have signs that no key can have.
DIGITS = 32


class ShipLedger:
    """The records of a cluster. may: whether this process may write still."""

    def __init__(self, context: JetStreamContext, cluster: str, replicas: int, may: Callable[[], bool] = lambda: True) -> None:
        self._context = context
        self._bucket = f"{cluster}-ships"
        self._replicas = replicas
        self._may = may
        self._store: KeyValue | None = None

    async def _opened(self) -> KeyValue:
        from nats.js.api import KeyValueConfig, StorageType
        from nats.js.errors import NotFoundError

        if self._store is None:
            try:
                self._store = await self._context.key_value(self._bucket)
            except NotFoundError:
                wanted = KeyValueConfig(self._bucket, history=1, storage=StorageType.FILE, replicas=self._replicas)
                self._store = await self._context.create_key_value(wanted)
        return self._store

    async def read(self, folder: str) -> tuple[ShipRecord | None, int]:
        """The record of a folder and its revision; None and 0 before the first. It is tried until that is known.

        Raises BadRecord; Overtaken where this process may not write any more.
        """
        from nats.errors import Error
        from nats.js.errors import KeyNotFoundError

        while self._may():
            with suppress(Error, TimeoutError):
                store = await self._opened()
                try:
                    found = await store.get(_key(folder))
                except KeyNotFoundError:
                    return None, 0
                return ShipRecord.read(found.value or b""), found.revision or 0
            await asyncio.sleep(AGAIN_S)
        raise Overtaken("this node leads no more")

    async def write(self, record: ShipRecord, last: int) -> int:
        """Put a record in the place of a revision, 0 for none; returns its own. Raises Overtaken where another one is there."""
        from nats.errors import Error
        from nats.js.errors import KeyWrongLastSequenceError

        while self._may():
            with suppress(Error, TimeoutError):
                store = await self._opened()
                try:
                    return await store.update(_key(record.folder), record.data(), last=last)
                except KeyWrongLastSequenceError as error:
                    known, revision = await self.read(record.folder)
                    if known == record and revision > last:  # the answer to a try before was lost
                        return revision
                    if revision != last:
                        raise Overtaken(f"the release of {record.folder} was changed by somebody else") from error
            await asyncio.sleep(AGAIN_S)
        raise Overtaken("this node leads no more")

    async def changes(self) -> int:
        """A number that is another one once any record has changed. Raises nats.errors.Error, TimeoutError."""
        await self._opened()
        return (await self._context.stream_info(f"KV_{self._bucket}")).state.last_seq

    async def folders(self) -> list[str]:
        """The folders that have a record. Raises nats.errors.Error, TimeoutError."""
        from nats.js.errors import NoKeysError

        store = await self._opened()
        try:
            keys = await store.keys()
        except NoKeysError:
            return []
        found = []
        for key in keys:
            with suppress(BadRecord):
                found.append(ShipRecord.read((await store.get(key)).value or b"").folder)
        return found

    async def settle(self, sprint: str) -> bool:
        """End the doubt about a hook of a sprint whose leader was lost: somebody has looked. False where there is none.

        Raises BadRecord, Overtaken, nats.errors.Error, TimeoutError.
        """
        from nats.js.errors import NoKeysError

        store = await self._opened()
        try:
            keys = await store.keys()
        except NoKeysError:
            return False
        for key in keys:
            found = await store.get(key)
            record = ShipRecord.read(found.value or b"")
            if record.sprint == sprint and record.state == "hook":
                await self.write(record.failing(), found.revision or 0)
                return True
        return False


def _key(folder: str) -> str:
    return hashlib.sha256(folder.encode()).hexdigest()[:DIGITS]
