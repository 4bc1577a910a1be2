"""A closer look at agents, and the pausing of pools: the verbs of `Engine` and `Client` about it.

Owns their names and what they return. What agents do their workers say, who they are the pools know.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.order import Order
from pools.census import Meant
from pools.errors import BadArgument

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.detached import Detached
    from pools.swarm import Swarm

__all__ = ["LOOKING", "PAGE", "LookVerbs", "Looked", "LookedHere"]

#: Agents on a page at most.
PAGE = 10_000
#: What the verbs are called on the socket.
LOOKING = {"agents": "agents", "look": "agent", "pause": "pause-pool", "resume": "resume-pool"}


class Looked(ABC):
    """The part of an engine or a client that looks at agents, and pauses pools."""

    @abstractmethod
    async def _looking(self, verb: str, **facts: Any) -> dict[str, Any]:
        """Have something looked at, or done."""

    async def agents(
        self,
        kind: str | None = None,
        *,
        filter: str = "",
        status: str | Sequence[str] = (),
        pool: str | None = None,
        worker: str | None = None,
        sort: str | None = None,
        is_descending: bool = False,
        skip: int = 0,
        limit: int = 100,
    ) -> dict[str, Any]:
        """A page of agents: `agents` (address, pool, worker, status, mailbox, restarts), how many `matched`, and the `total`.

        filter: a part of the address, or a regular expression where it has signs of one; with `!` before it those without.
        status: one or several of run, wait (run with something in the mailbox), quarantined, idle, asleep, dormant.
        sort: address, pool, worker, status, mailbox or restarts; without it as they were spawned.  limit: at most 10,000.
        kinds: how many there are of each.  silent: workers that did not say what their agents do; these are `unknown`, and
        missing where a status is asked for.  Raises BadArgument, UnknownKind.
        """
        statuses = [status] if isinstance(status, str) else list(status)
        where = {"pool": pool, "worker": worker, "sort": sort, "is_descending": is_descending}
        return await self._looking("agents", kind=kind, filter=filter, status=statuses, **where, skip=skip, limit=limit)

    async def look(self, agent: str) -> dict[str, Any]:
        """Everything that is known of one agent, which is not woken for that. As `engine.portrait.portrait` says.

        Raises BadAddress, UnknownKind, UnknownAgent.
        """
        return await self._looking("look", agent=agent)

    async def pause(self, pool: str) -> dict[str, Any]:
        """Have the workers of a pool begin no task from outside; returns the pool's name, state and open tasks.

        What runs ends, and what agents ask and tell each other goes on. What comes waits, up to the limits of the pool, and its
        deadlines count; of tasks for a kind other pools take what they can. It lasts until `resume`, or the engine's end.
        Raises BadArgument where there is no such pool, PoolUnavailable where a worker has not heard of it yet.
        """
        return await self._looking("pause", pool=pool)

    async def resume(self, pool: str) -> dict[str, Any]:
        """Have the workers of a pool begin tasks again. As `pause`."""
        return await self._looking("resume", pool=pool)


class LookedHere(Looked):
    """The same for an engine's own pools."""

    @property
    @abstractmethod
    def swarm(self) -> Swarm:
        """The workers. Raises EngineStopped."""

    @property
    @abstractmethod
    def detached(self) -> Detached:
        """The tasks that were accepted. Raises EngineStopped."""

    @abstractmethod
    def note(self, name: str, text: str) -> None:
        """Have something that happened among the events."""

    async def _looking(self, verb: str, **facts: Any) -> dict[str, Any]:
        if verb == "agents":
            return await self._page(**facts)
        if verb == "look":
            from engine.portrait import portrait

            return await portrait(self.swarm, self.detached, facts["agent"])
        return await self._halt(**facts, is_to_pause=verb == "pause")

    async def _page(self, *, kind: str | None, status: Sequence[str], skip: int, limit: int, **meant: Any) -> dict[str, Any]:
        if min(skip, limit) < 0:
            raise BadArgument(f"skip and limit are 0 or more, not {skip} and {limit}")
        placement = self.swarm.placement
        kinds = {one: placement.count_of(one) for one in placement.kinds()}
        if kind is not None and kind not in kinds:
            self.swarm.check_kind(kind)
        found = await self.swarm.listing.page(Meant(kind, **meant), status, skip, min(limit, PAGE))
        total = sum(kinds.values()) if kind is None else kinds.get(kind, 0)
        return {"total": total, "matched": found.matched, "kinds": kinds, "silent": found.silent, "agents": found.agents}

    async def _halt(self, pool: str, *, is_to_pause: bool) -> dict[str, Any]:
        meant = self.swarm.pool(pool)
        was_paused = meant.is_paused
        try:
            await (meant.pause() if is_to_pause else meant.resume())
        finally:
            if was_paused != meant.is_paused:
                done = "is paused: it begins no task from outside" if is_to_pause else "is resumed"
                self.note("pool.paused" if is_to_pause else "pool.resumed", f"pool {pool} {done}")
        return {"pool": pool, "state": meant.state, "open": meant.open, "is_changed": was_paused != meant.is_paused}


class LookVerbs:
    """What the socket of an engine can be asked about agents and pools. verbs: what each name does."""

    def __init__(self, engine: Looked) -> None:
        self._engine = engine
        self.verbs: dict[str, Callable[[Order], Awaitable[Any]]] = {
            LOOKING["agents"]: self._agents,
            LOOKING["look"]: lambda order: engine.look(order.text("agent")),
            LOOKING["pause"]: lambda order: engine.pause(order.text("pool")),
            LOOKING["resume"]: lambda order: engine.resume(order.text("pool")),
        }

    async def _agents(self, order: Order) -> dict[str, Any]:
        names = ("kind", "pool", "worker", "sort")
        return await self._engine.agents(
            **{name: order.text_if_any(name) for name in names},
            filter=order.text_if_any("filter") or "",
            status=order.texts("status"),
            is_descending=order.flag("is_descending"),
            skip=order.count("skip", 0, 2**63),
            limit=order.count("limit", 100, PAGE),
        )
