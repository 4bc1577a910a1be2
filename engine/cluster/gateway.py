"""A node's gateway: the process that joins its engine to the cluster.

Owns the order in which a node joins and leaves, and what is begun again when the engine or the servers were away. It is a
client of the engine, like any other: an engine knows nothing of a cluster, and a gateway that is killed takes nothing with it.
As a program: `python -m engine.cluster.gateway node.json`; SIGTERM lets it finish what it has, and leave.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from engine.client import Client
from engine.cluster.access import connected, require_nats
from engine.cluster.astray import Astray
from engine.cluster.election import Election
from engine.cluster.fence import Fence
from engine.cluster.hookwords import HookWords
from engine.cluster.intake import Intake
from engine.cluster.lease import Lease
from engine.cluster.local import Local
from engine.cluster.mover import LOOK_S, Mover
from engine.cluster.nodefile import NodeFile, read_node_file
from engine.cluster.placing import DONE, Placing
from engine.cluster.plan import Plan
from engine.cluster.prover import Prover
from engine.cluster.pulse import Pulse
from engine.cluster.records import NAMES, BadRecord, Heartbeat, NodeInfo, encode
from engine.cluster.stores import Stores
from engine.cluster.streams import Streams
from engine.cluster.subjects import ANY, Subjects
from engine.cluster.supplies import Supplies
from engine.cluster.tenure import Tenure
from engine.cluster.vacancy import LACKS
from engine.errors import EngineError, EngineStopped, NotRunning, exit_code
from pools.errors import LinkClosed, PoolError

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats

__all__ = ["Gateway", "main"]

#: Seconds between two tries where the engine or the servers are away, and that the servers have at each.
AGAIN_S, CONNECT_S = 0.5, 5.0
#: Seconds between two looks at the kinds of the engine.
KINDS_S = 1.0
#: Seconds without an answer after which the engine counts as gone, at least: what was taken for kinds goes to others then.
STALL_S = 10.0
#: Seconds that what was taken has to end, once the gateway was asked to.
DRAIN_S = 30.0


class Gateway:
    """The gateway of a node. told: hears in a line what happens."""

    def __init__(self, node: NodeFile, environ: Mapping[str, str], told: Callable[[str], None]) -> None:
        self.node = node
        self._environ = node.environ(environ)
        self._told = told
        self._subjects = Subjects(node.cluster)
        self._kinds: tuple[str, ...] = ()
        self._last_said = ""
        self._outside = ("", 0)

    async def run(self, stopping: asyncio.Event) -> None:
        """Be joined, again and again where the engine or the servers were away, until stopping is set.

        Raises ConfigError, UnsafePath, Unavailable where that is no use.
        """
        from nats.errors import Error

        while not stopping.is_set():
            try:
                await self._join(stopping)
            except* (NotRunning, EngineStopped, LinkClosed, BadRecord, Error, OSError, TimeoutError) as group:
                said = "; ".join(dict.fromkeys(f"{type(each).__name__}: {each}" for each in _leaves(group)))
                if said != self._last_said:
                    self._told(f"not joined: {said}")
                self._last_said = said
            finally:
                self.node.joined.unlink(missing_ok=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S):
                    await stopping.wait()

    async def _join(self, stopping: asyncio.Event) -> None:
        """Be joined once, until stopping is set and all that was taken is answered."""
        node = self.node
        async with Client(node.engine, self._environ, patience_s=0.0) as client:
            self._kinds = await self._known(client)
            nats = await connected(node.access, f"gateway-{node.id}", self._told, wait_s=CONNECT_S)
            try:
                await self._joined(client, nats, stopping)
            finally:
                await nats.close()

    async def _joined(self, client: Client, nats: Nats, stopping: asyncio.Event) -> None:
        from engine import __version__

        node, subjects = self.node, self._subjects
        incarnation = os.urandom(8).hex()
        streams = Streams(nats, subjects, node.replicas)
        await streams.open()
        placing = Placing(streams.context, node.cluster, node.replicas)
        await placing.open(node.nodes, node.weights)
        tenure = Tenure(placing)
        await tenure.say(node.id, node.task_lease_s)
        is_in = await self._enter(placing, client)
        local = Local(client)
        intake = Intake(nats, streams, local, node.id, incarnation, node.room, node.task_lease_s, self._told)

        seen = Fence(node.file.with_name("placement"))
        mover = Mover(node.id, client, nats, subjects, placing, seen, self._told)
        intake.longest = tenure.longest_s
        intake.astray = Astray(node.id, streams, local, mover)

        def beat(number: int) -> Heartbeat:
            role: Any = self._role(mover.plan)
            info = NodeInfo(node.id, incarnation, role, self._kinds, node.capabilities, node.agents, __version__)
            is_draining = intake.is_draining or intake.is_drained
            return Heartbeat(info, number, intake.running, node.room, is_draining, intake.superseded, time.time())

        pulse = Pulse(nats, subjects, node.patience, beat)
        lease = Lease(f"{node.id}-{incarnation}", node.term)
        fence = Fence(node.fence)
        election = Election(nats, node.cluster, lease, replicas=node.replicas, seen=fence.see, told=self._told)
        words = HookWords(nats, node, self._told)
        chest = Stores(nats, subjects, node.replicas).chest
        intake.supplies = Supplies(chest, node.file.parent, self._told)
        prover = Prover(nats, node, chest, client, self._told)
        await pulse.open()
        await nats.publish(subjects.build("discovery.announce", node.id), encode(beat(0).info))
        try:
            await prover.open()
            await words.open()
            async with asyncio.TaskGroup() as group:
                group.create_task(election.run(), name="election")
                group.create_task(mover.run(), name="mover")
                group.create_task(self._follow(mover, placing, election, intake, None if is_in else client), name="plan")
                takes = group.create_task(self._take(intake, client, mover.spawned), name="takes")
                beats = group.create_task(self._beat(pulse), name="beats")
                self._tell(incarnation)
                await _either(stopping, takes, beats)
                intake.is_draining = True
                await pulse.beat()
                await asyncio.wait((takes,), timeout=DRAIN_S)
                raise _Left
        except* _Left:
            pass
        finally:
            await words.close()
            await prover.close()
            await pulse.close(is_leaving=stopping.is_set())

    def _role(self, plan: Plan | None) -> str:
        """What this node is: as its file says, unless the plan says otherwise."""
        return self.node.role if plan is None else plan.roles.get(self.node.id, self.node.role)

    async def _enter(self, placing: Placing, client: Client) -> bool:
        """Be a node that agents are placed over, if the engine here has all kinds that may come; returns whether it is one."""
        node, known = self.node, frozenset(await client.kinds())

        def entered(plan: Plan) -> Plan:
            is_able = node.id in plan.members or known.issuperset(plan.kinds_of(node.id))
            return plan.joined(node.id, node.agents) if is_able else plan

        plan = await placing.change(entered)
        if node.id in plan.members:
            return True
        lacking = next(kind for kind in plan.kinds_of(node.id) if kind not in known)
        said = f"no agents are placed here: {LACKS.format(kind=lacking)}"
        if (said, plan.version) != self._outside:
            self._told(said)
            await placing.explain(node.id, plan.version, said)
        self._outside = (said, plan.version)
        return False

    async def _follow(self, mover: Mover, placing: Placing, election: Election, intake: Intake, outside: Client | None) -> None:
        """Be what the plan says of this node; as the leader have it go on. outside: the engine of one that is not in it."""
        from nats.errors import Error

        while True:
            plan = mover.plan
            if plan is not None:
                intake.is_drained = self.node.id in plan.drained
                election.lease.term = self.node.term_as(self._role(plan))
            with suppress(Error, TimeoutError, BadRecord):
                if outside is not None and await self._enter(placing, outside):
                    outside = None
                if plan is not None and not plan.is_at_rest and election.token() is not None:
                    done = await placing.said(DONE, plan.parties)
                    await placing.change(lambda plan: plan.next(done))  # noqa: B023 - it is called at once
            await asyncio.sleep(LOOK_S)

    async def _beat(self, pulse: Pulse) -> None:
        while True:
            await pulse.beat()
            await asyncio.sleep(self.node.heartbeat_s)

    async def _take(self, intake: Intake, client: Client, spawned: asyncio.Event) -> None:
        """Take what is for this node's agents, and for its kinds: also for those that its engine learns meanwhile.

        spawned: is set when that may have happened.
        """
        build = self._subjects.build
        async with asyncio.TaskGroup() as group:
            group.create_task(intake.take(f"node-{self.node.id}", build("task.assign", self.node.id)))
            begun: set[str] = set()
            while not intake.is_draining:
                spawned.clear()
                self._kinds = await self._known(client)
                intake.kinds = frozenset(self._kinds)
                for kind in set(self._kinds) - begun:
                    for capability in (ANY, *self.node.capabilities):
                        name = f"queue-{capability}-{kind}"
                        group.create_task(intake.take(name, build("task.queue", capability, kind), kind))
                begun.update(self._kinds)
                with suppress(TimeoutError):
                    async with asyncio.timeout(KINDS_S):
                        await spawned.wait()

    async def _known(self, client: Client) -> tuple[str, ...]:
        """The kinds that the engine has agents of. Raises TimeoutError where it does not answer, NotRunning, LinkClosed."""
        limit_s = max(STALL_S, self.node.task_lease_s)
        try:
            async with asyncio.timeout(limit_s):
                kinds = sorted(await Local(client).kinds())
        except TimeoutError as error:
            raise TimeoutError(f"the engine has not answered for {limit_s:g} s") from error
        if len(kinds) > NAMES and len(self._kinds) < NAMES:
            self._told(
                f"{len(kinds):,} kinds have agents here; tasks of the cluster come for the first {NAMES:,} of them alone"
            )
        return tuple(kinds[:NAMES])

    def _tell(self, incarnation: str) -> None:
        self._last_said = ""
        self._told(f"node {self.node.id} has joined the cluster {self.node.cluster}")
        document = {"node": self.node.id, "cluster": self.node.cluster, "incarnation": incarnation, "pid": os.getpid()}
        new = self.node.joined.with_suffix(".new")
        new.write_bytes(orjson.dumps(document))
        new.replace(self.node.joined)


class _Left(Exception):
    """The gateway has done all that it had taken, and ends."""


async def _either(stopping: asyncio.Event, *tasks: asyncio.Task[None]) -> None:
    """Wait until stopping is set; a task that ends before has failed, which the group finds."""
    stop = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((stop, *tasks), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.cancel()


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for each in group.exceptions:
        found += _leaves(each) if isinstance(each, BaseExceptionGroup) else [each]
    return found


async def _run(file: Path) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await Gateway(read_node_file(file), os.environ, lambda line: print(line, file=sys.stderr, flush=True)).run(stopping)


def main(words: list[str]) -> int:
    """Be the gateway of a node until asked to end; returns the exit code."""
    if len(words) != 1:
        print("usage: python -m engine.cluster.gateway node.json", file=sys.stderr)
        return 2
    import uvloop

    try:
        require_nats()
        uvloop.run(_run(Path(words[0])))
    except (EngineError, PoolError, OSError, BaseExceptionGroup) as error:
        cause = _leaves(error)[0] if isinstance(error, BaseExceptionGroup) else error
        print(cause, file=sys.stderr)
        return exit_code(cause)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
