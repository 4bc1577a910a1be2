"""Whether tasks are accepted at all: not more of a kind or tenant than may be open, and none that would come too late.

Owns the open tasks of those that have a limit, and the rate at which tasks of a kind end while others wait. What is accepted is
the register's knowledge, what waits is the offers'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from engine.submission import Submission
from engine.task import Task
from pools.drain import Drain
from pools.errors import Overloaded
from pools.gates import Gate, Gates
from pools.ranked import LOW

__all__ = ["Admission"]

#: Share of the time to its deadline that a task may be expected to wait.
USED = 0.75
#: Kinds of which the rate is remembered.
KINDS = 1_000
#: Seconds until it is worth to try again, at the least.
LEAST_S = 0.001


class Admission:
    """The look at each submission. gates: what may be open.  ahead: tasks of a kind that wait, from a priority on.

    clock: monotonic seconds.
    """

    def __init__(self, gates: Gates | None, ahead: Callable[[str, int], int], clock: Callable[[], float]) -> None:
        self._gates = gates
        self._ahead = ahead
        self._clock = clock
        self._drains: dict[str, Drain] = {}
        #: Open tasks by kind and by tenant, of those that have a limit of them.
        self._open: Counter[tuple[str, str]] = Counter()

    # -- what is open --------------------------------------------------------------------------------------------------

    def _limits(self, kind: str, tenant: str) -> list[tuple[tuple[str, str], Gate]]:
        """The limits that a task counts for."""
        if self._gates is None:
            return []
        of_kind, of_tenant = self._gates.kinds.get(kind), self._gates.tenant(tenant, self._clock())
        found = [(("kind", kind), of_kind), (("tenant", tenant), of_tenant)]
        return [(whose, gate) for whose, gate in found if gate is not None and gate.quota.open is not None]

    def accepted(self, tasks: Iterable[Task]) -> None:
        """Tasks are open, or about to be."""
        self._count(tasks, 1)

    def refused(self, tasks: Iterable[Task]) -> None:
        """Tasks could not be written down after all."""
        self._count(tasks, -1)

    def ended(self, tasks: Sequence[Task]) -> None:
        """Tasks have ended."""
        self._count(tasks, -1)
        if self._drains:
            now_s = self._clock()
            for kind, count in Counter(_kind(task.wanted) for task in tasks).items():
                if kind in self._drains:
                    self._drains[kind].left(count, self._ahead(kind, LOW), now_s)

    def _count(self, tasks: Iterable[Task], change: int) -> None:
        if self._gates is not None and (self._gates.kinds or self._gates.has_tenants):
            for task in tasks:
                for whose, _ in self._limits(_kind(task.wanted), task.options.tenant):
                    self._open[whose] += change
                    if not self._open[whose]:
                        del self._open[whose]

    # -- what may come -------------------------------------------------------------------------------------------------

    def check(self, submissions: Sequence[Submission]) -> None:
        """Raises Overloaded where these may not be accepted, all together."""
        self._check_open(submissions)
        coming: Counter[tuple[str, int]] = Counter()
        for each in submissions:
            kind, priority = _kind(each.address), each.options.priority
            coming[kind, priority] += 1
            if each.deadline_s is not None:
                self._check_deadline(kind, priority, coming, each.deadline_s)

    def _check_open(self, submissions: Sequence[Submission]) -> None:
        if self._gates is None or not (self._gates.kinds or self._gates.has_tenants):
            return
        coming = Counter((_kind(each.address), each.options.tenant) for each in submissions)
        more: Counter[tuple[str, str]] = Counter()
        for (kind, tenant), count in coming.items():
            for whose, gate in self._limits(kind, tenant):
                more[whose] += count
                if gate.quota.open is not None and self._open[whose] + more[whose] > gate.quota.open:
                    self._gates.count("open", gate.name, len(submissions), self._clock())
                    drain = self._drains.get(kind)
                    raise gate.full(None if drain is None else drain.rate(self._clock()))

    def _check_deadline(self, kind: str, priority: int, coming: Counter[tuple[str, int]], deadline_s: float) -> None:
        drain = self._drains.get(kind)
        if drain is None:
            if len(self._drains) >= KINDS:
                self._drains.clear()
            drain = self._drains[kind] = Drain()
        waiting = self._ahead(kind, priority)
        if not waiting:
            return
        before = waiting + sum(count for (of, rank), count in coming.items() if of == kind and rank >= priority) - 1
        expected_s = drain.wait_s(before, self._clock())
        if expected_s is not None and expected_s > USED * deadline_s:
            if self._gates is not None:
                self._gates.count("deadline", f"kind {kind}", 1, self._clock())
            after_s = round(max(expected_s - USED * deadline_s, LEAST_S), 3)
            raise Overloaded(
                f"tasks of {kind} wait for {expected_s:.3f} s, and one is to end within {deadline_s:g} s; none was accepted",
                retry_after_s=after_s,
            )


def _kind(address: str) -> str:
    return address.partition("/")[0]
