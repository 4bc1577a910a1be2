"""Over which nodes agents are placed, and how that becomes something else: one step at a time, agreed on by compare-and-set.

Owns the steps. Nodes join, may have more agents or fewer, are drained and come back at any time, which is a wish; the leader
begins a step when the one before has been settled: from then on `before` says where agents were placed and `nodes` where they
go, each with its weights, and the version is another one. The step is settled when every node that is part of it has said that
nothing is left to be given away. What a node does for it is `passage`'s decision. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from math import gcd
from types import MappingProxyType
from typing import Any

import orjson

from engine.cluster import cell
from engine.cluster.placement import place
from engine.cluster.records import ROLES, BadRecord
from engine.errors import ConfigError
from engine.paths import valid_name

__all__ = ["Plan", "first_plan", "read_plan"]

#: Nodes and kinds of a plan at most, and versions below this: what every JSON reader keeps exactly.
NODES, KINDS, WHOLE = 1_000, 5_000, 2**53


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan. version: from 1, another one with each step.  nodes: over which agents are placed, sorted.

    before: over which they were, while a step is under way; empty once it is settled.  members: all nodes, in the order in
    which they joined.  drained: those that are to have none.  roles: of nodes whose role was changed.
    weights, weights_before: how much each of `nodes`, and of `before`, takes for what others take; empty where all take alike.
    agents: how many each member may have, as it has said.  kinds: that were spawned, which every member has.
    is_begun: whether agents may have changed their places in the step under way; until then all are where they were.
    """

    version: int
    nodes: tuple[str, ...]
    before: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    drained: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    weights_before: Mapping[str, int] = field(default_factory=dict)
    agents: Mapping[str, int] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    is_begun: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether every agent is where it belongs."""
        return not self.before

    @property
    def wanted(self) -> tuple[str, ...]:
        """The nodes that are to have agents."""
        return tuple(sorted(set(self.members) - set(self.drained)))

    @property
    def weights_wanted(self) -> dict[str, int]:
        """How much each of these is to take: what it may have; empty where that is alike, or one has never said it."""
        said = {node: self.agents.get(node, 0) for node in self.wanted}
        if len(set(said.values())) < 2 or 0 in said.values():
            return {}
        whole = gcd(*said.values())
        return {node: agents // whole for node, agents in said.items()}

    @property
    def is_at_rest(self) -> bool:
        """Whether every agent is where it belongs, and no step is about to begin."""
        return self.is_settled and (self.wanted, self.weights_wanted) == (self.nodes, self.weights)

    @property
    def parties(self) -> tuple[str, ...]:
        """The nodes that are part of the step that is under way."""
        return tuple(sorted({*self.nodes, *self.before}))

    def home(self, address: str) -> str:
        """The node that an agent belongs to."""
        return place(address, self.nodes, self.weights) or ""

    def former(self, address: str) -> str:
        """The node that an agent belonged to before the step that is under way; the same where none is."""
        return self.home(address) if self.is_settled else place(address, self.before, self.weights_before) or ""

    def goal(self, address: str) -> str:
        """The node that it will belong to once all is as it is wanted."""
        return place(address, self.wanted, self.weights_wanted) or ""

    def now(self, address: str) -> str:
        """The node that is to be asked for an agent: where it was until a step has begun, then where it goes."""
        return self.home(address) if self.is_settled or self.is_begun else self.former(address)

    # -- wishes, of anybody --------------------------------------------------------------------------------------------

    def joined(self, node: str, agents: int = 0) -> Plan:
        """The same with a node that may have so many agents, 0 where it does not say. Raises ConfigError for too many nodes."""
        said = {**self.agents, node: agents} if agents else self.agents
        if node in self.members:
            return replace(self, agents=said)
        if len(self.members) >= NODES:
            raise ConfigError(f"a cluster has up to {NODES:,} nodes", key="nodes")
        return replace(self, members=(*self.members, valid_name(node, "node")), agents=said)

    def with_kind(self, kind: str) -> Plan:
        """The same with a kind that agents are spawned of. Raises ConfigError where there are too many."""
        if kind not in self.kinds and len(self.kinds) >= KINDS:
            raise ConfigError(f"a cluster has agents of up to {KINDS:,} kinds", key="kind")
        return self if kind in self.kinds else replace(self, kinds=(*self.kinds, kind))

    def with_drained(self, node: str) -> Plan:
        """The same with a node that is to give its agents away. Raises ConfigError for the last one that has some."""
        self._check(node)
        if set(self.members) <= {*self.drained, node}:
            raise ConfigError(f"{node} is the last node that is not drained: its agents would be nowhere", key="node")
        return replace(self, drained=tuple(sorted({*self.drained, node})))

    def undrained(self, node: str) -> Plan:
        """The same with a node that is to have agents again. Raises ConfigError."""
        self._check(node)
        return replace(self, drained=tuple(each for each in self.drained if each != node))

    def without(self, node: str) -> Plan:
        """The same without a node that is lost for good: its agents are gone, those of the others stay where they are.

        Raises ConfigError for the last one that has some.
        """
        self._check(node)
        members = tuple(each for each in self.members if each != node)
        if set(members) <= set(self.drained):
            raise ConfigError(f"{node} is the last node that is not drained: nothing would be left", key="node")
        nodes = tuple(each for each in self.nodes if each != node)
        before = tuple(each for each in self.before if each != node)
        facts: dict[str, Any] = {"nodes": nodes, "before": before, "is_begun": self.is_begun and bool(before)}
        if not nodes:  # all was to go there
            facts = {"nodes": before or members, "before": (), "is_begun": False}
        if self.is_settled or not facts["before"]:
            facts["version"] = self.version + 1
        for name in ("weights", "weights_before", "agents", "roles"):
            facts[name] = {each: value for each, value in getattr(self, name).items() if each != node}
        if not facts["before"]:
            facts["weights_before"] = {}
        return replace(self, members=members, drained=tuple(each for each in self.drained if each != node), **facts)

    def with_role(self, node: str, role: str) -> Plan:
        """The same with a node of another role. Raises ConfigError."""
        self._check(node)
        if role not in ROLES:
            raise ConfigError(f"a role is {', '.join(ROLES[:-1])} or {ROLES[-1]}, not {role!r:.40}", key="role")
        return replace(self, roles={**self.roles, node: role})

    def _check(self, node: str) -> None:
        if node not in self.members:
            raise ConfigError(f"no node {node!r:.80}; there are {', '.join(self.members)}", key="node")

    # -- steps, of the leader ------------------------------------------------------------------------------------------

    def next(self, done: Mapping[str, int]) -> Plan:
        """The plan that follows; this one where nothing does. done: the version up to which each node has given all away."""
        if not self.is_settled:
            goal = self.wanted, self.weights_wanted
            if not self.is_begun and self.wanted and goal != (self.nodes, self.weights):  # something else is wanted by now
                step = replace(self, version=self.version + 1, nodes=self.wanted, weights=self.weights_wanted)
                return replace(step, before=(), weights_before={}) if goal == (self.before, self.weights_before) else step
            is_over = all(done.get(node, 0) >= self.version for node in self.parties)
            return replace(self, before=(), weights_before={}, is_begun=False) if is_over else self
        if self.is_at_rest or not self.wanted:
            return self
        step = replace(self, version=self.version + 1, before=self.nodes, weights_before=self.weights)
        return replace(step, nodes=self.wanted, weights=self.weights_wanted)

    def begun(self, version: int) -> Plan:
        """The same once agents may change places in the step to a version; it cannot be taken back from then on.

        Who is to give agents away has this kept first, after all nodes that may get some have said that they are ready.
        """
        return replace(self, is_begun=True) if self.version == version and not self.is_settled else self

    def late(self, ready: Mapping[str, int]) -> list[str]:
        """The nodes that are not ready for a step, which therefore does not begin."""
        is_open = not self.is_settled and not self.is_begun
        return [node for node in self.nodes if ready.get(node, 0) < self.version] if is_open else []

    def waits_for(self, done: Mapping[str, int], ready: Mapping[str, int] | None = None) -> list[str]:
        """The nodes that the step under way waits for: those that are not ready, if it waits for these."""
        if self.is_settled:
            return []
        left = [node for node in self.parties if done.get(node, 0) < self.version]
        return left and (([] if ready is None else self.late(ready)) or left)

    def data(self) -> bytes:
        """The plan as it is kept."""
        return orjson.dumps(asdict(self))


def first_plan(nodes: Iterable[str], agents: Mapping[str, int] = MappingProxyType({})) -> Plan:
    """The plan that a cluster begins with. agents: how many each node may have, where that is known."""
    names = tuple(sorted(nodes))
    plan = Plan(1, names, members=names, agents={node: agents[node] for node in names if agents.get(node)})
    return replace(plan, weights=plan.weights_wanted)


def read_plan(data: bytes) -> Plan:
    """A plan as it was kept. Raises BadRecord."""
    try:
        document = orjson.loads(data)
        version, roles = document["version"], document["roles"]
        lists = {name: cell.each(cell.name, NODES)(document[name]) for name in ("nodes", "before", "members", "drained")}
        kinds = cell.each(cell.kind, KINDS)(document.get("kinds", []))
        numbers = {name: dict(document.get(name, {})) for name in ("weights", "weights_before", "agents")}
    except (ValueError, TypeError, KeyError, BadRecord) as error:
        raise BadRecord(f"this is no plan: {data[:80]!r}") from error
    is_whole = type(version) is int and 0 < version < WHOLE and type(roles) is dict and bool(lists["nodes"])
    are_roles = is_whole and all(map(_is_name, roles)) and all(role in ROLES for role in roles.values())
    if not are_roles or not _are_weights(numbers, lists):
        raise BadRecord(f"this is no plan: {data[:80]!r}")
    is_begun = document.get("is_begun", bool(lists["before"]))  # one that says nothing of it was written by an older engine
    if type(is_begun) is not bool:
        raise BadRecord(f"this is no plan: {data[:80]!r}")
    found: dict[str, Any] = {"version": version, "roles": roles, "kinds": kinds, "is_begun": is_begun, **lists, **numbers}
    return Plan(**found)


def _are_weights(numbers: Mapping[str, Mapping[Any, Any]], lists: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether those who weigh something are there, and these are whole numbers from 1."""
    whose = {"weights": "nodes", "weights_before": "before", "agents": "members"}
    are_there = all(numbers[name].keys() <= set(lists[whose[name]]) for name in numbers)
    return are_there and all(type(one) is int and 0 < one < WHOLE for each in numbers.values() for one in each.values())


def _is_name(value: Any) -> bool:
    try:
        return type(value) is str and bool(valid_name(value))
    except ConfigError:
        return False
