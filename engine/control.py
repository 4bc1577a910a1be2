"""The engine's socket: one unix socket that everybody speaks to.

Owns the listening socket, the check of who connects, and what each control verb does with the engine. Tasks go through a
gateway each. A peer that sends garbage loses its connection; the engine goes on.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from checkpoints.errors import CheckpointError
from checkpoints.spec import SESSION_BYTES
from engine import __version__
from engine.deployed import DeployVerbs
from engine.engine import Engine
from engine.errors import EngineError, EngineStopped
from engine.everybody import members_of
from engine.keyset import KeySet, keyset
from engine.logs.verbs import LogVerbs
from engine.looked import LookVerbs
from engine.migrated import MigrationVerbs
from engine.order import Order
from engine.rewound import RewindVerbs, recorder_of
from engine.scene import Scene
from engine.snapshot import pool_facts, worker_facts
from engine.sprintverbs import SprintVerbs
from engine.taskverbs import TaskVerbs
from pools.channel import Channel
from pools.errors import BadArgument, BadFrame, FrameTooLarge, KindNotLoaded, PoolError, TooManyAgents, failure_of
from pools.gateway import Gateway
from pools.message import ERROR, STATUS, TASK, Message
from sprints.errors import SprintError

__all__ = ["Control"]

#: Connections at once: clients, screens and gateways of one user. 256 screens, and room beside them for who sends tasks.
PEERS = 384
#: Bytes that a peer may leave unread before it is dropped, so that a stopped reader cannot fill the engine's memory.
UNREAD_BYTES = 64 * 1024 * 1024
#: Seconds between two looks at half frames, and the seconds that one may take to become whole.
LOOK_S, FRAME_S = 1.0, 30.0
#: Seconds that a peer may wait for the workers at most.
WAIT_S = 86_400.0

_SESSION = re.compile(f"[0-9a-f]{{{2 * SESSION_BYTES}}}")


class Control:
    """The server of one engine.

    on_stop: called once when somebody asks for the end, with whether it is an emergency.
    keeper: who starts the engine again when it dies, None where nobody does.  sprints, logs: the verbs about them.
    rewind: the folder where what is shown is recorded, None to record nothing.
    """

    def __init__(
        self,
        engine: Engine,
        on_stop: Callable[[bool], None],
        keeper: Callable[[], dict[str, Any] | None] = lambda: None,
        sprints: SprintVerbs | None = None,
        logs: LogVerbs | None = None,
        rewind: Path | None = None,
    ) -> None:
        self._logs = logs
        self._keeper = keeper
        self._scene = Scene(engine, self._beside)
        self._recorder = None if rewind is None else recorder_of(rewind, self._scene, engine.note)
        self._engine = engine
        self._on_stop = on_stop
        self._server: asyncio.AbstractServer | None = None
        self._peers: dict[Channel, Gateway] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        #: Bytes of connections that have ended.
        self._past_bytes = 0
        self._looker: asyncio.TimerHandle | None = None
        self._verbs: dict[str, Callable[[Order], Awaitable[Any]]] = {
            "hello": self._hello,
            "spawn": self._spawn,
            "remove": self._remove,
            "stats": self._stats,
            "overview": self._overview,
            "ps": self._ps,
            "pools": self._pools,
            "kinds": self._kinds,
            "members": self._members,
            "events": self._events,
            "cut": self._cut,
            "foresight": self._foresight,
            "quarantine": self._quarantine,
            "release": self._release,
            "breakers": self._breakers,
            "force-breaker": self._force_breaker,
            "ready": self._ready,
            "stop": self._stop,
            "spans": self._spans,
            **TaskVerbs(engine).verbs,
            **DeployVerbs(engine).verbs,
            **LookVerbs(engine).verbs,
            **MigrationVerbs(engine).verbs,
            **RewindVerbs(self._recorder).verbs,
            **({} if sprints is None else sprints.verbs),
            **({} if logs is None else logs.verbs),
        }

    async def listen(self, path: Path) -> None:
        """Accept connections at a path, which must be free; only its owner may connect."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        mask = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(mask)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(self._connection, sock=listener, backlog=PEERS)
        self._looker = loop.call_later(LOOK_S, self._look)
        if self._recorder is not None:
            self._recorder.start()

    async def close(self) -> None:
        """Accept nothing more and end every connection once what was sent has gone."""
        if self._recorder is not None:
            await self._recorder.close()
        if self._looker is not None:
            self._looker.cancel()
        if self._server is not None:
            self._server.close()
        for channel in list(self._peers):
            channel.close()
        await asyncio.sleep(0)

    # -- connections ---------------------------------------------------------------------------------------------------

    def _connection(self) -> Channel:
        return _Peer(self._on_message, self._on_closed, self._admit)

    def _admit(self, channel: Channel) -> None:
        """Take a new peer in, if it is of our own user and there is room."""
        credentials = channel.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        uid = struct.unpack("3i", credentials)[1]
        if uid not in (os.getuid(), 0):
            channel.abort()
        elif len(self._peers) >= PEERS:
            channel.fail(EngineStopped(f"the engine has {PEERS} connections already: end a client or a monitor"))
        else:
            gateway = self._engine.swarm.gateway(channel, self._engine.tally.accept, self._engine.tally.end)
            gateway.aside = self._engine.foresight.of_gateways
            self._peers[channel] = gateway

    def _on_closed(self, channel: Channel, _error: Exception | None) -> None:
        gateway = self._peers.pop(channel, None)
        self._past_bytes += channel.bytes_in + channel.bytes_out
        if gateway is not None:
            gateway.close()

    def traffic(self) -> int:
        """Bytes of all frames that peers have sent and were sent."""
        return self._past_bytes + sum(channel.bytes_in + channel.bytes_out for channel in self._peers)

    def _look(self) -> None:
        """Drop peers that sent half a frame and no more."""
        now_s = time.monotonic()
        for channel in list(self._peers):
            if channel.half_since_s is not None and now_s - channel.half_since_s > FRAME_S:
                channel.fail(BadFrame(f"half a frame, and nothing more for {FRAME_S:.0f} s"))
        self._looker = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def _on_message(self, channel: Channel, message: Message) -> None:
        gateway = self._peers.get(channel)
        if gateway is None:
            return
        if message.letter == TASK:
            gateway.accept(message.data)
        elif message.letter == STATUS:
            if type(message.data) is not dict:
                raise BadFrame("a verb and its facts are an object")
            if message.data.get("verb") == "cancel":
                gateway.cancel(*_cancelled(message.data), is_late=message.data.get("late") is True)
                return
            if message.data.get("verb") == "session":
                gateway.session = _session(message.data)
                return
            task = asyncio.get_running_loop().create_task(self._obey(channel, Order(message.data)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif message.letter != ERROR:
            raise BadFrame(f"a peer sends tasks and verbs, not {message.letter!r}")

    async def _obey(self, channel: Channel, order: Order) -> None:
        number = order.number
        try:
            verb = self._verbs.get(order.verb)
            if verb is None:
                raise BadArgument(f"no verb {order.verb!r:.60}; there are {', '.join(sorted(self._verbs))}")
            value = await verb(order)
        except (PoolError, EngineError, SprintError, CheckpointError, ValueError, KeyError, TypeError) as error:
            failure = failure_of(error)
            if isinstance(error, EngineError | SprintError):
                failure = failure._replace(retry_after_s=error.retry_after_s)
            reply: dict[str, Any] = {"verb": "failed", "id": number, "error": list(failure)}
            if isinstance(error, KindNotLoaded):
                reply["trace"] = error.trace
            if isinstance(error, TooManyAgents):
                reply["limit"], reply["where"] = error.limit, error.where
            channel.send(STATUS, reply)
        else:
            self._answer(channel, number, value)

    @staticmethod
    def _answer(channel: Channel, number: Any, value: Any) -> None:
        try:
            channel.send(STATUS, {"verb": "done", "id": number, "value": value})
        except FrameTooLarge as error:
            channel.send(STATUS, {"verb": "failed", "id": number, "error": list(failure_of(error))})

    # -- verbs ---------------------------------------------------------------------------------------------------------

    async def _hello(self, _order: Order) -> dict[str, Any]:
        engine = self._engine
        return {"name": engine.name, "pid": os.getpid(), "version": __version__, "durability": engine.durability}

    async def _spawn(self, order: Order) -> dict[str, Any]:
        engine = self._engine
        kind, reference, paths = order.text("kind"), order.text_if_any("reference"), order.texts("paths")
        count, add, keys = order.count_if_any("count"), order.count_if_any("add"), _keys(order)
        warm, measure = order.flag("warm"), order.flag("measure")
        skills = order.texts("skills")
        if reference is not None:
            await engine.load(reference, paths)
        before = engine.memory_bytes() if measure else None
        spawned = await engine.spawn(kind, count, add=add, keys=keys, warm=warm, skills=skills)
        if before is not None and spawned.added:
            spawned = spawned._replace(agent_bytes=max(engine.memory_bytes() - before, 0) / spawned.added)
        return spawned.as_dict()

    async def _remove(self, order: Order) -> dict[str, Any]:
        meant = KeySet(order.spans("ranges"), keyset(order.texts("names")).names)
        return (await self._engine.remove(order.text("kind"), meant)).as_dict()

    async def _stats(self, _order: Order) -> dict[str, Any]:
        stats: dict[str, Any] = self._shown()["stats"]
        return stats

    def _shown(self) -> dict[str, Any]:
        """The documents of one moment, as they are recorded."""
        return self._scene.now() if self._recorder is None else self._recorder.shown()

    def _beside(self) -> dict[str, Any]:
        """What is told of the engine beside what it knows itself."""
        return {
            "keeper": self._keeper(),
            "log": None if self._logs is None else self._logs.facts(),
            "rewind": None if self._recorder is None else self._recorder.facts(),
        }

    async def _overview(self, order: Order) -> dict[str, Any]:
        """The overview; with `stats` the two documents of one moment.

        With `written`, once what they count is a row of the journal too: its number, or `unwritten`, why there is none.
        """
        shown = self._shown()
        if order.flag("written"):
            row, unwritten = await self._engine.write_counts(shown["stats"]["time_s"])
            return {"stats": shown["stats"], "overview": shown["overview"], "row": row, "unwritten": unwritten}
        return {name: shown[name] for name in ("stats", "overview")} if order.flag("stats") else shown["overview"]

    async def _ps(self, _order: Order) -> list[dict[str, Any]]:
        return [worker_facts(seat, pool) for pool in self._engine.swarm.pools for seat in pool.seats]

    async def _pools(self, _order: Order) -> list[dict[str, Any]]:
        used = self._engine.swarm.placement.used
        return [pool_facts(pool, used[pool.number]) for pool in self._engine.swarm.pools]

    async def _kinds(self, _order: Order) -> dict[str, dict[str, str]]:
        return self._engine.swarm.kinds

    async def _members(self, order: Order) -> dict[str, Any]:
        """All agents of a kind, at one moment."""
        return members_of(self._engine.swarm, order.text("kind"))._asdict()

    async def _events(self, order: Order) -> list[dict[str, Any]]:
        limit = order.count("limit", 100, 1_000)
        return [event.as_dict() for event in list(self._engine.events)[-limit:]] if limit else []

    async def _foresight(self, _order: Order) -> dict[str, Any]:
        return self._engine.foresight.report()

    async def _quarantine(self, _order: Order) -> list[dict[str, Any]]:
        return self._engine.quarantine()

    async def _release(self, order: Order) -> dict[str, Any]:
        return await self._engine.release(order.text("agent"))

    async def _breakers(self, _order: Order) -> dict[str, Any]:
        breakers = self._engine.breakers
        return {"breakers": breakers.facts(), "outside": breakers.outside()}

    async def _force_breaker(self, order: Order) -> list[dict[str, Any]]:
        pool, kind, target = (order.text_if_any(name) for name in ("pool", "kind", "target"))
        return self._engine.breakers.force(order.text("action"), pool, kind, target=target)

    async def _cut(self, _order: Order) -> dict[str, list[int]]:
        return await self._engine.cut()

    async def _ready(self, order: Order) -> bool:
        """Wait until every worker runs."""
        deadline_s = time.monotonic() + order.seconds("timeout_s", 30.0, WAIT_S)
        while time.monotonic() < deadline_s:
            if all(seat.state == "running" for seat in self._engine.swarm.seats):
                return True
            await asyncio.sleep(0.02)
        return False

    async def _spans(self, order: Order) -> None:
        """What a client has done for traces; where nothing is traced it is let go."""
        if self._engine.tracing is not None:
            await self._engine.tracing.told(order)

    async def _stop(self, order: Order) -> dict[str, Any]:
        stats = self._engine.stats()
        emergency = order.flag("emergency")
        asyncio.get_running_loop().call_later(0.01, self._on_stop, emergency)
        return {"agents": stats.agents["total"], "tasks": stats.tasks, "uptime_s": stats.uptime_s, "pid": stats.pid}


class _Peer(Channel):
    """A connection that is looked at when it is made."""

    def __init__(
        self,
        on_message: Callable[[Channel, Message], None],
        on_closed: Callable[[Channel, Exception | None], None],
        on_made: Callable[[Channel], None],
    ) -> None:
        super().__init__(on_message, on_closed, time.time)
        self._on_made = on_made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._on_made(self)

    def send(self, letter: str, data: Any) -> None:
        """The same; a peer that reads nothing is dropped."""
        super().send(letter, data)
        if self.buffered_bytes > UNREAD_BYTES:
            self.abort()


def _session(facts: dict[str, Any]) -> str:
    """The session that a peer names. Raises BadFrame."""
    session = facts.get("session")
    if type(session) is not str or not _SESSION.fullmatch(session):
        raise BadFrame(f"a session is {2 * SESSION_BYTES} hexadecimal digits")
    return session


def _keys(order: Order) -> KeySet | Sequence[str] | None:
    """The agents that are meant: names, or an object with `ranges` and `names`. Raises BadArgument."""
    value = order.value("keys")
    if type(value) is not dict:
        return order.texts_if_any("keys")
    inner = Order(value)
    return KeySet(inner.spans("ranges"), list(inner.texts("names")))


def _cancelled(facts: dict[str, Any]) -> tuple[list[int], int | None]:
    """The sections whose tasks are taken back, and the position of the one that is meant. Raises BadFrame."""
    sections, position = facts.get("sections"), facts.get("position")
    if type(sections) is not list or any(type(number) is not int for number in sections):
        raise BadFrame("cancel names its sections, a list of numbers")
    if position is not None and type(position) is not int:
        raise BadFrame("a position is a number")
    return sections, position
