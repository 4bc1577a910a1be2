"""A running engine as the source of documents.

Owns one connection to its control socket, and the way back to it: whenever something is asked and there is none, it connects
anew. The ledgers of sprints are read from their files, which costs the engine nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from engine.cli.sprintback import take_back
from engine.client import Client
from engine.dashboard.ledgers import Ledgers
from engine.dashboard.source import Past
from engine.dashboard.tapes import Tapes
from engine.errors import NotRunning
from engine.paths import find_paths
from pools.errors import LinkClosed
from sprints.archive import Archive

__all__ = ["LiveSource"]


class LiveSource:
    """An engine by its name, whether it runs or not. environ: where its directories are found."""

    is_file = False

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        self.name = name
        self.is_live = False
        self._environ = environ
        self._client: Client | None = None
        self._connecting, self._looking_back = asyncio.Lock(), asyncio.Lock()
        paths = find_paths(name, environ)
        self._sprints = str(paths.sprints)
        self._ledgers, self._tapes = Ledgers(self._sprints), Tapes(paths.rewind)

    async def ask(self, verb: str, **facts: Any) -> Any:
        """The answer of the engine to a verb. Raises NotRunning, LinkClosed, the verb's errors."""
        if verb == "sprints":
            return await asyncio.to_thread(self._ledgers.rows, await self._running(), **facts)
        if verb == "sprint":
            return await asyncio.to_thread(self._ledgers.row, await self._running(), **facts)
        if verb == "sprint-rollback":  # of what was shipped, which no engine has in its memory
            untold: list[str] = []
            busy = await self._running()
            said = await asyncio.to_thread(take_back, Archive(self._sprints), busy, facts.get("sprint"), untold.append)
            return {**said, "untold": untold}
        return await self._request(verb, **facts)

    async def _running(self) -> dict[str, dict[str, Any]]:
        """What is said of the sprints that run, by their ids."""
        return {one["sprint"]: one for one in await self._request("sprint-status") if one.get("sprint")}

    async def _request(self, verb: str, **facts: Any) -> Any:
        client: Client | None = None
        try:
            client = await self._connected()
            answer = await client.request(verb, **facts)
        except (NotRunning, LinkClosed, OSError):
            self.is_live = False
            if client is not None and client is self._client:  # else somebody has connected anew already
                await self.close()
            raise
        self.is_live = True
        return answer

    async def _connected(self) -> Client:
        async with self._connecting:
            if self._client is None:
                client = Client(self.name, self._environ, patience_s=0)
                await client.connect()
                self._client = client
            return self._client

    async def past(self) -> Past | None:
        """Which instants the engine has recorded; from its files where it does not run."""
        try:
            said = await self._request("past")
        except (NotRunning, LinkClosed, OSError):
            said = await asyncio.to_thread(self._tapes.past)
        return Past(said["first_s"], said["last_s"], said["count"]) if said["count"] else None

    async def at(self, time_s: float) -> dict[str, Any]:
        """What was recorded at or before an instant. Raises NotRecorded, RecordingDamaged."""
        async with self._looking_back:  # who scrubs and who draws curves take turns
            try:
                return dict(await self._request("at", time_s=time_s))
            except (NotRunning, LinkClosed, OSError):
                return await asyncio.to_thread(self._tapes.at, time_s)

    async def close(self) -> None:
        """End the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()
