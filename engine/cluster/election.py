"""A candidate at work: it looks at the lease in NATS, and writes what `Lease` decides.

Owns the entry in the key-value store and the pace of looking. A server that does not answer is asked again at the next look; a
lease that cannot be renewed runs out by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.cluster.lease import Entry, Lease, Write, read_entry, unreadable
from engine.cluster.records import BadRecord

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.js.client import JetStreamContext
    from nats.js.kv import KeyValue

__all__ = ["DRIVER", "KEY", "Election"]

#: The entry's key, unless told otherwise.
KEY = "leader"
#: The key of who drives the sprints.
DRIVER = "sprints"


class Election:
    """The election of a cluster, as one candidate takes part in it.

    replicas: servers that keep the entry.  seen: called with each token that is known to have been given.  key: of the entry;
    those of one bucket never give the same token.  leads: what is told of who holds it.
    """

    def __init__(
        self,
        nats: Nats,
        cluster: str,
        lease: Lease,
        *,
        replicas: int,
        seen: Callable[[int], None],
        told: Callable[[str], None],
        key: str = KEY,
        leads: str = "leads",
    ) -> None:
        self.lease = lease
        self._bucket = f"{cluster}-leader"
        self._replicas = replicas
        self._streams: JetStreamContext = nats.jetstream(timeout=lease.term.check_s)
        self._store: KeyValue | None = None
        self._key = key
        self._leads = leads
        self._seen = seen
        self._told = told
        self._led: int | None = None

    def token(self) -> int | None:
        """The fencing token, while this candidate leads."""
        return self.lease.token(time.monotonic())

    @property
    def leader(self) -> Entry | None:
        """The newest entry that was seen: whose term it is, or was."""
        return self.lease.seen

    async def run(self) -> None:
        """Take part until cancelled; then the lease is given back, so that another follows at once."""
        task = asyncio.current_task()
        try:
            while task is None or not task.cancelling():  # a wait whose answer came in that moment has swallowed it
                await self.once()
                await asyncio.sleep(self.lease.term.check_s)
        finally:
            await self._release()

    async def once(self) -> None:
        """Look once, and write what is wanted."""
        from nats.errors import Error

        with suppress(Error, TimeoutError, BadRecord):
            store = await self._opened()
            wanted = self.lease.look(await self._read(store), time.monotonic())
            self._take_in()
            if wanted is not None:
                await self._write(store, wanted)
        self._take_in()

    async def _opened(self) -> KeyValue:
        from nats.js.api import KeyValueConfig, StorageType
        from nats.js.errors import NotFoundError

        if self._store is None:
            try:
                self._store = await self._streams.key_value(self._bucket)
            except NotFoundError:
                wanted = KeyValueConfig(self._bucket, history=1, storage=StorageType.FILE, replicas=self._replicas)
                self._store = await self._streams.create_key_value(wanted)
        return self._store

    async def _read(self, store: KeyValue) -> Entry | None:
        from nats.js.errors import KeyNotFoundError

        try:
            found = await store.get(self._key)
        except KeyNotFoundError as error:
            if error.entry is None:
                return None
            return self._unreadable(error.entry.revision, "was deleted")
        try:
            return read_entry(found.revision or 0, found.value or b"")
        except BadRecord as error:
            return self._unreadable(found.revision or 0, f"cannot be read: {error}")

    def _unreadable(self, revision: int, why: str) -> Entry:
        if self.leader is None or revision > self.leader.revision:
            self._told(f"the lease {self._key!r} {why}; it is free after {self.lease.term.lease_s:g} s")
        return unreadable(revision)

    async def _write(self, store: KeyValue, wanted: Write) -> None:
        from nats.js.errors import KeyWrongLastSequenceError

        with suppress(KeyWrongLastSequenceError):
            revision = await store.update(self._key, wanted.data, last=wanted.last)
            self.lease.written(wanted.number, revision, time.monotonic())

    def _take_in(self) -> None:
        if self.leader is not None and self.leader.holder:
            self._seen(self.leader.token)
        token = self.token()
        if token != self._led:
            self._led = token
            said = f"{self._leads} no more" if token is None else f"{self._leads}, with token {token}"
            self._told(f"this node {said}")

    async def _release(self) -> None:
        from nats.errors import Error

        wanted = self.lease.release(time.monotonic())
        if wanted is not None and self._store is not None:
            with suppress(Error, TimeoutError):
                await self._write(self._store, wanted)
