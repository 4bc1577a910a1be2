"""The engine's verbs from another process, over its socket.

Owns one connection. It has the verbs of `Engine`; what they do is done there. Tasks travel in the same batches as between the
engine and its workers.
"""

from __future__ import annotations

import asyncio
import os
import time
from asyncio import Future
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from checkpoints.spec import SESSION_BYTES
from engine.deployed import DEPLOYING, Deployed
from engine.errands import RETURN_S, Errands
from engine.errors import NotRunning, UnsafePath
from engine.everybody import Everybody, Members
from engine.keyset import KeySet, keyset, spawnable
from engine.line import error_of, not_running
from engine.looked import LOOKING, Looked
from engine.migrated import MIGRATING, Migrated
from engine.paths import find_paths
from engine.places import FarPlaces
from engine.proxy import Proxy
from engine.removed import Removed
from engine.rewound import Rewound
from engine.spawned import Spawned, check_skills
from engine.sprinterrands import SprintErrands
from engine.stream import batches, singly
from engine.tally import Tally
from engine.tracing.client import ClientTracing, is_wanted
from pools.address import ANY, Key, parse, valid_kind
from pools.asks import Asks
from pools.channel import Channel
from pools.errors import LinkClosed
from pools.link import Link
from pools.message import ERROR, RESULT, STATUS, Message
from pools.result import Batch, Result
from pools.tracedasks import TracedAsks

__all__ = ["WINDOW", "Client"]

#: Tasks that one client has in flight; the engine's own windows decide how fast they go on.
WINDOW = 8_192
#: Seconds that it tries so unless told otherwise, where the engine keeps state: time for a backoff and a long log's replay.
PATIENCE_S = 30.0
#: Seconds that the engine may take to say whether it keeps state; one that says nothing counts as one that does not.
HELLO_S = 10.0


class Client(Errands, Deployed, Looked, Migrated, SprintErrands, Rewound):
    """A connection to a running engine.

    name: which engine.  environ: where its directories are found.  Raises NotRunning when it is entered and none runs.
    patience_s: how long it tries to come back when the connection was lost, and the engine with it: what was not answered is
    sent again, and done once. None is 30 s where the engine keeps state on the disk (`durability: sync` or `os`), else 0, not
    at all: what a memory held is gone with it, and a lost task may have been done.
    told: called with a line when the connection is lost, and when it is back.
    tracing: whether traces begin here, as parts of OpenTelemetry's current span if there is one; None as ENGINE_TRACING says.
    """

    def __init__(
        self,
        name: str = "engine",
        environ: Mapping[str, str] | None = None,
        *,
        patience_s: float | None = None,
        told: Callable[[str], None] | None = None,
        tracing: bool | None = None,
    ) -> None:
        self._name = name
        self._is_patient_if_kept = patience_s is None
        self._patience_s = patience_s or 0.0
        self._told = told or (lambda _line: None)
        self._session = os.urandom(SESSION_BYTES).hex()
        self._returning: asyncio.Task[None] | None = None
        self._environ = os.environ if environ is None else environ
        self._is_traced = is_wanted(self._environ) if tracing is None else tracing
        self._channel: Channel | None = None
        self._link = self._new_link()
        self._tally = Tally()
        #: Send a task; await the result for its value. As `Engine.ask`.
        self.ask: Callable[..., Future[Any]] = _not_connected
        self._asks: Asks | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._requests: dict[int, Future[Any]] = {}
        self._number = 0
        self._said: str | None = None
        self._gone: Future[None] | None = None

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close()

    async def connect(self) -> None:
        """Connect. Raises NotRunning, UnsafePath."""
        self._loop = loop = asyncio.get_running_loop()
        await self._open(loop)
        everybody = Everybody(self._members, self.map_batches).ask
        told: Any = self._resolve, loop, self._tally.accept, self._tally.end, everybody
        if self._is_traced:
            self.tracing = ClientTracing(self._environ, self._tell_spans, loop.call_soon)
            self._asks = TracedAsks(*told, tracer=self.tracing.tracer)
        else:
            self._asks = Asks(*told)
        self.ask = self._asks.ask

    def _tell_spans(self, spans: list[str]) -> None:
        """Tell the engine what this client has done for traces; it is no matter if it is away."""
        if self._channel is not None and self._channel.is_open:
            self._channel.send(STATUS, {"verb": "spans", "id": 0, "spans": spans})

    def _new_link(self) -> Link:
        kept: dict[str, Any] = {"is_kept": True, "wall_s": time.time} if self._patience_s > 0 else {}
        return Link(window=WINDOW, clock=time.monotonic, later=self._call_later, says_dues=True, **kept)

    async def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Connect once. Raises NotRunning, UnsafePath, OSError, LinkClosed."""
        paths = find_paths(self._name, self._environ)
        paths.check()
        channel = Channel(self._on_message, self._on_closed, time.time)
        try:
            await loop.create_unix_connection(lambda: channel, str(paths.socket))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise not_running(self._name) from error
        self._channel = channel
        self._gone = loop.create_future()
        self._said = None
        if self._is_patient_if_kept:
            await self._learn(channel, is_first=not self._patience_s)
        if self._patience_s > 0:
            channel.send(STATUS, {"verb": "session", "session": self._session})
        self._link.attach(channel)

    async def _learn(self, channel: Channel, *, is_first: bool) -> None:
        """Learn whether the engine keeps state over its own death. Raises LinkClosed, TimeoutError, _Forgotten."""
        try:
            async with asyncio.timeout(HELLO_S):
                hello: dict[str, Any] = await self.request("hello")
        except TimeoutError:
            if is_first:
                return
            channel.abort()
            raise
        is_kept = hello.get("durability", "memory") != "memory"
        if is_first and is_kept:
            self._patience_s = PATIENCE_S  # before the first task: each is numbered so that it can be asked for again
            self._link = self._new_link()
        elif not is_first and not is_kept:
            channel.abort()
            raise _Forgotten("the engine is back, and keeps no state now: what it had is gone")

    async def _return(self, gone: LinkClosed) -> None:
        """Connect again and again, until that works or patience ends; then what waits fails."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        self._told(f"the engine is gone; it is waited for, up to {self._patience_s:g} s")
        while loop.time() < began_s + self._patience_s:
            await asyncio.sleep(RETURN_S)
            try:
                await self._open(loop)
            except _Forgotten as forgotten:
                gone = LinkClosed(str(forgotten))
                break
            except (NotRunning, UnsafePath, OSError, LinkClosed):
                continue
            self._told(f"the engine is back after {loop.time() - began_s:.1f} s")
            return
        self._link.detach(gone, drop_waiting=True)

    async def close(self) -> None:
        """End the connection; tasks that are not answered fail."""
        if self.tracing is not None:
            self.tracing.flush()
        channel, self._channel = self._channel, None
        if self._returning is not None:
            self._returning.cancel()
            self._link.detach(LinkClosed("the connection was closed"), drop_waiting=True)
        if channel is not None:
            channel.close()
            if self._gone is not None:
                await self._gone

    # -- the connection ------------------------------------------------------------------------------------------------

    def _call_later(self, after_s: float, function: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(after_s, function)

    def _on_message(self, _channel: Channel, message: Message) -> None:
        if message.letter == RESULT:
            self._link.take(message.data)
        elif message.letter == STATUS:
            future = self._requests.pop(message.data["id"], None)
            if future is None or future.done():
                return
            if message.data["verb"] == "done":
                future.set_result(message.data["value"])
            else:
                future.set_exception(error_of(message.data))
        elif message.letter == ERROR:
            self._said = f"{message.data['type']}: {message.data['message']}"

    def _on_closed(self, _channel: Channel, error: Exception | None) -> None:
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        said = self._said or (str(error) if error is not None else "")
        gone = LinkClosed(f"the engine ended the connection{f': {said}' if said else ''}")
        is_lost = self._patience_s > 0 and self._channel is not None and self._said is None and self._loop is not None
        self._link.detach(gone, drop_waiting=not is_lost)
        if is_lost and self._loop is not None and (self._returning is None or self._returning.done()):
            self._returning = self._loop.create_task(self._return(gone))
        requests, self._requests = self._requests, {}
        for future in requests.values():
            if not future.done():
                future.set_exception(gone)

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, or never connected."""
        return self._channel is None

    def _resolve(self, address: str) -> tuple[Link, str, Key]:
        if type(address) is str and "/" not in address:
            return self._link, valid_kind(address), ANY
        return self._link, *parse(address)

    async def request(self, /, verb: str, **facts: Any) -> Any:
        """Ask for a control verb; returns its value. Raises its error, LinkClosed."""
        if self._channel is None or self._loop is None or not self._channel.is_open:
            raise LinkClosed("not connected to an engine")
        future: Future[Any] = self._loop.create_future()
        self._number += 1
        self._channel.send(STATUS, {"verb": verb, "id": self._number, **facts})
        self._requests[self._number] = future
        return await future

    async def _members(self, kind: str) -> Members:
        """The agents of a kind that exist when the engine hears of this. Raises UnknownKind, FrameTooLarge."""
        found = await self._insist("members", kind=kind)
        return Members([(start, stop) for start, stop in found["ranges"]], found["names"])

    # -- tasks ---------------------------------------------------------------------------------------------------------

    def tell(self, address: str, method: str, *arguments: Any, **named: Any) -> None:
        """Send a task without waiting for its end."""
        future = self.ask(address, method, *arguments, **named)
        future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def take_back(self, answer: Future[Any]) -> None:
        """Take back the task of an ask whose caller waits no more; it is not begun, or interrupted where it waits."""
        if self._asks is not None:
            self._asks.cancel(answer)

    def agent(self, kind: str, key: str | int) -> Proxy:
        """An agent whose methods can be called. As `Engine.agent`."""
        return Proxy(self.ask, f"{kind}/{key}")

    def map(self, tasks: Iterable[Any] | AsyncIterable[Any], *, window: int | None = None) -> AsyncIterator[Result]:
        """Run many tasks; results in the order of completion. As `Engine.map`."""
        return singly(self.map_batches(tasks, window=window))

    def map_batches(
        self, tasks: Iterable[Any] | AsyncIterable[Any], *, window: int | None = None
    ) -> AsyncGenerator[Batch, None]:
        """The same in batches. As `Engine.map_batches`."""
        places = FarPlaces(self._insist)
        traced = None if self.tracing is None else self.tracing.tracer
        told: Any = {"tally": self._tally, "places": places, "traced": traced, "is_far": True}
        return batches(tasks, resolve=self._resolve, window=window or WINDOW, **told)

    # -- control -------------------------------------------------------------------------------------------------------

    async def spawn(
        self,
        kind: str,
        count: int | None = None,
        *,
        add: int | None = None,
        keys: KeySet | Iterable[int | str] | range | None = None,
        warm: bool = False,
        skills: Iterable[str] = (),
        reference: str | None = None,
        paths: Iterable[str] = (),
    ) -> Spawned:
        """Make agents exist; `reference` loads their kind first. As `Engine.spawn`, and it measures a new agent's memory."""
        meant = None if keys is None else spawnable(keys).as_dict()
        facts = {"count": count, "add": add, "keys": meant, "warm": warm, "reference": reference, "paths": list(paths)}
        facts["skills"] = sorted(check_skills(skills))
        return Spawned(**await self.request("spawn", kind=kind, measure=True, **facts))

    async def remove(self, kind: str, keys: KeySet | Iterable[int | str] | range) -> Removed:
        """Remove agents, and what was kept of them. As `Engine.remove`."""
        return Removed(**await self.request("remove", kind=kind, **keyset(keys).as_dict()))

    async def stats(self) -> dict[str, Any]:
        """One snapshot, as `stats --json` prints it."""
        return dict(await self.request("stats"))

    async def overview(self) -> dict[str, Any]:
        """What a person looks at first, as `engine.overview.Overview` says it: agents, tasks, rates, resources and alerts."""
        return dict(await self.request("overview"))

    async def ps(self) -> list[dict[str, Any]]:
        """The workers."""
        return list(await self.request("ps"))

    async def pools(self) -> list[dict[str, Any]]:
        """The pools."""
        return list(await self.request("pools"))

    async def quarantine(self) -> list[dict[str, Any]]:
        """The records of agents that were found sick, as `Engine.quarantine`."""
        return list(await self.request("quarantine"))

    async def release(self, agent: str) -> dict[str, Any]:
        """Let an agent out of quarantine; returns its record. Raises UnknownAgent where it is not there."""
        return dict(await self.request("release", agent=agent))

    async def breakers(self) -> dict[str, Any]:
        """The circuit breakers: `breakers` as `Engine.breakers.facts`, `outside` as `Engine.breakers.outside`."""
        return dict(await self.request("breakers"))

    async def force_breaker(
        self, action: str, pool: str | None = None, kind: str | None = None, *, target: str | None = None
    ) -> list[dict[str, Any]]:
        """Hold breakers `open` or `close`d, or `auto`; returns them. As `Engine.breakers.force`."""
        return list(await self.request("force-breaker", action=action, pool=pool, kind=kind, target=target))

    async def _deploying(self, verb: str, **facts: Any) -> dict[str, Any]:
        return dict(await self.request(DEPLOYING[verb], **facts))

    async def _rewinding(self, verb: str, **facts: Any) -> dict[str, Any]:
        return dict(await self.request(verb, **facts))

    async def _migrating(self, verb: str, **facts: Any) -> dict[str, Any]:
        return dict(await self.request(MIGRATING[verb], **facts))

    async def _looking(self, verb: str, **facts: Any) -> dict[str, Any]:
        return dict(await self.request(LOOKING[verb], **facts))

    async def foresight(self) -> dict[str, Any]:
        """How foresight is set, and whether it is of use: what `engine foresight --json` prints."""
        return dict(await self.request("foresight"))

    async def kinds(self) -> dict[str, dict[str, str]]:
        """What each kind can do: signatures by method."""
        return dict(await self.request("kinds"))

    async def events(self, limit: int = 100) -> list[dict[str, Any]]:
        """The newest events, oldest first."""
        return list(await self.request("events", limit=limit))

    async def ready(self, timeout_s: float) -> None:
        """Return once every worker runs. Raises NotRunning after timeout_s seconds."""
        if not await self.request("ready", timeout_s=timeout_s):
            raise NotRunning(f"not every worker runs after {timeout_s:g} s; see: engine ps")

    async def stop(self, *, emergency: bool = False) -> dict[str, Any]:
        """End the engine; returns what it had. Emergency: workers are killed at once. It is not waited for afterwards."""
        self._patience_s, self._is_patient_if_kept = 0.0, False
        return dict(await self.request("stop", emergency=emergency))


class _Forgotten(Exception):
    """The engine came back without what it knew."""


def _not_connected(*_arguments: Any, **_named: Any) -> Future[Any]:
    raise LinkClosed("not connected to an engine")
