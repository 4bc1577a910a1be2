"""Who waits for whom: one graph over asks and locks.

Owns the decision what is a deadlock, and whose wait is broken. Its nodes are agents and tasks. A task waits for the agents that
it asks, an agent for the task that it runs (its lock: all others stand in its mailbox). A task that waits for those that it
depends on holds no agent yet, and one that runs has no way to wait for another but to ask: so no circle of asks leads through
dependencies; one of these alone is refused when its last task is submitted, and never stands. They are no waits that stand
here: they are handed in where somebody wants to know what a task waits for in the end. It knows no clock and breaks nothing:
`deadlocks` does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from typing import NamedTuple

__all__ = ["ASK", "DEPENDENCY", "LOCK", "REACH", "Victim", "Wait", "WaitGraph"]

#: Kinds of waits. One answer of several asks may be enough to go on; a lock must end, each of them, and so must a task that is
#: depended on.
ASK, LOCK, DEPENDENCY = "ask", "lock", "dependency"
#: Nodes that are looked at for the way to who holds up a task: more than anybody reads of.
REACH = 10_000

#: An agent's address, or a task's name.
Node = str
_Holders = Callable[[Node], Iterable[Node]]


class Wait(NamedTuple):
    """One edge: waiter cannot go on before holder does. kind: ask, lock or dependency."""

    waiter: Node
    holder: Node
    kind: str


class Victim(NamedTuple):
    """The wait that is to be broken. name: its own.  cycle: the nodes around, the waiter first and again last."""

    name: Hashable
    cycle: list[Node]


class WaitGraph:
    """The waits that stand. Each has a name, under which it is removed; adding one costs the same however many there are."""

    def __init__(self) -> None:
        self._waits: dict[Hashable, Wait] = {}
        self._out: dict[Node, dict[Hashable, None]] = {}
        self._in: dict[Node, int] = {}

    def __len__(self) -> int:
        return len(self._waits)

    def __contains__(self, name: Hashable) -> bool:
        return name in self._waits

    def wait(self, name: Hashable) -> Wait | None:
        """The wait of a name."""
        return self._waits.get(name)

    def add(self, name: Hashable, wait: Wait) -> None:
        """A wait begins; one of the same name is replaced."""
        self.remove(name)
        self._waits[name] = wait
        self._out.setdefault(wait.waiter, {})[name] = None
        self._in[wait.holder] = self._in.get(wait.holder, 0) + 1

    def remove(self, name: Hashable) -> None:
        """A wait has ended, if there was one."""
        wait = self._waits.pop(name, None)
        if wait is None:
            return
        names = self._out[wait.waiter]
        del names[name]
        if not names:
            del self._out[wait.waiter]
        left = self._in.pop(wait.holder) - 1
        if left:
            self._in[wait.holder] = left

    def may_close(self, name: Hashable) -> bool:
        """Whether a cycle can lead through a wait: somebody waits for its waiter, and its holder waits."""
        wait = self._waits.get(name)
        return wait is not None and wait.waiter in self._in and wait.holder in self._out

    # -- cycles --------------------------------------------------------------------------------------------------------

    def reach(self, nodes: Iterable[Node]) -> set[Node]:
        """These nodes, and all that they wait for, however far."""
        seen = set(nodes)
        rest = list(seen)
        while rest:
            for holder in self._holders(rest.pop()):
                if holder not in seen:
                    seen.add(holder)
                    rest.append(holder)
        return seen

    def circles(self, nodes: Iterable[Node] | None = None) -> list[set[Node]]:
        """The groups of nodes that wait for each other in a circle, of all that the given ones wait for; None for all.

        Each group is a strongly connected component. The time is that of the part which is reached.
        """
        starts = list(self._out) if nodes is None else [node for node in nodes if node in self._out]
        return [group for group in _Walk(self._holders).groups(starts) if self._turns(group)]

    def way(self, start: Node, dependencies: Callable[[Node], Iterable[Wait]]) -> list[Wait]:
        """The shortest way from a node over all that it waits for to the end of an ask: to somebody who asks nobody, or again.

        dependencies: what else a node waits for. Empty where no ask is on any way, or within REACH nodes.
        """
        came_by: dict[Node, Wait | None] = {start: None}
        rest = [start]
        for node in rest:
            further = [*dependencies(node), *(self._waits[name] for name in self._out.get(node, ()))]
            new = [wait for wait in further if wait.holder not in came_by]
            last = came_by[node]
            if last is not None and not new and any(wait.kind == ASK for wait in (last, *further)):
                return [*_steps(last, came_by), *further[:1]]
            for wait in new[: REACH - len(rest)]:
                came_by[wait.holder] = wait
                rest.append(wait.holder)
        return []

    def _holders(self, node: Node) -> Iterator[Node]:
        return (self._waits[name].holder for name in self._out.get(node, ()))

    def _turns(self, group: set[Node]) -> bool:
        if len(group) > 1:
            return True
        (node,) = group
        return node in self._holders(node)

    # -- deadlocks -----------------------------------------------------------------------------------------------------

    def blocked(self, awaited: Mapping[Node, Collection[Hashable]]) -> set[Node]:
        """The nodes that wait for each other and for nobody else: none of them ever goes on.

        awaited: what each task waits for really, by the names of its asks; a task that is not in it can go on by itself. Only
        what these tasks wait for is looked at. A task is blocked if all of these asks lead to the blocked, or one lock
        does; an agent, if the task that it runs is.
        """
        region = self.reach(awaited)
        blocked = {node for node in region if node in awaited or (node in self._out and not self._asks(node))}
        rest = list(blocked)
        waiters: dict[Node, list[Node]] = {}
        for node in blocked:
            for holder in self._holders(node):
                waiters.setdefault(holder, []).append(node)
        while rest:
            node = rest.pop()
            if node in blocked and not self._is_blocked(node, blocked, awaited.get(node)):
                blocked.discard(node)
                rest += waiters.get(node, ())
        return blocked

    def _asks(self, node: Node) -> bool:
        return any(self._waits[name].kind == ASK for name in self._out[node])

    def _is_blocked(self, node: Node, blocked: set[Node], awaited: Collection[Hashable] | None) -> bool:
        waits = {name: self._waits[name] for name in self._out.get(node, ())}
        if any(wait.kind != ASK and wait.holder in blocked for wait in waits.values()):
            return True
        return bool(awaited) and all(name in waits and waits[name].holder in blocked for name in awaited or ())

    def victims(self, awaited: Mapping[Node, Collection[Hashable]], began: Mapping[Node, int]) -> list[Victim]:
        """The cheapest wait of each deadlock: the one whose breaking loses the least work.

        It is an ask of the task that began last of those on a cycle, the newest of its asks there, which lies on the shortest
        cycle with that task. Groups that wait for another blocked group are left: they may go on when that does.
        awaited: as for `blocked`.  began: when each task began, the higher the later.
        """
        blocked = self.blocked(awaited)

        def holders(node: Node) -> Iterator[Node]:
            return (holder for _, holder in self._stuck(node, blocked, awaited))

        chosen = []
        for group in _Walk(holders).groups(sorted(blocked)):
            if any(holder not in group for node in group for holder in holders(node)):
                continue
            asks = [
                (began.get(node, 0), at, node, name, holder)
                for node in sorted(group)
                for at, (name, holder) in enumerate(self._stuck(node, blocked, awaited))
                if self._waits[name].kind == ASK
            ]
            if asks:
                *_, node, name, holder = max(asks, key=lambda ask: ask[:3])
                chosen.append(Victim(name, [node, *_way(holder, node, holders)]))
        return chosen

    def _stuck(
        self, node: Node, blocked: set[Node], awaited: Mapping[Node, Collection[Hashable]]
    ) -> Iterator[tuple[Hashable, Node]]:
        """The waits of a node that keep it blocked, oldest first."""
        for name in self._out.get(node, ()):
            wait = self._waits[name]
            if wait.holder in blocked and (wait.kind != ASK or name in awaited.get(node, ())):
                yield name, wait.holder


class _Walk:
    """A walk that finds strongly connected components. Source: Tarjan 1972, without recursion."""

    def __init__(self, holders: _Holders) -> None:
        self._holders = holders
        self._number: dict[Node, int] = {}
        self._low: dict[Node, int] = {}
        self._stack: list[Node] = []
        self._stacked: set[Node] = set()
        self._path: list[tuple[Node, Iterator[Node]]] = []

    def groups(self, starts: Iterable[Node]) -> Iterator[set[Node]]:
        """The components of what is reached from some nodes, each before those that wait for it."""
        for start in starts:
            if start not in self._number:
                self._enter(start)
            while self._path:
                node, rest = self._path[-1]
                if not self._step(node, rest):
                    yield from self._leave(node)

    def _enter(self, node: Node) -> None:
        self._number[node] = self._low[node] = len(self._number)
        self._stack.append(node)
        self._stacked.add(node)
        self._path.append((node, iter(list(self._holders(node)))))

    def _step(self, node: Node, rest: Iterator[Node]) -> bool:
        """Go one node deeper; False where there is nothing deeper."""
        for holder in rest:
            if holder not in self._number:
                self._enter(holder)
                return True
            if holder in self._stacked:
                self._low[node] = min(self._low[node], self._number[holder])
        return False

    def _leave(self, node: Node) -> Iterator[set[Node]]:
        self._path.pop()
        if self._path:
            above = self._path[-1][0]
            self._low[above] = min(self._low[above], self._low[node])
        if self._low[node] != self._number[node]:
            return
        group: set[Node] = set()
        while node not in group:
            group.add(self._stack.pop())
        self._stacked -= group
        yield group


def _steps(last: Wait, came_by: Mapping[Node, Wait | None]) -> list[Wait]:
    """The waits up to one, the first one first."""
    steps = [last]
    while (before := came_by[steps[-1].waiter]) is not None:
        steps.append(before)
    return steps[::-1]


def _way(start: Node, goal: Node, holders: _Holders) -> list[Node]:
    """The shortest way from one node to another, both included; empty where there is none."""
    before: dict[Node, Node | None] = {start: None}
    rest = [start]
    for node in rest:
        if node == goal:
            way = [node]
            while (previous := before[way[-1]]) is not None:
                way.append(previous)
            return way[::-1]
        for holder in holders(node):
            if holder not in before:
                before[holder] = node
                rest.append(holder)
    return []
