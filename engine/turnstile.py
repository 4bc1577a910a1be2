"""Accepted tasks that wait for one worker, so that none holds up those of another kind or tenant.

Owns the order: by priority, and within it each kind and tenant in turn. A kind or a tenant without tokens, or with as many
tasks out as it may have, is passed over. Who sends what is taken is the offers' business.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator

from engine.task import Task
from pools.address import Key
from pools.gates import Gates
from pools.ranked import CRITICAL, Ranked

__all__ = ["Entry", "Turnstile"]

#: A task, and the kind and the key of its agent.
Entry = tuple[Task, str, Key]
#: Tasks that are taken of one kind and tenant before it is the next one's turn.
QUANTUM = 32
#: Tasks that may be out of a kind for each that may run at once, so that there are always some at hand.
AHEAD = 2
#: Share of what may be out that each kind has for sure, whatever others have out.
KIND_SHARE = 1 / 16


class _Flow:
    """What waits of one kind, for one tenant, at one priority."""

    __slots__ = ("entries", "is_queued", "kind", "priority", "tenant")

    def __init__(self, kind: str, tenant: str, priority: int) -> None:
        self.kind = kind
        self.tenant = tenant
        self.priority = priority
        self.entries: deque[Entry] = deque()
        self.is_queued = False


class Turnstile:
    """What waits for one worker. gates: of the kinds and tenants; None where nothing is limited."""

    def __init__(self, gates: Gates | None = None) -> None:
        self._gates = gates
        self._flows: dict[tuple[str, str, int], _Flow] = {}
        self._queue: Ranked[_Flow] = Ranked()
        self._count = 0
        self._out: Counter[str] = Counter()
        #: Those that left as critical ones; what is hastened later takes none of their room.
        self._critical: set[Task] = set()
        #: Seconds after which those that were passed over may have tokens; None where nobody waits for any.
        self.wait_s: float | None = None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Entry]:
        return (entry for flow in self._queue for entry in flow.entries)

    def ahead(self, kind: str, priority: int) -> int:
        """Tasks of a kind that wait, of this priority and higher ones."""
        return sum(len(flow.entries) for flow in self._queue if flow.kind == kind and flow.priority >= priority)

    def put(self, entry: Entry, priority: int) -> None:
        """Have one more wait."""
        task, kind, _ = entry
        task.urgency = priority
        key = kind, task.options.tenant, priority
        flow = self._flows.get(key)
        if flow is None:
            flow = self._flows[key] = _Flow(*key)
        flow.entries.append(entry)
        self._count += 1
        if not flow.is_queued:
            flow.is_queued = True
            self._queue.put(flow, priority)

    def take(self, room: int, most: int, now_s: float, spare: int = 0) -> list[Entry]:
        """The next ones, up to `room`; of kinds that have few out, some more, and of critical ones up to `spare`.

        most: that may be out.  now_s: monotonic.
        """
        taken: list[Entry] = []
        passed: list[_Flow] = []
        self.wait_s = None
        sure = int(most * KIND_SHARE)
        while self._queue:
            flow = self._queue.take()
            own = spare - len(self._critical) if flow.priority == CRITICAL else 0  # past it they take turns with the others
            size = max(room - len(taken), sure - self._out[flow.kind], own)
            size = min(size, len(flow.entries), QUANTUM if self._queue else size)
            size = self._allowed(flow, size, now_s)
            if size <= 0:
                self._queue.pass_over()
                passed.append(flow)
                continue
            popped = [flow.entries.popleft() for _ in range(size)]
            fresh = [entry for entry in popped if entry[0].urgency == flow.priority]  # the others have another place by now
            taken += fresh
            self._out[flow.kind] += len(fresh)
            if flow.priority == CRITICAL:
                self._critical.update(task for task, _, _ in fresh)
            self._count -= size
            if flow.entries:
                self._queue.put(flow, flow.priority)
            else:
                del self._flows[flow.kind, flow.tenant, flow.priority]
        for flow in reversed(passed):
            self._queue.put_back(flow, flow.priority)
        return taken

    def _allowed(self, flow: _Flow, size: int, now_s: float) -> int:
        """How many of a flow may go, of so many; their tokens are taken."""
        gates = self._gates
        if gates is None or size <= 0:
            return size
        kind, tenant = gates.kinds.get(flow.kind), gates.tenant(flow.tenant, now_s)
        if kind is not None and kind.quota.concurrency is not None:
            size = min(size, AHEAD * kind.quota.concurrency - self._out[flow.kind])
        buckets = [gate.bucket for gate in (kind, tenant) if gate is not None and gate.bucket is not None]
        for bucket in buckets:
            size = min(size, bucket.room(now_s))
            if size <= 0:
                self.wait_s = min(bucket.wait_s(1, now_s), self.wait_s or bucket.wait_s(1, now_s))
                return 0
        for bucket in buckets:
            bucket.take(size, now_s)
        return size

    def ended(self, kind: str, task: Task) -> None:
        """One of a kind came back."""
        self._out[kind] -= 1
        self._critical.discard(task)
