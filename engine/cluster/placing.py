"""The plan of a cluster in NATS: read, and changed by compare-and-set.

Owns the bucket `CLUSTER-placement`: the plan, and for each node the version that it is ready for, the one that it is done with
and what it said last. What is wanted and what follows is `plan`'s decision.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson

from engine.cluster.plan import Plan, first_plan, read_plan
from engine.cluster.records import BadRecord

if TYPE_CHECKING:
    from nats.js.client import JetStreamContext
    from nats.js.kv import KeyValue

__all__ = ["DONE", "READY", "Placing"]

#: The key of the plan, and what stands before a node in the keys of what nodes say.
PLAN, READY, DONE, WHY = "plan", "ready", "done", "why"
#: Characters of what one says of a step.
WHY_CHARS = 1_000
#: Tries to change the plan while others change it as well, and seconds between two.
TRIES, AGAIN_S = 100, 0.05


class Placing:
    """The plan of a cluster. replicas: servers that keep it."""

    def __init__(self, context: JetStreamContext, cluster: str, replicas: int) -> None:
        self._context = context
        self._bucket = f"{cluster}-placement"
        self._replicas = replicas
        self._store: KeyValue | None = None

    @property
    def subject(self) -> str:
        """What servers tell of each writing of the plan on, beside keeping it."""
        return f"$KV.{self._bucket}.{PLAN}"

    async def open(self, nodes: Sequence[str]) -> Plan:
        """The plan as it stands; where there is none, one over these nodes.

        Raises nats.errors.Error, TimeoutError, BadRecord.
        """
        from nats.js.errors import KeyWrongLastSequenceError

        store = await self._opened()
        with suppress(KeyWrongLastSequenceError):  # there is one
            await store.create(PLAN, first_plan(nodes).data())
        return await self.read()

    async def read(self) -> Plan:
        """The plan. Raises nats.errors.Error, TimeoutError, BadRecord."""
        return (await self._read())[0]

    async def change(self, change: Callable[[Plan], Plan]) -> Plan:
        """Have the plan changed as a function says, which is asked again where another change came first; returns it.

        Raises nats.errors.Error, TimeoutError, BadRecord, what the function raises.
        """
        from nats.js.errors import KeyWrongLastSequenceError

        store = await self._opened()
        for _ in range(TRIES):
            plan, revision = await self._read()
            wanted = change(plan)
            if wanted == plan:
                return plan
            try:
                await store.update(PLAN, wanted.data(), last=revision)
            except KeyWrongLastSequenceError:
                await asyncio.sleep(AGAIN_S)
            else:
                return wanted
        raise TimeoutError(f"the plan was changed by others {TRIES} times")

    async def say(self, what: str, node: str, version: int) -> None:
        """Have it be known that a node is `ready` for a version, or `done` with it. Raises nats.errors.Error, TimeoutError."""
        await (await self._opened()).put(f"{what}.{node}", orjson.dumps(version))

    async def said(self, what: str, nodes: Sequence[str]) -> dict[str, int]:
        """The version that each node has said last, 0 for none. Raises nats.errors.Error, TimeoutError."""
        return dict(zip(nodes, await asyncio.gather(*(self._version(f"{what}.{node}") for node in nodes)), strict=True))

    async def explain(self, node: str, version: int, text: str) -> None:
        """Have it be known what a node says of the step to a version. Raises nats.errors.Error, TimeoutError."""
        said = {"version": version, "text": text[:WHY_CHARS].encode(errors="replace").decode()}
        await (await self._opened()).put(f"{WHY}.{node}", orjson.dumps(said))

    async def explained(self, nodes: Sequence[str], version: int) -> dict[str, str]:
        """What each of some nodes says of it, as far as they do. Raises nats.errors.Error, TimeoutError."""
        found = dict(zip(nodes, await asyncio.gather(*(self._read_key(f"{WHY}.{node}") for node in nodes)), strict=True))
        said = {node: one for node, one in found.items() if type(one) is dict and one.get("version") == version}
        return {node: text for node, one in said.items() if type(text := one.get("text")) is str and text}

    async def _version(self, key: str) -> int:
        version = await self._read_key(key)
        return version if type(version) is int else 0

    async def _read_key(self, key: str) -> Any:
        """What is kept under a key; None where nothing is."""
        from nats.js.errors import KeyNotFoundError

        try:
            return orjson.loads((await (await self._opened()).get(key)).value or b"null")
        except (KeyNotFoundError, ValueError):
            return None

    async def _read(self) -> tuple[Plan, int]:
        from nats.js.errors import KeyNotFoundError

        try:
            entry = await (await self._opened()).get(PLAN)
        except KeyNotFoundError as error:
            raise BadRecord("there is no plan") from error
        return read_plan(entry.value or b""), entry.revision or 0

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
