"""Tasks of an envelope whose agents are not, or not yet, on the node that it was sent to.

Owns what becomes of such a task, once and for all: it is done here when its agent has come, or sent on to the node where that
is. Tasks of one envelope for one agent stay together. Each attempt here has a name of its own, which the engine remembers; that
something was sent on is kept before it is. So an envelope that comes again finds what was decided, and no task is done twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from engine.cluster.onward import hops_of, onward
from engine.cluster.records import Outcome, TaskEnvelope
from engine.cluster.streams import NoWay, Streams
from engine.errors import ResultGone, UnknownTask
from pools.address import parse
from pools.errors import AgentMoving, BadAddress, UnknownAgent, UnknownKind, failure_of
from pools.whereabouts import is_elsewhere

if TYPE_CHECKING:
    from engine.client import Client
    from engine.cluster.mover import Mover

__all__ = ["Astray", "Elsewhere"]

#: Seconds between two looks at whether an agent has come, or a result; at first, and at most.
LOOK_S, LOOK_MOST_S = 0.05, 0.5
#: Seconds that the lease of an envelope is held for it; after that it is given back, and comes again.
PATIENCE_S = 5.0
#: Stands for the node of an agent that there is not.
NOWHERE = ""
#: The attempt at tasks under the names that they have in their envelope: what was not tried yet has no other ones, since the
#: same envelope may come once more, from a server that was cut off with it, as if it was for the first time.
OWN_NAME = -1
#: Stands for the outcome of a task that is not of an attempt.
LEFT_OUT = Outcome(None, failure_of(AgentMoving("it is not of this attempt")))
#: Attempts at tasks for one agent, and times that one may be sent on.
ATTEMPTS, HOPS = 50, 16


class Doer(Protocol):
    """The engine of this node, which does envelopes."""

    client: Client

    async def do(self, envelope: TaskEnvelope, *, known: Mapping[int, Outcome]) -> Sequence[Outcome]:
        """The outcomes of an envelope's tasks. As `local.Local.do`."""
        ...


class Elsewhere(Exception):
    """It takes longer: the envelope is to come again."""


class Astray:
    """The way of tasks that went astray. node: this one."""

    def __init__(self, node: str, streams: Streams, local: Doer, mover: Mover) -> None:
        self._node = node
        self._streams = streams
        self._local = local
        self._mover = mover

    async def suspects(self, envelope: TaskEnvelope, *, may_be_done: bool) -> list[int]:
        """The tasks of an envelope whose agents may not be here, as far as this node knows the plan.

        may_be_done: it came before, so that each of its tasks for agents may have been sent on, unless the engine had it.
        """
        plan = self._mover.plan
        rows = enumerate(envelope.rows)
        named = [(at, row[0]) for at, row in rows if type(row[0]) is str and "/" in row[0]]
        if may_be_done:
            return [at for at, _ in named if not await self._is_known(f"{envelope.sender}.{envelope.id}.{at}")]
        if plan is None or (plan.is_settled and plan.nodes == (self._node,)):
            return []
        return [at for at, address in named if not plan.home(address) == self._node == plan.former(address)]

    def is_astray(self, envelope: TaskEnvelope, at: int, outcome: Outcome) -> bool:
        """Whether a task was not begun since its agent is not here, or about to go."""
        address = envelope.rows[at][0]
        if outcome.error is None or type(address) is not str or "/" not in address:
            return False
        try:
            return is_elsewhere(outcome.error, *parse(address))
        except BadAddress:
            return False

    async def outcomes(
        self, envelope: TaskEnvelope, gone: Mapping[int, Outcome], untried: Collection[int]
    ) -> dict[int, Outcome]:
        """What became of tasks that went astray, by place. gone: how they failed here.  untried: those that were not tried.

        Raises Elsewhere where that takes long; nats.errors.Error, TimeoutError, LinkClosed, NotRunning, EngineStopped.
        """
        groups: dict[str, dict[int, Outcome]] = {}
        for at, outcome in gone.items():
            groups.setdefault(envelope.rows[at][0], {})[at] = outcome
        doing = (self._group(envelope, address, each, untried) for address, each in groups.items())
        done: dict[int, Outcome] = {}
        for found in await asyncio.gather(*doing, return_exceptions=True):
            if isinstance(found, BaseException):
                raise found
            done |= found
        return done

    async def _group(
        self, envelope: TaskEnvelope, address: str, gone: Mapping[int, Outcome], untried: Collection[int]
    ) -> dict[int, Outcome]:
        """The tasks of one agent. What was decided in an earlier life of this process is found first."""
        done = dict(gone)
        left = list(gone)
        first = left[0]
        for attempt in range(OWN_NAME if all(at in untried for at in left) else 0, ATTEMPTS):
            if not await self._is_known(f"{envelope.sender}.{_name(envelope, first, attempt)}"):
                try:
                    moved = await self._moved(envelope, address, first)
                    target = self._node if moved is not None else await self._target(address)
                    if moved is None and target not in (NOWHERE, self._node):
                        moved = await self._streams.move(envelope.sender, onward(envelope.id, first), target, left)
                except NoWay as error:
                    return done | dict.fromkeys(left, Outcome(None, failure_of(error)))
                if moved is not None:
                    return done | await self._sent_on(envelope, first, *moved)
                if target == NOWHERE and all(self._is_unknown(done[at]) for at in left):
                    return done
            outcomes = await self._attempt(envelope, first, left, attempt)
            done |= outcomes
            left = [at for at in left if self.is_astray(envelope, at, outcomes[at])]
            if not left:
                return done
            await asyncio.sleep(min(LOOK_S * (attempt + 1), LOOK_MOST_S))
        return done

    async def _attempt(self, envelope: TaskEnvelope, first: int, rows: Sequence[int], attempt: int) -> dict[int, Outcome]:
        """Have tasks of an envelope tried here under the names of an attempt."""
        if attempt == OWN_NAME:
            others = {at: LEFT_OUT for at in range(len(envelope.rows)) if at not in rows}
            outcomes = await self._local.do(envelope, known=others)
            return {at: outcomes[at] for at in rows}
        name = _name(envelope, first, attempt)
        part = TaskEnvelope(envelope.sender, name.rpartition(".")[0], tuple(envelope.rows[at] for at in rows))
        return dict(zip(rows, await self._local.do(part, known={}), strict=True))

    @staticmethod
    def _is_unknown(outcome: Outcome) -> bool:
        return outcome.error is not None and outcome.error.type == UnknownAgent.__name__

    async def _is_known(self, name: str) -> bool:
        """Whether this engine was given a task by this name before."""
        try:
            await self._local.client.task(name)
        except UnknownTask:
            return False
        except ResultGone:
            return True
        return True

    async def _target(self, address: str) -> str:
        """Where a task for an agent is to be done: here, where it is, or another node; NOWHERE for one that there is not.

        Raises Elsewhere.
        """
        until_s = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            plan = await self._mover.look(LOOK_MOST_S)
            if plan is not None and plan.now(address) != plan.home(address) == self._node:
                plan = await self._mover.look()  # the step may have begun by now, and the agent have come
            if plan is not None:
                home, is_here = plan.now(address), await self._is_here(address)
                if home == self._node and is_here:
                    return self._node
                if home != self._node and (plan.is_settled or plan.former(address) != self._node or not is_here):
                    return home
                if home == self._node and plan.is_settled and await self._mover.look() == plan:
                    return NOWHERE  # it was not here while nothing moved
            if asyncio.get_running_loop().time() > until_s:
                raise Elsewhere
            await asyncio.sleep(LOOK_MOST_S)

    async def _is_here(self, address: str) -> bool:
        try:
            kind, key = parse(address)
            return bool(key is not None and await self._local.client.present_agents(kind, [key]))
        except UnknownKind:
            return False
        except BadAddress:
            return True  # the engine says what is wrong with it

    async def _moved(self, envelope: TaskEnvelope, address: str, first: int) -> tuple[str, list[int]] | None:
        """Where tasks of an agent were sent on to, and which; None where they were not. Raises NoWay too."""
        moved = await self._streams.moved(envelope.sender, onward(envelope.id, first))
        mine = [at for at, row in enumerate(envelope.rows) if row[0] == address]
        if moved is not None and not set(moved[1]) <= set(mine):
            raise NoWay(f"tasks were sent on to {moved[0]} that are not those of {address}")
        return moved

    async def _sent_on(self, envelope: TaskEnvelope, first: int, to: str, rows: Sequence[int]) -> dict[int, Outcome]:
        """What became of tasks that were sent on; they are sent as often as it takes, and kept once."""
        part = TaskEnvelope(envelope.sender, onward(envelope.id, first), tuple(envelope.rows[at] for at in rows))
        if hops_of(part.id) > HOPS:
            lost = failure_of(UnknownAgent(f"its agent was not found on {HOPS} nodes, one after another"))
            return dict.fromkeys(rows, Outcome(None, lost))
        if len(await self._streams.recorded(part.sender, part.id)) < len(rows):
            await self._streams.send(self._streams.subjects.build("task.assign", to), part, is_again=True)
        until_s = asyncio.get_running_loop().time() + PATIENCE_S
        pause_s = LOOK_S
        while asyncio.get_running_loop().time() < until_s:
            found = await self._streams.recorded(part.sender, part.id)
            if len(found) == len(rows):
                return {row: found[at] for at, row in enumerate(rows)}
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LOOK_MOST_S)
        raise Elsewhere


def _name(envelope: TaskEnvelope, first: int, attempt: int) -> str:
    """What the first task of an attempt is called, behind its sender."""
    return f"{envelope.id}.{first}" if attempt == OWN_NAME else f"{envelope.id}_{first}_{attempt}.0"
