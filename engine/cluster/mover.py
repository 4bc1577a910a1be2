"""What a node does when agents change places: gives away those that are to go, takes in those that come, and spawns its own.

Owns the pace and the talk with other nodes, also about room before there is a step. What is decided stands in `passage`; that
an agent is never in two places, its engine keeps: given out durably, taken in once, removed after that. Whatever was
interrupted is begun again from what it has.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from engine.client import Client
from engine.cluster.fence import Fence
from engine.cluster.handover import Parts, handovers, some
from engine.cluster.passage import STAYS, belonging, goes_to, leaving, strangers, verdict
from engine.cluster.placing import DONE, READY, Placing
from engine.cluster.plan import Plan
from engine.cluster.records import Arrivals, BadRecord, Handover, Order, Reply, decode, encode
from engine.cluster.subjects import Subjects
from engine.cluster.vacancy import refusal
from engine.errors import EngineError, EngineStopped, NotRunning
from pools.address import parse
from pools.errors import LinkClosed, PoolError

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.aio.msg import Msg

__all__ = ["LOOK_S", "Mover"]

#: Agents of one handover.
AGENTS = 200
#: Seconds between two looks at the plan while agents change places, and while none do: then a change is heard of, mostly.
LOOK_S, CALM_S = 0.5, 5.0
#: Seconds that a node may take to answer to one part.
ANSWER_S = 8.0
#: Numbers that are looked at between two pauses.
AT_ONCE = 5_000
#: Errors of an engine that is gone: its gateway begins anew.
GONE = (LinkClosed, NotRunning, EngineStopped)


class Mover:
    """The moves of one node. fence: a file with the highest version that was seen.  told: hears in a line what happens."""

    def __init__(
        self,
        node: str,
        client: Client,
        nats: Nats,
        subjects: Subjects,
        placing: Placing,
        fence: Fence,
        told: Callable[[str], None],
    ) -> None:
        self._node = node
        self._client = client
        self._nats = nats
        self._subjects = subjects
        self._placing = placing
        self._fence = fence
        self._told = told
        self._parts = Parts()
        #: Held while agents are spawned, and while another plan is taken up: a spawn is all of one plan.
        self._lock = asyncio.Lock()
        self._ready = self._done = 0
        self._last_said = ""
        self._explained = (0, "")
        self._looked_s = float("-inf")
        self._news = asyncio.Event()
        #: Is set when agents of a kind may be new here.
        self.spawned = asyncio.Event()
        #: The plan that this node acts by; None before the first look.
        self.plan: Plan | None = None

    async def run(self) -> None:
        """Do what the plan says, until cancelled. Raises nats.errors.Error, LinkClosed, NotRunning, EngineStopped."""
        from nats.errors import Error

        build = self._subjects.build
        heard = [
            await self._nats.subscribe(build("placement.give", self._node), cb=self._on_offer),
            await self._nats.subscribe(build("placement.order", self._node), cb=self._on_order),
            await self._nats.subscribe(build("placement.room", self._node), cb=self._on_arrivals),
            await self._nats.subscribe(self._placing.subject, cb=self._on_plan),
        ]
        calm_from_s = 0.0
        try:
            while True:
                if self._news.is_set():  # what was written just now may be read a little later
                    calm_from_s = time.monotonic() + CALM_S
                self._news.clear()
                with suppress(Error, TimeoutError, BadRecord):
                    plan = await self._known()
                    if plan is not None and not plan.is_at_rest:
                        calm_from_s = time.monotonic() + LOOK_S
                    if plan is not None and not plan.is_settled:
                        await self._work(plan)
                        await self._explain(plan)
                await self._pause(CALM_S if time.monotonic() > calm_from_s else LOOK_S)
        finally:
            with suppress(Error):
                for subscription in heard:
                    await subscription.unsubscribe()

    async def _known(self) -> Plan | None:
        """The plan; one that cannot be read is told of, and changes nothing. Raises nats.errors.Error, TimeoutError."""
        try:
            return await self.look()
        except BadRecord as error:
            self._tell(f"{error}; this node goes on by the one that it knows, and changes nothing")
            return None

    async def _pause(self, pause_s: float) -> None:
        """Wait so long, or until the plan is written."""
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._news.wait()

    async def _on_plan(self, _message: Msg) -> None:
        self._news.set()

    async def look(self, within_s: float = 0.0) -> Plan | None:
        """The plan as it was within so many seconds, which this node acts by from now on; many who ask are one question.

        Raises nats.errors.Error, TimeoutError, BadRecord.
        """
        wanted_s = time.monotonic() - within_s
        if self._looked_s >= wanted_s:
            return self.plan
        async with self._lock:
            return self.plan if self._looked_s >= wanted_s else await self._look()

    async def _look(self) -> Plan | None:
        began_s = time.monotonic()
        found, known = await self._placing.read(), self.plan
        if found.version < await asyncio.to_thread(lambda: self._fence.highest):
            return known  # an answer of a server that has not heard of the newer one
        if known is None or found.version >= known.version:
            if known is None or found.version > known.version:
                await asyncio.to_thread(self._fence.see, found.version)
            if known is None or not _is_earlier(found, known):
                self.plan = found
        self._looked_s = began_s
        return self.plan

    # -- away ----------------------------------------------------------------------------------------------------------

    async def _work(self, plan: Plan) -> None:
        """Do what there is to do for a step."""
        if self._node in plan.nodes and self._ready < plan.version:
            await self._get_ready(plan)
        if self._done >= plan.version:
            return
        to_go = await self._leaving(plan)
        if not to_go:
            await self._placing.say(DONE, self._node, plan.version)
            self._done = plan.version
            self._tell(f"version {plan.version} of the plan: nothing is left to be given away")
            return
        if await self._begun(plan):
            for home, addresses in to_go.items():
                await self._give_all(plan, home, addresses)

    async def _begun(self, plan: Plan) -> bool:
        """Whether agents may be given: once all that may get some are ready, and it is kept that the step has begun."""
        if plan.is_begun:
            return True
        if plan.late(await self._placing.said(READY, plan.nodes)):
            return False
        kept = await self._placing.change(lambda found: found.begun(plan.version))
        if kept.version != plan.version or not kept.is_begun:
            return False
        async with self._lock:  # nobody here may take agents for where they were once some are given
            self.plan = kept
        return True

    async def _explain(self, plan: Plan) -> None:
        """Have it be known what was said last: it is why this node is not ready or not done, if it is not."""
        if (plan.version, self._last_said) != self._explained:
            await self._placing.explain(self._node, plan.version, self._last_said)
            self._explained = (plan.version, self._last_said)

    async def _get_ready(self, plan: Plan) -> None:
        """Say that others may give, unless this node has said so before in this step, or somebody is in the way."""
        if (await self._placing.said(READY, [self._node]))[self._node] < plan.version:
            in_the_way = [address async for address in self._all(lambda some: strangers(self._node, plan, some))]
            if in_the_way:
                said = f"{len(in_the_way):,} agents are here that come from other nodes, such as {in_the_way[0]}"
                self._tell(f"not ready for version {plan.version} of the plan: {said}; remove them: engine agents remove")
                return
            await self._placing.say(READY, self._node, plan.version)
            self._last_said = ""
        self._ready = plan.version

    async def _leaving(self, plan: Plan) -> dict[str, list[str]]:
        """Agents that are to go, by the node that they go to."""
        if self._node not in plan.parties:
            return {}
        found: dict[str, list[str]] = {}
        async for address in self._all(lambda some: [one for each in leaving(self._node, plan, some).values() for one in each]):
            found.setdefault(plan.home(address), []).append(address)
        return found

    async def _all(self, choose: Callable[[Iterable[str]], list[str]]) -> Any:
        """The agents of this node that are chosen."""
        for kind in sorted(await self._client.kinds()):
            members = await self._client.request("members", kind=kind)
            numbers = (key for start, stop in members["ranges"] for key in range(start, stop))
            keys = chain(numbers, members["names"])
            while some := [f"{kind}/{key}" for key in islice(keys, AT_ONCE)]:
                for address in choose(some):
                    yield address
                await asyncio.sleep(0)

    async def _give_all(self, plan: Plan, home: str, addresses: list[str]) -> None:
        """Give agents to their new node, as long as it takes them; those that are busy stay for the next time."""
        by_kind: dict[str, list[Any]] = {}
        for address in addresses:
            kind, key = parse(address)
            by_kind.setdefault(kind, []).append(key)
        for kind, keys in by_kind.items():
            if await self._give(plan, home, kind, []):  # nobody is held up for a node that does not take the kind
                await self._give_kind(plan, home, kind, keys)

    async def _give_kind(self, plan: Plan, home: str, kind: str, keys: list[Any]) -> None:
        for at in range(0, len(keys), AGENTS):
            try:
                given = await self._client.export_agents(kind, keys[at : at + AGENTS])
            except GONE:
                raise
            except (EngineError, PoolError) as error:
                self._tell(f"agents of {kind} cannot be given out: {error}")
                return
            for address, why in given.unreadable.items():
                self._tell(f"{address} cannot be given out, it stays: {why}")
            agents: list[Any] = given.agents
            while agents:
                part = some(agents)
                if not await self._give(plan, home, kind, part):
                    return
                await self._client.remove(kind, [agent["key"] for agent in part])
                agents = agents[len(part) :]

    async def _give(self, plan: Plan, home: str, kind: str, agents: list[Any]) -> bool:
        """Give some agents to a node; returns whether it has them. They stay given out here until that is known."""
        from nats.errors import Error, NoRespondersError

        subject = self._subjects.build("placement.give", home)
        said = "nothing"
        for part in handovers(plan.version, self._node, os.urandom(8).hex(), kind, agents):
            try:
                answer = await self._nats.request(subject, encode(part), timeout=ANSWER_S)
                reply = decode(answer.data, Reply)
            except (NoRespondersError, Error, TimeoutError, BadRecord) as error:
                self._tell(f"{home} does not answer to agents that are to go there: {error or type(error).__name__}")
                return False
            said = reply.said
            if said not in ("more", "done"):
                if said == "refused":
                    self._tell(f"{home} does not take agents of {kind}: {reply.text}")
                return False
        return said == "done"

    # -- here ----------------------------------------------------------------------------------------------------------

    async def _on_offer(self, message: Msg) -> None:
        await self._answer(message, Handover, self._take)

    async def _on_order(self, message: Msg) -> None:
        await self._answer(message, Order, self._obey)

    async def _on_arrivals(self, message: Msg) -> None:
        await self._answer(message, Arrivals, self._have_room)

    async def _answer(self, message: Msg, kind: Any, do: Any) -> None:
        from nats.errors import Error

        try:
            reply = await do(decode(message.data, kind))
        except GONE as error:
            reply = self._reply("again", str(error))
        except (Error, TimeoutError) as error:
            reply = self._reply("again", str(error) or type(error).__name__)
        except (BadRecord, EngineError, PoolError, ValueError) as error:
            reply = self._reply("refused", str(error))
        with suppress(Error):
            await message.respond(encode(reply))

    def _reply(self, said: str, text: str = "", count: int = 0) -> Reply:
        return Reply(self._node, said, count, text[:1_000].encode(errors="replace").decode())

    async def _take(self, part: Handover) -> Reply:
        """Take in agents, once all parts of them have come."""
        plan = self.plan
        if plan is None or part.version > plan.version:
            plan = await self.look()
        if plan is None:
            return self._reply("again", "it has just begun")
        said = verdict(self._node, plan, part.version, is_ready=self._ready >= part.version)
        if said != "take":
            return self._reply("again", f"version {part.version} is {said} here, where it is {plan.version}")
        try:
            agents = self._parts.put(part)
        except BadRecord as error:
            return self._reply("again", str(error))
        if agents is None:
            return self._reply("more")
        astray = [agent for agent in agents if plan.home(f"{part.kind}/{agent['key']}") != self._node]
        if astray:
            return self._reply("refused", f"{part.kind}/{astray[0]['key']} does not belong here")
        name = f"{part.version}.{part.node}.{part.id}"
        done = await self._client.import_agents(part.kind, agents, name=name)
        self.spawned.set()
        return self._reply("done", count=done.added)

    async def _obey(self, order: Order) -> Reply:
        """Spawn those of some agents that belong here: the plan is read, and none other is taken up meanwhile."""
        if order.verb == "drain":
            return await self._may_go(lambda plan: plan.with_drained(self._node))
        if order.verb == "place":
            return await self._may_go(lambda plan: plan.with_kind(order.kind, order.keys))
        async with self._lock:
            if order.kind in await self._client.kinds():
                await self._placing.change(lambda plan: plan.with_kind(order.kind))
            plan = await self._look()
            if plan is None or not plan.is_at_rest:
                return self._reply("again", "agents change their places now")
            if self._node not in plan.nodes:
                return self._reply("done", "no agent belongs here")
            added = 0
            for keys in belonging(self._node, plan, order.kind, order.count, order.keys):
                added += (await self._client.spawn(order.kind, keys=keys)).added
                self.spawned.set()
            return self._reply("done", count=added)

    # -- room ----------------------------------------------------------------------------------------------------------

    async def _may_go(self, wish: Callable[[Plan], Plan]) -> Reply:
        """Whether the others have room for all that goes to them if something is wished; who is away is not asked."""
        plan = await self.look()
        if plan is None:
            return self._reply("again", "it has just begun")
        wanted = wish(plan)
        coming: dict[str, Counter[str]] = {}
        async for address in self._all(list):
            if (home := goes_to(self._node, wanted, address)) != STAYS:
                coming.setdefault(home, Counter())[address.partition("/")[0]] += 1
        found = await asyncio.gather(*(self._room_on(home, kinds) for home, kinds in sorted(coming.items())))
        refused = "; ".join(text for text in found if text)
        return self._reply("refused" if refused else "done", refused, sum(kinds.total() for kinds in coming.values()))

    async def _room_on(self, home: str, kinds: Mapping[str, int]) -> str:
        """Why a node cannot take some agents; nothing where it can, or does not answer."""
        from nats.errors import Error

        arrivals = Arrivals(self._node, tuple([kind, count] for kind, count in sorted(kinds.items())))
        with suppress(Error, TimeoutError, BadRecord):
            answer = await self._nats.request(self._subjects.build("placement.room", home), encode(arrivals), timeout=ANSWER_S)
            reply = decode(answer.data, Reply)
            return f"{home}: {reply.text}" if reply.said == "refused" else ""
        return ""

    async def _have_room(self, arrivals: Arrivals) -> Reply:
        text = await refusal(self._client, dict(arrivals.rows))
        return self._reply("refused" if text else "done", text)

    def _tell(self, line: str) -> None:
        """Say something once."""
        if line != self._last_said:
            self._told(line)
        self._last_said = line


def _is_earlier(found: Plan, known: Plan) -> bool:
    """Whether a step had not begun when a server kept what was found, though it has begun by now."""
    return found.version == known.version and known.is_begun and not found.is_begun and not found.is_settled
