"""Over which nodes agents are placed, and how that becomes something else: one step at a time, agreed on by compare-and-set.

Owns the steps. Nodes join, may have more agents or fewer, are drained and come back at any time, which is a wish; the leader
begins a step when the one before has been settled: from then on `before` says where agents were placed and `nodes` where they
go, each with its weights, and the version is another one. A kind may be placed over some of the nodes alone, which is a wish
as well, and part of a step. The step is settled when every node that is part of it has said that
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
from pools.address import valid_kind
from pools.errors import BadAddress

__all__ = ["Plan", "first_plan", "read_plan"]

#: Nodes and kinds of a plan at most, and versions below this: what every JSON reader keeps exactly.
NODES, KINDS, WHOLE = 1_000, 5_000, 2**53


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan. version: from 1, another one with each step.  nodes: over which agents are placed, sorted.

    before: over which they were, while a step is under way; empty once it is settled.  members: all nodes, in the order in
    which they joined.  drained: those that are to have none.  roles: of nodes whose role was changed.
    weights, weights_before: how much each of `nodes`, and of `before`, takes for what others take; empty where all take alike.
    where, where_before: over which of these a kind is placed alone; what is not there, over all.  where_wanted: over which
    members it is to be.
    agents: how many each member may have, as it has said.  kinds: that were spawned, which every member has that may get some.
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
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    where_before: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    where_wanted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
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
        return self.is_settled and self._goal == (self.nodes, self.weights, self.where)

    @property
    def _goal(self) -> tuple[tuple[str, ...], Mapping[str, int], Mapping[str, tuple[str, ...]]]:
        return self.wanted, self.weights_wanted, self.where_wanted

    @property
    def as_wanted(self) -> Plan:
        """The plan once all is as it is wanted."""
        facts: dict[str, Any] = dict(zip(("nodes", "weights", "where"), self._goal, strict=True))
        return replace(self, **facts, before=(), weights_before={}, where_before={}, is_begun=False)

    @property
    def parties(self) -> tuple[str, ...]:
        """The nodes that are part of the step that is under way."""
        return tuple(sorted({*self.nodes, *self.before}))

    def home(self, address: str) -> str:
        """The node that an agent belongs to."""
        return self._there(address) or self._before(address) or _outside(address, self.where, self.weights)

    def former(self, address: str) -> str:
        """The node that an agent belonged to before the step that is under way; the same where none is."""
        return self.home(address) if self.is_settled else self._before(address) or self._there(address)

    def goal(self, address: str) -> str:
        """The node that it will belong to once all is as it is wanted."""
        return place(address, _among(self.wanted, address, self.where_wanted), self.weights_wanted) or ""

    def now(self, address: str) -> str:
        """The node that is to be asked for an agent: where it was until a step has begun, then where it goes."""
        return self.home(address) if self.is_settled or self.is_begun else self.former(address)

    def _there(self, address: str) -> str:
        return place(address, _among(self.nodes, address, self.where), self.weights) or ""

    def _before(self, address: str) -> str:
        found = place(address, _among(self.before, address, self.where_before), self.weights_before)
        return found or _outside(address, self.where_before, self.weights_before)

    def nodes_of(self, kind: str) -> set[str]:
        """The nodes that may have agents of a kind, or are to get some."""
        nodes = {*self.wanted, *self.parties}
        if kind not in self.kinds or any(kind not in each for each in self._wheres):
            return nodes
        return nodes & {node for each in self._wheres for node in each[kind]}

    @property
    def _wheres(self) -> list[Mapping[str, tuple[str, ...]]]:
        return [self.where_wanted, self.where, *([] if self.is_settled else [self.where_before])]

    def kinds_of(self, node: str) -> tuple[str, ...]:
        """The kinds that a node may get agents of."""
        return tuple(kind for kind in self.kinds if node in self.where_wanted.get(kind, (node,)))

    # -- wishes, of anybody --------------------------------------------------------------------------------------------

    def joined(self, node: str, agents: int = 0) -> Plan:
        """The same with a node that may have so many agents, 0 where it does not say. Raises ConfigError for too many nodes."""
        said = {**self.agents, node: agents} if agents else self.agents
        if node in self.members:
            return replace(self, agents=said)
        if len(self.members) >= NODES:
            raise ConfigError(f"a cluster has up to {NODES:,} nodes", key="nodes")
        return replace(self, members=(*self.members, valid_name(node, "node")), agents=said)

    def with_kind(self, kind: str, over: Iterable[str] | None = None) -> Plan:
        """The same with a kind that agents are spawned of. Raises ConfigError for too many, and for what is none.

        over: the members that it is to be placed over; empty for all there are and will be, None leaves that as it is.
        """
        try:
            valid_kind(kind)
        except BadAddress as error:
            raise ConfigError(str(error), key="kind") from error
        if kind not in self.kinds and len(self.kinds) >= KINDS:
            raise ConfigError(f"a cluster has agents of up to {KINDS:,} kinds", key="kind")
        plan = self if kind in self.kinds else replace(self, kinds=(*self.kinds, kind))
        if over is None:
            return plan
        nodes = tuple(sorted(set(over)))
        for node in nodes:
            plan._check(node)
        others = {each: known for each, known in self.where_wanted.items() if each != kind}
        if nodes:
            others[kind] = nodes
            if set(nodes) <= set(self.drained):
                raise ConfigError(f"{', '.join(nodes)}: drained, so that agents of {kind} would be nowhere", key="node")
        plan = replace(plan, where_wanted=others)
        if kind not in self.kinds and kind in others:  # there are none yet that would have to move
            before = {**self.where_before, kind: nodes} if self.before else {}
            plan = replace(plan, where={**self.where, kind: nodes}, where_before=before)
        return plan

    def with_drained(self, node: str) -> Plan:
        """The same with a node that is to give its agents away. Raises ConfigError for the last one that has some."""
        self._check(node)
        if set(self.members) <= {*self.drained, node}:
            raise ConfigError(f"{node} is the last node that is not drained: its agents would be nowhere", key="node")
        for kind, nodes in self.where_wanted.items():
            if node in nodes and set(nodes) <= {*self.drained, node}:
                said = f"{node} is the last node that is not drained and may have agents of {kind}; let others have some first"
                raise ConfigError(f"{said}: engine cluster spawn {kind} --count N --on NODES", key="node")
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
        if set(self.before) - {node} and (not self.is_begun or set(self.nodes) == {node}):
            return self._undone.without(node)
        nodes = tuple(each for each in self.nodes if each != node) or members
        before = tuple(each for each in self.before if each != node)
        facts: dict[str, Any] = {"nodes": nodes, "before": before, "is_begun": self.is_begun and bool(before)}
        for name in ("weights", "weights_before", "agents", "roles"):
            facts[name] = {each: value for each, value in getattr(self, name).items() if each != node}
        facts |= self._where_without(node, nodes)
        if not before:
            facts |= {"version": self.version + 1, "weights_before": {}, "where_before": {}}
        return replace(self, members=members, drained=tuple(each for each in self.drained if each != node), **facts)

    @property
    def _undone(self) -> Plan:
        """The plan without the step that is under way: agents are where they were."""
        facts: dict[str, Any] = {"nodes": self.before, "weights": self.weights_before, "where": self.where_before}
        return replace(self, **facts, before=(), weights_before={}, where_before={}, is_begun=False)

    def _where_without(self, node: str, left: tuple[str, ...]) -> dict[str, Any]:
        """Where kinds are placed without a node, and which are left: one that was nowhere else is gone with it.

        left: the nodes that agents are placed over.  What was to go to none but the lost node stays where it is, as far as that
        is one of these. Raises ConfigError.
        """
        where, before, wanted = (
            {kind: tuple(each for each in nodes if each != node) for kind, nodes in known.items()}
            for known in (self.where, self.where_before, self.where_wanted)
        )
        others, gone = tuple(each for each in self.before if each != node), []
        for kind in [kind for kind, nodes in wanted.items() if not nodes]:
            del wanted[kind]
            if kind in where and not (now := where[kind] or before.get(kind, others)):
                gone.append(kind)
            elif where.get(kind) or (kind in where and kind in before):
                wanted[kind] = now
        for kind, nodes in wanted.items():
            if set(nodes) <= set(self.drained):
                raise ConfigError(f"{node} is the last node that is not drained and may have agents of {kind}", key="node")
        for kind in [kind for kind, nodes in where.items() if not set(nodes) & set(left)]:
            del where[kind]
            stays = before.get(kind, others)
            goes = _both(stays, left) or _both(wanted.get(kind, ()), left) or (stays if kind in wanted else ())
            if goes and kind not in gone:
                where[kind] = goes
        kinds = tuple(kind for kind in self.kinds if kind not in gone)
        return {"where": where, "where_before": before, "where_wanted": wanted, "kinds": kinds}

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
            if not self.is_begun and self.wanted and self._goal != (self.nodes, self.weights, self.where):
                step = replace(self.as_wanted, version=self.version + 1)  # something else is wanted by now
                before = self.before, self.weights_before, self.where_before
                return step if self._goal == before else step._from(*before)
            is_over = all(done.get(node, 0) >= self.version for node in self.parties)
            return replace(self, before=(), weights_before={}, where_before={}, is_begun=False) if is_over else self
        if self.is_at_rest or not self.wanted:
            return self
        return replace(self.as_wanted, version=self.version + 1)._from(self.nodes, self.weights, self.where)

    def _from(self, nodes: tuple[str, ...], weights: Mapping[str, int], where: Mapping[str, tuple[str, ...]]) -> Plan:
        """A step that begins there."""
        return replace(self, before=nodes, weights_before=weights, where_before=where)

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
        wheres = {name: _where(document.get(name, {}), lists["members"]) for name in ("where", "where_before", "where_wanted")}
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
    found: dict[str, Any] = {"version": version, "roles": roles, "kinds": kinds, "is_begun": is_begun}
    return Plan(**found | lists | numbers | wheres)


def _both(some: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some nodes that are among others."""
    return tuple(node for node in some if node in others)


def _among(nodes: tuple[str, ...], address: str, where: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Those of some nodes that the kind of an agent is placed over."""
    only = where.get(address.partition("/")[0]) if where else None
    return nodes if only is None else _both(nodes, only)


def _outside(address: str, where: Mapping[str, tuple[str, ...]], weights: Mapping[str, int]) -> str:
    """The node of an agent whose kind is placed over none of those that agents are placed over; empty for other kinds."""
    return place(address, where.get(address.partition("/")[0], ()), weights) or ""


def _where(found: Any, members: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Members by kind, as they were kept. Raises BadRecord."""
    if type(found) is not dict or len(found) > KINDS:
        raise BadRecord("nodes by kind are expected")
    named = {cell.kind(kind): cell.each(cell.name, NODES)(nodes) for kind, nodes in found.items()}
    if any(not set(nodes) <= set(members) for nodes in named.values()):
        raise BadRecord("a node that is no member has agents")
    return named


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
