"""Over which nodes agents are placed, and how that becomes another list: one step at a time, agreed on by compare-and-set.

Owns the steps. Nodes join, are drained and come back at any time, which is a wish; the leader begins a step when the one before
has been settled: from then on `before` says where agents were placed and `nodes` where they go, and the version is another one.
The step is settled when every node that is part of it has said that nothing is left to be given away. What a node does for it
is `passage`'s decision. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson

from engine.cluster import cell
from engine.cluster.placement import place
from engine.cluster.records import ROLES, BadRecord
from engine.errors import ConfigError
from engine.paths import valid_name

__all__ = ["Plan", "first_plan", "read_plan"]

#: Nodes of a plan at most, and versions below this: what every JSON reader keeps exactly.
NODES, WHOLE = 1_000, 2**53


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan. version: from 1, another one with each step.  nodes: over which agents are placed, sorted.

    before: over which they were, while a step is under way; empty once it is settled.  members: all nodes, in the order in
    which they joined.  drained: those that are to have none.  roles: of nodes whose role was changed.
    is_begun: whether agents may have changed their places in the step under way; until then all are where they were.
    """

    version: int
    nodes: tuple[str, ...]
    before: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    drained: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    is_begun: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether every agent is where it belongs."""
        return not self.before

    @property
    def is_still(self) -> bool:
        """Whether there is nothing to do for the leader either."""
        return self.is_settled and self.wanted == self.nodes

    @property
    def wanted(self) -> tuple[str, ...]:
        """The nodes that are to have agents."""
        return tuple(sorted(set(self.members) - set(self.drained)))

    @property
    def parties(self) -> tuple[str, ...]:
        """The nodes that are part of the step that is under way."""
        return tuple(sorted({*self.nodes, *self.before}))

    def home(self, address: str) -> str:
        """The node that an agent belongs to."""
        return place(address, self.nodes) or ""

    def former(self, address: str) -> str:
        """The node that an agent belonged to before the step that is under way; the same where none is."""
        return place(address, self.before or self.nodes) or ""

    def now(self, address: str) -> str:
        """The node that is to be asked for an agent: where it was until a step has begun, then where it goes."""
        return self.home(address) if self.is_settled or self.is_begun else self.former(address)

    @property
    def holders(self) -> tuple[str, ...]:
        """The nodes that `now` places agents over."""
        return self.nodes if self.is_settled or self.is_begun else self.before

    # -- wishes, of anybody --------------------------------------------------------------------------------------------

    def joined(self, node: str) -> Plan:
        """The same with a node that may have agents. Raises ConfigError where there are too many."""
        if node in self.members:
            return self
        if len(self.members) >= NODES:
            raise ConfigError(f"a cluster has up to {NODES:,} nodes", key="nodes")
        return replace(self, members=(*self.members, valid_name(node, "node")))

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
            if not self.is_begun and self.wanted and self.wanted != self.nodes:  # something else is wanted by now
                before = () if self.wanted == self.before else self.before
                return replace(self, version=self.version + 1, nodes=self.wanted, before=before)
            is_over = all(done.get(node, 0) >= self.version for node in self.parties)
            return replace(self, before=(), is_begun=False) if is_over else self
        if self.wanted == self.nodes or not self.wanted:
            return self
        return replace(self, version=self.version + 1, nodes=self.wanted, before=self.nodes)

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


def first_plan(nodes: Iterable[str]) -> Plan:
    """The plan that a cluster begins with."""
    names = tuple(sorted(nodes))
    return Plan(1, names, members=names)


def read_plan(data: bytes) -> Plan:
    """A plan as it was kept. Raises BadRecord."""
    try:
        document = orjson.loads(data)
        version, roles = document["version"], document["roles"]
        lists = {name: cell.each(cell.name, NODES)(document[name]) for name in ("nodes", "before", "members", "drained")}
    except (ValueError, TypeError, KeyError, BadRecord) as error:
        raise BadRecord(f"this is no plan: {data[:80]!r}") from error
    is_whole = type(version) is int and 0 < version < WHOLE and type(roles) is dict and bool(lists["nodes"])
    if not is_whole or not all(map(_is_name, roles)) or not all(role in ROLES for role in roles.values()):
        raise BadRecord(f"this is no plan: {data[:80]!r}")
    is_begun = document.get("is_begun", bool(lists["before"]))  # one that says nothing of it was written by an older engine
    if type(is_begun) is not bool:
        raise BadRecord(f"this is no plan: {data[:80]!r}")
    return Plan(version, roles=roles, is_begun=is_begun, **lists)


def _is_name(value: Any) -> bool:
    try:
        return type(value) is str and bool(valid_name(value))
    except ConfigError:
        return False
