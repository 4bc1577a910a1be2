"""Where the sprints of a cluster are asked for and looked at: a program on any of its nodes.

Owns the words that it takes and the lines of JSON that it prints: `python -m engine.cluster.desk node.json place ORDER`, with
the backlog and its settings on standard input; `follow ORDER`, a line for each change until it has ended; `ls [LIMIT]`, `show
SPRINT`, `settle SPRINT`; `pause`, `resume` and `abort`, with a sprint or an order where it is not the only one; `look-back
[SPRINT]`, what a rollback would do, and `rollback` with that on standard input. It reads what the servers keep, into a folder
that goes with it, and leads nothing.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from engine import errors
from engine.cluster.access import FabricAway, connected, require_nats
from engine.cluster.logbook import Logbook
from engine.cluster.nodefile import NodeFile, read_node_file
from engine.cluster.petition import Petition
from engine.cluster.pieces import Overtaken
from engine.cluster.pulse import Pulse
from engine.cluster.replica import Replica
from engine.cluster.rollback import Rollback
from engine.cluster.stores import Stores
from engine.cluster.subjects import Subjects
from engine.cluster.warehouse import Warehouse
from engine.cluster.wishes import ABORT, PAUSE, RESUME
from engine.errors import EngineError, UnknownKind, exit_code
from pools.errors import BadArgument, PoolError
from sprints.archive import Archive
from sprints.backlog import Backlog, read_backlog
from sprints.chronicle import Chronicle
from sprints.errors import SprintError, UnknownSprint
from sprints.queue import Queued, is_queued_id
from sprints.settings import Settings

__all__ = ["Desk", "desks", "main", "row_of"]

#: Seconds that servers have to answer, that nodes have to be heard, and between two looks.
ASK_S, HEARD_S, LOOK_S = 5.0, 3.0, 0.5
#: Seconds that an answer may take where the servers are away on the way: another node may know more.
ANSWER_S = 120.0
#: Sprints that are listed unless more are asked for.
LIMIT = 50
#: Bytes of a backlog and its settings.
ORDER_BYTES = 256 * 1024 * 1024


def row_of(told: Chronicle) -> dict[str, Any]:
    """A sprint as a line tells it."""
    settings: Mapping[str, Any] = told.header.get("settings") or {}
    return {
        "id": told.id,
        "order": settings.get("queued"),
        "backlog": told.header.get("backlog"),
        "phase": "ended" if told.is_over else told.spans[-1].phase if told.spans else "plan",
        "aborted": told.aborted,
        "damage": told.damage,
        "began_s": told.began_s,
        "seconds": round(told.seconds, 6),
        "speed": told.speed,
        "planned": len(told.planned),
        "verdicts": dict(told.verdicts),
        "carried": {why: len(items) for why, items in told.carried.items()},
        "is_paused": told.pause is not None,
        "rolled_back": told.rolled_back,
        "releases": [{"release": name, "items": count} for name, count in told.releases],
        "not_shipped": told.not_shipped,
        "left_out": told.left_out,
    }


class Desk:
    """The desk of a node. folder: into which what the servers keep is read."""

    def __init__(self, node: NodeFile, stores: Stores, pulse: Pulse, folder: Path) -> None:
        self._node = node
        self._stores = stores
        self._pulse = pulse
        self._orders = stores.orders()
        self._replica = Replica(stores.pieces(), stores.subjects, folder)
        self._archive = Archive(str(folder))
        logbook = Logbook(self._orders, self._replica)
        loop = asyncio.get_running_loop()

        def wait(doing: Coroutine[Any, Any, Any]) -> Any:
            return asyncio.run_coroutine_threadsafe(doing, loop).result()

        warehouse = Warehouse(stores.pieces(), stores.chest, stores.subjects, wait)
        self.petition = Petition(logbook, self._orders, stores.wishes())
        self.rollback = Rollback(logbook, stores.ships(), warehouse)

    async def place(self, id: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Have a backlog worked on, once however often it is placed under one id.

        document: `backlog` and `settings`.  Raises BadArgument, BadBacklog, UnknownKind.
        """
        if not is_queued_id(id) or document.keys() != {"backlog", "settings"}:
            raise BadArgument(f"an order is an id with a backlog and its settings, got {id!r:.40}")
        backlog, settings = read_backlog(document["backlog"]), Settings.of(document["settings"])
        await self._check_kinds(backlog)
        with suppress(Overtaken):  # it was placed by a try before
            await self._orders.place(Queued(id, time.time(), backlog.row(), settings.row()))
        return {"order": id, "backlog": backlog.name}

    async def _check_kinds(self, backlog: Backlog) -> None:
        """Raises UnknownKind for agents that no node has."""
        wanted = {role.kind for role in backlog.roles.values()}
        until_s = time.monotonic() + HEARD_S
        while True:
            found = {kind for member in self._pulse.members().values() for kind in member.heartbeat.info.kinds}
            if wanted <= found:
                return
            if time.monotonic() > until_s:
                kind = min(wanted - found)
                raise UnknownKind(f"no node has agents of the kind {kind}; engine cluster spawn {kind} --count N")
            await asyncio.sleep(0.05)

    async def rows(self, limit: int) -> AsyncIterator[dict[str, Any]]:
        """The sprints, the newest first."""
        await self._replica.restore(is_leading=False)
        ids = [sprint for sprint in self._archive.ids() if self._archive.has_ledger(sprint)]
        for sprint in reversed(ids[-limit:]):
            yield row_of(await asyncio.to_thread(self._archive.chronicle, sprint))

    async def show(self, sprint: str) -> dict[str, Any]:
        """Everything about one. Raises UnknownSprint."""
        await self._replica.restore(is_leading=False)
        told = await asyncio.to_thread(self._archive.chronicle, sprint)
        steps = [span._asdict() for span in told.spans]
        receipts = [receipt._asdict() for receipt in told.receipts]
        return {**row_of(told), "steps": steps, "receipts": receipts, "header": told.header}

    async def follow(self, order: str) -> AsyncIterator[dict[str, Any]]:
        """The sprints of an order whenever they have changed; the last one says how it ended."""
        last: dict[str, Any] = {}
        others: set[str] = set()
        while True:
            ended = await self._orders.ended(order)
            await self._replica.restore(is_leading=False, but=others)
            for sprint in self._archive.ids():
                if sprint not in others and self._archive.has_ledger(sprint):
                    row = row_of(await asyncio.to_thread(self._archive.chronicle, sprint))
                    if row["order"] != order or row["phase"] == "ended":
                        others.add(sprint)
                    if row["order"] == order and last.get(sprint) != row:
                        last[sprint] = row
                        yield {"sprint": row}
            if ended is not None:
                yield {"ended": {"error": ended.error}}
                return
            await asyncio.sleep(LOOK_S)

    async def settle(self, sprint: str) -> dict[str, Any]:
        """End the doubt about a hook of a sprint. Raises UnknownSprint where there is none."""
        if not await self._stores.ships().settle(sprint):
            raise UnknownSprint(sprint)
        return {"settled": sprint}


@asynccontextmanager
async def desks(node: NodeFile) -> AsyncIterator[Desk]:
    """A desk that is connected. Raises FabricAway, Denied, ConfigError."""
    subjects = Subjects(node.cluster)
    nats = await connected(node.access, f"desk-{node.id}", lambda _line: None, wait_s=ASK_S)
    try:
        stores = Stores(nats, subjects, node.replicas)
        await stores.open()
        pulse = Pulse(nats, subjects, node.patience)
        await pulse.open()
        try:
            with tempfile.TemporaryDirectory(prefix=".desk-", dir=node.file.parent) as folder:
                yield Desk(node, stores, pulse, Path(folder))
        finally:
            await pulse.close()
    finally:
        await nats.close()


def _print(document: Mapping[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(document) + b"\n")
    sys.stdout.buffer.flush()


def _given() -> Any:
    """What came in on standard input. Raises BadArgument."""
    try:
        return orjson.loads(sys.stdin.buffer.read(ORDER_BYTES))
    except ValueError as error:
        raise BadArgument(f"what came in is no JSON: {error}") from error


async def _place(desk: Desk, word: str) -> None:
    _print(await desk.place(word, _given()))


async def _follow(desk: Desk, word: str) -> None:
    async for row in desk.follow(word):
        _print(row)


async def _ls(desk: Desk, word: str) -> None:
    async for row in desk.rows(int(word) if word.isdecimal() else LIMIT):
        _print(row)


async def _show(desk: Desk, word: str) -> None:
    _print(await desk.show(word))


async def _settle(desk: Desk, word: str) -> None:
    _print(await desk.settle(word))


async def _ask(desk: Desk, word: str, what: str) -> None:
    async with asyncio.timeout(ANSWER_S):
        _print(await desk.petition.ask(what, word))


async def _look_back(desk: Desk, word: str) -> None:
    async with asyncio.timeout(ANSWER_S):
        _print(await desk.rollback.look(word))


async def _rollback(desk: Desk, _word: str) -> None:
    looked = _given()
    if type(looked) is not dict:
        raise BadArgument("what was looked at is an object")
    async with asyncio.timeout(ANSWER_S):
        _print(await desk.rollback.go(looked))


VERBS: dict[str, Callable[[Desk, str], Awaitable[None]]] = {
    "place": _place,
    "follow": _follow,
    "ls": _ls,
    "show": _show,
    "settle": _settle,
    **{what: partial(_ask, what=what) for what in (PAUSE, RESUME, ABORT)},
    "look-back": _look_back,
    "rollback": _rollback,
}


async def _run(file: Path, verb: str, word: str) -> None:
    from nats.errors import Error

    try:
        async with desks(read_node_file(file)) as desk:
            await VERBS[verb](desk, word)
    except (Error, TimeoutError) as error:
        raise FabricAway(f"the servers do not answer: {type(error).__name__}: {error}") from error


def main(words: list[str]) -> int:
    """Do what is asked for; returns the exit code. An error is the last line on standard error, as JSON."""
    if not 2 <= len(words) <= 3 or words[1] not in VERBS:
        print(f"usage: python -m engine.cluster.desk node.json {'|'.join(VERBS)} [WORD]", file=sys.stderr)
        return 2
    try:
        require_nats()
        asyncio.run(_run(Path(words[0]).absolute(), words[1], words[2] if len(words) > 2 else ""))
    except (EngineError, SprintError, PoolError, OSError) as error:
        said = {"error": {"type": type(error).__name__, "message": str(error), "code": exit_code(error)}}
        print(orjson.dumps(said).decode(), file=sys.stderr)
        return exit_code(error)
    return errors.DONE


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
