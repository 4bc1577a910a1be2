"""A node's driver: the process that drives the sprints of a cluster while it holds their lease.

Owns the order in which it joins, and the beginning and end of a term. It is a client of the servers alone, and asks gateways
for what their engines did; whoever kills it takes nothing with it.
As a program: `python -m engine.cluster.driver node.json`; SIGTERM makes it give its lease back and end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from engine.cluster.access import connected, require_nats
from engine.cluster.crew import Yard
from engine.cluster.election import DRIVER, Election
from engine.cluster.fence import Fence
from engine.cluster.helm import Helm
from engine.cluster.hookwords import HookWords
from engine.cluster.lease import Lease
from engine.cluster.nodefile import NodeFile, read_node_file
from engine.cluster.pieces import Overtaken
from engine.cluster.records import BadRecord
from engine.cluster.replica import Replica
from engine.cluster.shipping import Dock
from engine.cluster.stores import Stores
from engine.cluster.subjects import Subjects
from engine.cluster.term import Term
from engine.errors import EngineError, NotRunning, exit_code
from sprints.errors import LedgerFailed, SprintBusy

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats

__all__ = ["SPRINTS", "Driver", "main"]

#: The folder of the archive, beside the node's file.
SPRINTS = "sprints"
#: Seconds between two tries where the servers are away, that they have at each, and between two looks at the lease.
AGAIN_S, CONNECT_S, LOOK_S = 0.5, 5.0, 0.1


class Driver:
    """The driver of a node. told: hears in a line what happens."""

    def __init__(self, node: NodeFile, told: Callable[[str], None]) -> None:
        self._node = node
        self._told = told
        self._subjects = Subjects(node.cluster)
        self._fence = Fence(node.file.with_name("fence-sprints"))
        self._seen = 0
        self._seeing: set[asyncio.Task[None]] = set()
        self._last_said = ""

    async def run(self, stopping: asyncio.Event) -> None:
        """Be joined, again and again where the servers were away, until stopping is set. Raises ConfigError, Unavailable."""
        from nats.errors import Error

        while not stopping.is_set():
            try:
                await self._join(stopping)
            except* (NotRunning, Error, OSError, TimeoutError) as group:
                self._say(_leaf(group))
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S):
                    await stopping.wait()

    def _say(self, error: BaseException) -> None:
        said = f"{type(error).__name__}: {error}"
        if said != self._last_said:
            self._told(said)
        self._last_said = said

    async def _join(self, stopping: asyncio.Event) -> None:
        """Be joined once, until stopping is set."""
        node = self._node
        nats = await connected(node.access, f"driver-{node.id}", self._told, wait_s=CONNECT_S)
        try:
            stores = Stores(nats, self._subjects, node.replicas)
            await stores.open()
            await self._joined(nats, stores, stopping)
        finally:
            await nats.close()

    async def _joined(self, nats: Nats, stores: Stores, stopping: asyncio.Event) -> None:
        node = self._node
        lease = Lease(f"{node.id}-{os.urandom(8).hex()}", node.term)
        election = Election(
            nats, node.cluster, lease, replicas=node.replicas, seen=self._see, told=self._told, key=DRIVER,
            leads="drives the sprints",
        )  # fmt: skip
        words = HookWords(nats, node, self._told)
        await words.open()  # a gateway tells of them too, once its engine is there
        electing = asyncio.ensure_future(election.run())
        driving = asyncio.ensure_future(self._drive(nats, stores, words, election))
        stop = asyncio.ensure_future(stopping.wait())
        try:
            await asyncio.wait((electing, driving, stop), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (driving, electing, stop):  # what was begun ends before the lease is given back
                task.cancel()
                await asyncio.wait((task,))
        for task in (electing, driving):
            if not task.cancelled():
                task.result()

    def _see(self, token: int) -> None:
        """Take in a token; the fence is held while something is shipped, and is not waited for here."""
        if token > self._seen:
            self._seen = token
            seeing = asyncio.ensure_future(asyncio.to_thread(self._fence.see, token))
            self._seeing.add(seeing)
            seeing.add_done_callback(self._seeing.discard)

    async def _drive(self, nats: Nats, stores: Stores, words: HookWords, election: Election) -> None:
        """Drive in each term, to its end."""
        from nats.errors import Error

        while True:
            token = election.token()
            if token is None:
                await asyncio.sleep(LOOK_S)
                continue
            running = asyncio.ensure_future(self._term(nats, stores, words, election, token).run())
            try:
                while election.token() == token and not running.done():
                    await asyncio.wait((running,), timeout=LOOK_S)
            finally:
                running.cancel()
                await asyncio.wait((running,))
            if running.cancelled():
                continue
            try:
                running.result()
            except* (LedgerFailed, SprintBusy, Overtaken, BadRecord, Error, OSError, TimeoutError) as group:
                self._say(_leaf(group))
                await asyncio.sleep(AGAIN_S)

    def _term(self, nats: Nats, stores: Stores, words: HookWords, election: Election, token: int) -> Term:
        node, loop = self._node, asyncio.get_running_loop()

        def leads() -> bool:
            return election.token() == token

        yard = Yard(nats, node, stores.chest, self._told)
        pieces, ships = stores.pieces(leads), stores.ships(leads)
        dock = Dock(node.id, token, leads, self._fence, ships, words, pieces, stores.chest, self._subjects, loop, Lock())
        replica = Replica(pieces, self._subjects, node.file.parent / SPRINTS)
        helm = Helm(stores.wishes(leads))
        return Term(yard, dock, replica, stores.orders(leads), helm, node.file.parent, self._told)


def _leaf(error: BaseException) -> BaseException:
    """The first error of a group that is none itself."""
    return _leaf(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def _run(file: Path) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    node = read_node_file(file)
    await Driver(node, lambda line: print(line, file=sys.stderr, flush=True)).run(stopping)


def main(words: list[str]) -> int:
    """Be the driver of a node until asked to end; returns the exit code."""
    if len(words) != 1:
        print("usage: python -m engine.cluster.driver node.json", file=sys.stderr)
        return 2
    try:
        require_nats()
        file = Path(words[0]).absolute()
        os.chdir(file.parent)  # the folders of a backlog are named from here, on each node
        asyncio.run(_run(file))
    except (EngineError, OSError, BaseExceptionGroup) as error:
        cause = _leaf(error)
        print(cause, file=sys.stderr)
        return exit_code(cause)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
