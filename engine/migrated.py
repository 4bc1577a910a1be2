"""Agents that change engines: the verbs of `Engine` and `Client` about it, and what a socket is asked for them.

Owns their names, their limits and the form in which an agent travels. What an engine does is `pools.departures`' and
`pools.arrivals`' knowledge.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.keyset import KeySet, keyset
from engine.order import Order
from engine.spawned import check_skills
from pools.address import Key, key_of, parse
from pools.arrivals import Arriving
from pools.departures import Given
from pools.errors import BadArgument

if TYPE_CHECKING:
    from engine.detached import Detached
    from pools.swarm import Swarm

__all__ = ["AGENTS", "MIGRATING", "Exported", "Imported", "Migrated", "MigratedHere", "MigrationVerbs"]

#: Agents of one request at most, and characters of the name of an import.
AGENTS, NAME_CHARS = 1_000, 200
#: What the verbs are called on the socket.
MIGRATING = {"export": "export", "retain": "retain", "present": "present", "import": "import"}
#: The fields of an agent that travels.
FIELDS = frozenset({"key", "state", "skills", "timers"})


class Exported(NamedTuple):
    """Agents that were given out.

    agents: each an object of `key`, `state` (its fields), `skills` and `timers` (method, argument, due in seconds since 1970,
    and after how many that was), as `import_agents` takes them.  busy: keys of those that have something to do, or did not fit
    into the answer: ask for them again.  missing: those that there are not.
    unreadable: why some cannot be given out, by address.
    """

    agents: list[dict[str, Any]]
    busy: list[int | str]
    missing: list[int | str]
    unreadable: dict[str, str]


class Imported(NamedTuple):
    """added: how many agents are new here.  is_known: agents came by this name before, and nothing was done."""

    added: int
    is_known: bool


class Migrated(ABC):
    """The part of an engine or a client that gives agents out and takes them in.

    To move agents: export them, import what that gave into the other engine, and remove them here. An agent that was exported
    takes no tasks (`AgentMoving`; tells and timers wait) until it is removed or retained, also in the engine's next start.
    """

    @abstractmethod
    async def _migrating(self, verb: str, **facts: Any) -> dict[str, Any]:
        """Have it done."""

    async def export_agents(self, kind: str, keys: KeySet | Iterable[int | str] | range) -> Exported:
        """Give out up to 1,000 agents that have nothing to do; those that were given out before are told again.

        What they sent before stays here, and so do their checkpoints and what is on record of their health.
        Raises UnknownKind, BadAddress, ValueError, CheckpointError.
        """
        meant = _some(keyset(keys))
        return Exported(**await self._migrating("export", kind=kind, **meant.as_dict()))

    async def retain_agents(self, kind: str, keys: KeySet | Iterable[int | str] | range) -> list[int | str]:
        """Have agents that were given out stay here after all; returns those that were. Raises as `export_agents`."""
        meant = _some(keyset(keys))
        kept: list[int | str] = (await self._migrating("retain", kind=kind, **meant.as_dict()))["retained"]
        return kept

    async def present_agents(self, kind: str, keys: KeySet | Iterable[int | str] | range) -> list[int | str]:
        """Those of some agents that there are, given out or not. Raises as `export_agents`."""
        meant = _some(keyset(keys))
        there: list[int | str] = (await self._migrating("present", kind=kind, **meant.as_dict()))["present"]
        return there

    async def import_agents(self, kind: str, agents: Sequence[Mapping[str, Any]], *, name: str) -> Imported:
        """Have up to 1,000 agents exist with the states that another engine gave out: all of them or none.

        One that is there already stays as it is. name: of this import; where state is kept the last 10,000 names are
        remembered, and agents that come again by one of them are let go. A state of None is that of a new agent.
        Raises UnknownKind, TooManyAgents, BadArgument, BadAddress, StateUnreadable, PoolUnavailable, CheckpointError.
        """
        return Imported(**await self._migrating("import", kind=kind, agents=list(agents), name=name))


class MigratedHere(Migrated):
    """The same for an engine's own agents."""

    @property
    @abstractmethod
    def swarm(self) -> Swarm:
        """The workers. Raises EngineStopped."""

    @property
    @abstractmethod
    def detached(self) -> Detached:
        """The tasks that were accepted. Raises EngineStopped."""

    async def _migrating(self, verb: str, **facts: Any) -> dict[str, Any]:
        kind: str = facts["kind"]
        self.swarm.check_kind(kind)
        if verb == "import":
            arriving = [_arriving(agent) for agent in facts["agents"]]
            _check_import(arriving, facts["name"])
            added = await self.swarm.arrivals.take_in(kind, arriving, facts["name"])
            return Imported(added or 0, added is None)._asdict()
        keys: list[Key] = [key for start, stop in facts["ranges"] for key in range(start, stop)]
        keys += facts["names"]
        if verb == "present":
            return {"present": [key for key in keys if self.swarm.placement.has(kind, key)]}
        if verb == "retain":
            return {"retained": await self.swarm.departures.retain(kind, keys)}
        return _exported(await self.swarm.departures.give_out(kind, keys, lambda: _asked(self.detached, kind)))._asdict()


def _some(keys: KeySet) -> KeySet:
    if keys.total > AGENTS:
        raise ValueError(f"{keys.total:,} agents at once, at most are {AGENTS:,}")
    return keys


def _exported(given: Given) -> Exported:
    names = ("key", "state", "skills", "timers")
    agents = [dict(zip(names, row, strict=True)) for row in given.rows]
    busy: Any = given.busy
    missing: Any = given.missing
    return Exported(agents, busy, missing, given.unreadable)


def _asked(detached: Detached, kind: str) -> set[Key]:
    """The agents of a kind that have accepted tasks which have not ended, or are being accepted."""
    prefix = f"{kind}/"
    tasks = [task for draft in detached.accepting for task in draft.tasks]
    tasks += [task for task in detached.register.tasks.values() if task.ended_s is None]
    tasks += [part for task in tasks for part in task.parts or ()]
    return {parse(task.agent)[1] for task in tasks if task.agent.startswith(prefix)}


def _arriving(agent: Any) -> Arriving:
    """An agent that travels, as it was sent. Raises BadArgument, BadAddress."""
    if not isinstance(agent, Mapping) or not agent.keys() <= FIELDS or "key" not in agent:
        raise BadArgument(f"an agent that comes is an object with {', '.join(sorted(FIELDS))}, got {agent!r:.80}")
    state, timers = agent.get("state"), agent.get("timers") or []
    if state is not None and type(state) is not dict:
        raise BadArgument(f"the state of an agent is an object of its fields, got {state!r:.80}")
    if type(timers) is not list or not all(map(_is_timer, timers)):
        raise BadArgument(f"timers are lists of method, argument, due and after, got {timers!r:.80}")
    try:
        skills = check_skills(agent.get("skills") or ())
    except (TypeError, ValueError) as error:
        raise BadArgument(str(error)) from error
    return Arriving(key_of(agent["key"]), state, skills, timers)


def _is_timer(timer: Any) -> bool:
    numbers = (int, float)
    is_row = type(timer) is list and len(timer) == 4 and type(timer[0]) is str
    return is_row and type(timer[2]) in numbers and type(timer[3]) in numbers and timer[3] >= 0


def _check_import(agents: Sequence[Arriving], name: Any) -> None:
    """Raises BadArgument."""
    if len(agents) > AGENTS or len({agent.key for agent in agents}) < len(agents):
        raise BadArgument(f"up to {AGENTS:,} agents come at once, each of them once")
    if type(name) is not str or not 0 < len(name) <= NAME_CHARS:
        raise BadArgument(f"an import has a name of 1 to {NAME_CHARS} characters, got {name!r:.80}")


class MigrationVerbs:
    """What the socket of an engine can be asked. verbs: what each name does."""

    def __init__(self, engine: Migrated) -> None:
        self._engine = engine
        self.verbs: dict[str, Callable[[Order], Awaitable[Any]]] = {
            MIGRATING["export"]: self._export,
            MIGRATING["retain"]: self._retain,
            MIGRATING["present"]: self._present,
            MIGRATING["import"]: self._import,
        }

    async def _export(self, order: Order) -> dict[str, Any]:
        return (await self._engine.export_agents(order.text("kind"), _keys(order)))._asdict()

    async def _retain(self, order: Order) -> dict[str, Any]:
        return {"retained": await self._engine.retain_agents(order.text("kind"), _keys(order))}

    async def _present(self, order: Order) -> dict[str, Any]:
        return {"present": await self._engine.present_agents(order.text("kind"), _keys(order))}

    async def _import(self, order: Order) -> dict[str, Any]:
        agents = order.value("agents")
        if type(agents) is not list:
            raise BadArgument("agents must be a list of objects")
        return (await self._engine.import_agents(order.text("kind"), agents, name=order.text("name")))._asdict()


def _keys(order: Order) -> KeySet:
    return KeySet(order.spans("ranges"), list(order.texts("names")))
