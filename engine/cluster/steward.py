"""Orders about a whole cluster, given on one of its nodes: spawn what belongs here, drain a node, change a role, broadcast.

Owns what each order does with the fabric, and how long it waits for what follows. As a program, on a node:
`python -m engine.cluster.steward node.json ORDER`, where ORDER is a JSON object with `do`; it prints one.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from engine.client import Client
from engine.cluster.access import connected, require_nats
from engine.cluster.membership import FRESH
from engine.cluster.nodefile import NodeFile, read_node_file
from engine.cluster.passage import belonging
from engine.cluster.placing import DONE, READY, Placing
from engine.cluster.plan import Plan
from engine.cluster.pulse import Pulse
from engine.cluster.records import NAMES, Arrivals, BadRecord, Order, Outcome, Reply, decode, encode
from engine.cluster.sender import Sender
from engine.cluster.subjects import ANY, Subjects
from engine.cluster.vacancy import refusal
from engine.errors import ConfigError, EngineError, NotRunning, Unavailable, exit_code
from engine.keyset import KeySet
from pools.errors import BadArgument, PoolError
from pools.spans import Span, missing

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats

__all__ = ["Steward", "main"]

#: Seconds that servers have to answer, that a gateway may take for one order, between two looks, and to wait for what follows.
ASK_S, ORDER_S, LOOK_S, WAIT_S = 5.0, 120.0, 0.2, 300.0
#: Seconds that a gateway may take to find out whether others have room for its agents.
CHECK_S = 30.0
#: Kind of agents where none is named.
KIND = "counter"


class Steward:
    """Who gives orders from a node. nats: a connection of its own."""

    def __init__(self, node: NodeFile, nats: Nats) -> None:
        self._node = node
        self._nats = nats
        self._subjects = Subjects(node.cluster)
        self._placing = Placing(nats.jetstream(timeout=ASK_S), node.cluster, node.replicas)
        self._orders: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
            "plan": self._plan,
            "spawn": self._spawn,
            "place": self._place,
            "drain": self._drain,
            "undrain": self._undrain,
            "forget": self._forget,
            "role": lambda order: self._changed(order, lambda plan: plan.with_role(_text(order, "node"), _text(order, "role"))),
            "broadcast": self._broadcast,
        }

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do what an order says; returns what came of it. Raises BadArgument, ConfigError, NotRunning, nats.errors.Error."""
        do = self._orders.get(str(order.get("do")))
        if do is None:
            raise BadArgument(f"there is nothing called {order.get('do')!r:.40} to do; there are {', '.join(self._orders)}")
        return await do(order)

    # -- the plan ------------------------------------------------------------------------------------------------------

    async def _plan(self, _order: dict[str, Any]) -> dict[str, Any]:
        return await self._told(await self._placing.read())

    async def _told(self, plan: Plan) -> dict[str, Any]:
        """The plan, and which nodes it waits for."""
        said = [await self._placing.said(what, plan.parties) for what in (DONE, READY)]
        waits = plan.waits_for(*said)
        facts = {"version": plan.version, "nodes": plan.nodes, "drained": plan.drained, "roles": dict(plan.roles)}
        facts |= {"weights": dict(plan.weights), "agents": dict(plan.agents), "where": dict(plan.where_wanted)}
        facts["why"] = await self._placing.explained(waits, plan.version)
        return {**facts, "members": plan.members, "is_settled": plan.is_at_rest, "waits_for": waits}

    async def _changed(self, order: dict[str, Any], change: Callable[[Plan], Plan]) -> dict[str, Any]:
        """Have the plan changed, and wait until every agent is where it belongs; `is_settled` says whether they are."""
        before = await self._placing.read()
        plan = await self._placing.change(change)
        until_s = asyncio.get_running_loop().time() + _seconds(order)
        while not plan.is_at_rest and asyncio.get_running_loop().time() < until_s:
            await asyncio.sleep(LOOK_S)
            plan = await self._placing.read()
        return {**await self._told(plan), "is_changed": plan != before}

    async def _drain(self, order: dict[str, Any]) -> dict[str, Any]:
        """Have a node drained, if the others have room for what goes to them, as far as they answer. Raises BadArgument too."""
        node = _text(order, "node")
        plan = await self._placing.read()
        if plan.with_drained(node) != plan:
            try:
                await self._ordered(Order("drain", "", 0, ()), node, CHECK_S)
            except BadArgument as refused:
                raise BadArgument(f"{node} is not drained, the others have no room for its agents: {refused}") from refused
            except NotRunning:
                pass  # it is away: nothing can be counted, or go, before it is back
        return await self._changed(order, lambda plan: plan.with_drained(node))

    async def _undrain(self, order: dict[str, Any]) -> dict[str, Any]:
        """Have a node take its share again, if it has all kinds that may come, as far as it answers. Raises BadArgument too."""
        from nats.errors import Error

        node = _text(order, "node")
        plan = await self._placing.read()
        if plan.undrained(node) != plan:
            kinds = plan.kinds_of(node)
            for at in range(0, len(kinds), NAMES):
                arrivals = Arrivals(self._node.id, tuple([kind, 0] for kind in kinds[at : at + NAMES]))
                with suppress(Error, TimeoutError, BadRecord):
                    answer = await self._nats.request(
                        self._subjects.build("placement.room", node), encode(arrivals), timeout=ASK_S
                    )
                    reply = decode(answer.data, Reply)
                    if reply.said == "refused":
                        raise BadArgument(f"{node} stays drained: {reply.text}")
        return await self._changed(order, lambda plan: plan.undrained(node))

    async def _forget(self, order: dict[str, Any]) -> dict[str, Any]:
        """Take a node out of the plan for good, if nothing is heard of it. Raises BadArgument too."""
        node = _text(order, "node")
        (await self._placing.read()).without(node)
        pulse = Pulse(self._nats, self._subjects, self._node.patience)
        await pulse.open()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._node.heartbeat_s + ASK_S):
                    while node not in pulse.members():
                        await asyncio.sleep(LOOK_S)
                raise BadArgument(f"{node} is heard of: drain it and stop it there before it is forgotten")
        finally:
            await pulse.close()
        return await self._changed(order, lambda plan: plan.without(node) if node in plan.members else plan)

    # -- agents --------------------------------------------------------------------------------------------------------

    async def _spawn(self, order: dict[str, Any]) -> dict[str, Any]:
        """Spawn the agents that belong on this node: of each kind `count` are to exist in the cluster. Loads classes first.

        over: the nodes that the kind is to be placed over, none for all; without it that stays.  Raises ConfigError too.
        """
        node, count, folder, over = self._node, order.get("count"), order.get("folder"), _names(order, "over")
        if type(count) is not int or count < 0:
            raise BadArgument(f"count is a whole number, got {count!r:.40}")
        environ = dict(os.environ) | ({} if node.home is None else {"ENGINE_HOME": str(node.home)})
        spawned = []
        async with Client(node.engine, environ) as client:
            kinds = [order["kind"]] if order.get("kind") else []
            for reference in order.get("use") or ():
                found = _found(reference, folder)
                loaded = await client.spawn(found, 0, reference=found, paths=[] if folder is None else [folder])
                if not order.get("kind"):
                    kinds.append(loaded.kind)
            if len(kinds) > 1:
                raise BadArgument(f"of which kind? --use loads {', '.join(kinds)}: name one")
            for kind in kinds or [KIND]:
                keys = tuple(order.get("keys") or ())
                if order.get("is_trial"):
                    spawned.append(await self._tried(client, kind, count, keys, over))
                    continue
                if over is not None:
                    await self._placing.change(lambda plan: plan.with_kind(kind, over))  # noqa: B023 - it is called at once
                reply = await self._ordered(Order("spawn", kind, count, keys), node.id, ORDER_S)
                is_here = kind in await client.kinds()  # not where it is placed over other nodes
                total = (await client.agents(kind, limit=0))["total"] if is_here else 0
                spawned.append({"kind": kind, "added": reply.count, "total": total, "wanted": count})
        return {"spawned": spawned}

    async def _tried(
        self, client: Client, kind: str, count: int, names: tuple[str, ...], over: Sequence[str] | None
    ) -> dict[str, Any]:
        """How many of some agents belong on this node, how many of these are new, and why these have no room if so.

        `held`: why the kind cannot be placed over these nodes.  Raises NotRunning while agents change their places.
        """
        until_s = asyncio.get_running_loop().time() + ORDER_S
        while not (plan := await self._placing.read()).is_at_rest:
            if asyncio.get_running_loop().time() > until_s:
                waits = ", ".join(plan.waits_for(await self._placing.said(DONE, plan.parties))) or "a leader"
                raise NotRunning(f"agents change their places now; waiting for {waits}")
            await asyncio.sleep(LOOK_S)
        try:
            goal = plan.with_kind(kind, over)
        except ConfigError as refused:
            return {"kind": kind, "wanted": count, "belong": 0, "new": 0, "refusal": "", "held": [str(refused)]}
        plan = goal.as_wanted
        members = await client.request("members", kind=kind) if kind in await client.kinds() else {"ranges": [], "names": []}
        there = KeySet([Span(*each) for each in members["ranges"]], members["names"])
        belong, new = 0, 0
        for keys in belonging(self._node.id, plan, kind, count, names):
            belong += keys.total
            new += sum(stop - start for start, stop in missing(there.ranges, keys.ranges))
            new += len(set(keys.names).difference(there.names))
        is_to_live_here = over is not None and self._node.id in _over(plan, kind)
        text = await refusal(client, {kind: new}) if new or is_to_live_here else ""
        return {"kind": kind, "wanted": count, "belong": belong, "new": new, "refusal": text, "held": []}

    async def _place(self, order: dict[str, Any]) -> dict[str, Any]:
        """Why agents of a kind could not go to nodes that have it, as far as those answer who have some: `held`, a list."""
        kind, over = _text(order, "kind"), _names(order, "over") or []
        plan = await self._placing.read()
        held: list[str] = []
        for node in plan.nodes if kind in plan.kinds else ():
            try:
                await self._ordered(Order("place", kind, 0, tuple(over)), node, CHECK_S)
            except BadArgument as refused:
                held.append(f"{node} could not give its agents of {kind} away: {refused}")
            except NotRunning:
                pass  # it is away: nothing can be counted, or go, before it is back
        return {"held": held}

    async def _ordered(self, order: Order, node: str, within_s: float) -> Reply:
        """What the gateway of a node says to an order. Raises BadArgument where it refuses, NotRunning where it is away."""
        from nats.errors import Error

        subject = self._subjects.build("placement.order", node)
        until_s = asyncio.get_running_loop().time() + within_s
        why = ""
        while asyncio.get_running_loop().time() < until_s:
            try:
                answer = await self._nats.request(subject, encode(order), timeout=within_s)
                reply = decode(answer.data, Reply)
            except (Error, TimeoutError, BadRecord) as error:
                raise NotRunning(f"the gateway of {node} does not answer: {error or type(error).__name__}") from error
            if reply.said == "done":
                return reply
            if reply.said == "refused":
                raise BadArgument(reply.text)
            why = reply.text
            await asyncio.sleep(LOOK_S)
        raise NotRunning(f"{node} does not do it now: {why}")

    # -- everybody -----------------------------------------------------------------------------------------------------

    async def _broadcast(self, order: dict[str, Any]) -> dict[str, Any]:
        """Have every node that is heard do a task for a kind; those that are not are named, unless nothing is left on them.

        Raises BadArgument where no node can do it.
        """
        task = order.get("task")
        if type(task) is not dict:
            raise BadArgument(f"task is an object, got {task!r:.40}")
        plan = await self._placing.read()
        wanted = plan.nodes_of(str(task.get("kind")))
        capability = order.get("capability") or ANY
        facts: dict[str, Any] = {"replicas": self._node.replicas, "patience": self._node.patience}
        async with Sender(self._nats, self._node.cluster, plan.nodes, **facts) as sender:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._node.heartbeat_s + ASK_S):
                    while not wanted <= sender.members.keys():
                        await asyncio.sleep(LOOK_S)
            done = await sender.broadcast([task], capability=capability, timeout_s=_seconds(order))
            heard = {node for node, member in sender.members.items() if member.state in FRESH}
        told = {node: _shown(outcome) for node, [outcome] in done.items()}
        if not told and wanted <= heard:
            having = "" if capability == ANY else f" and {capability}"
            raise BadArgument(f"no node of the cluster has what this task is for{having}: {task!r:.200}")
        told |= {node: _lost(node) for node in wanted - heard - told.keys()}
        return {"nodes": [{"node": node, **said} for node, said in sorted(told.items())]}


def _over(plan: Plan, kind: str) -> list[str]:
    """The nodes that agents of a kind are placed over."""
    return [node for node in plan.nodes if node in plan.where.get(kind, plan.nodes)]


def _shown(outcome: Outcome) -> dict[str, Any]:
    if outcome.error is None:
        return {"ok": True, "value": outcome.value}
    return {"ok": False, "error": outcome.error.as_dict()}


def _lost(node: str) -> dict[str, Any]:
    said = f"{node} is not heard: it has not been asked"
    return {"ok": False, "error": {"type": Unavailable.__name__, "message": said}}


def _found(reference: Any, folder: str | None) -> str:
    """A reference to a class in a folder of this node."""
    place, _, name = str(reference).rpartition(":")
    return f"{folder}/{place}:{name}" if folder is not None and place.endswith(".py") else str(reference)


def _text(order: dict[str, Any], name: str) -> str:
    value = order.get(name)
    if type(value) is not str:
        raise BadArgument(f"{name} is a text, got {value!r:.40}")
    return value


def _names(order: dict[str, Any], name: str) -> list[str] | None:
    value = order.get(name)
    if value is not None and (type(value) is not list or any(type(each) is not str for each in value)):
        raise BadArgument(f"{name} is a list of texts, got {value!r:.40}")
    return value


def _seconds(order: dict[str, Any]) -> float:
    wait_s = order.get("wait_s", WAIT_S)
    if type(wait_s) not in (int, float) or not wait_s >= 0:
        raise BadArgument(f"wait_s is a number of seconds, got {wait_s!r:.40}")
    return float(wait_s)


async def _run(node: NodeFile, order: dict[str, Any]) -> dict[str, Any]:
    nats = await connected(node.access, f"steward-{node.id}", lambda _line: None, wait_s=ASK_S)
    try:
        return await Steward(node, nats).obey(order)
    finally:
        await nats.close()


def main(words: list[str]) -> int:
    """Do what an order says; returns the exit code."""
    if len(words) != 2:
        print("usage: python -m engine.cluster.steward node.json ORDER", file=sys.stderr)
        return 2
    try:
        require_nats()
        from nats.errors import Error
    except EngineError as error:
        print(error, file=sys.stderr)
        return exit_code(error)
    try:
        order = orjson.loads(words[1])
        told = asyncio.run(_run(read_node_file(Path(words[0])), order if type(order) is dict else {}))
    except (EngineError, PoolError, OSError, ValueError, TimeoutError, Error) as error:
        code = 3 if isinstance(error, Error | TimeoutError) else exit_code(error)
        print(f"{type(error).__name__}: {str(error) or 'the servers did not answer in time'}", file=sys.stderr)
        return code
    print(orjson.dumps(told).decode())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
