"""What all tasks of a kind, or of a tenant, meet before they go to any worker.

Owns the tokens, how many are out of those that may be, and what was refused, by reason. A valve asks for each worker; those
that found no room are told when there is some. No clock inside.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from pools.bucket import Bucket
from pools.errors import Overloaded, RateLimited
from pools.events import Event
from pools.quota import Quota, Quotas

__all__ = ["AGAIN_S", "CRITICAL_SHARE", "REASONS", "Gate", "Gates"]

#: Share of what may be under way that only critical tasks take.
#: Source: Netflix concurrency-limits, a partitioned limiter ("live 90 %, batch 10 %").
CRITICAL_SHARE = 0.1
#: Why a task is not run: too many in a time, too many open, its time would be over, the backlog is full, its time is over.
REASONS = ("rate", "open", "deadline", "backlog", "expired")
#: Tenants that are remembered; of those that are forgotten the tokens begin anew.
TENANTS = 10_000
#: Seconds without a refusal after which the next one is an event again.
QUIET_S = 10.0
#: Seconds until something refused for being too many may be tried again, where nothing was measured.
AGAIN_S = 0.1


class Gate:
    """What one kind or tenant may take, and takes.

    flying: tasks of the kind that workers have.  held: tasks that count as open for a tenant.
    """

    __slots__ = ("_parked", "bucket", "flying", "held", "name", "quota")

    def __init__(self, name: str, quota: Quota, now_s: float) -> None:
        self.name = name
        self.quota = quota
        self.bucket: Bucket | None = None
        if quota.rate is not None:
            self.bucket = Bucket(quota.rate, quota.burst or max(quota.rate, 1.0), now_s)
        self.flying = self.held = 0
        self._parked: dict[Callable[[], None], None] = {}

    def room(self, *, is_critical: bool) -> int | None:
        """Tasks that workers may get now; None for no limit."""
        most = self.quota.concurrency
        if most is None:
            return None
        return most - self.flying - (0 if is_critical else int(most * CRITICAL_SHARE))

    def park(self, pump: Callable[[], None]) -> None:
        """Have something called once there is room."""
        self._parked[pump] = None

    def wake(self) -> None:
        """There is room: whoever waited the longest looks first."""
        if self._parked:
            parked, self._parked = self._parked, {}
            for pump in parked:
                pump()

    def limited(self, count: int, now_s: float) -> RateLimited:
        """Why so many tasks are not taken: there are no tokens for them."""
        wait_s = 0.0 if self.bucket is None else self.bucket.wait_s(count, now_s)
        return RateLimited(
            f"{self.name} may begin {self.quota.rate:g} tasks a second, {count:,} more are too many now",
            retry_after_s=round(max(wait_s, 0.001), 3),
        )

    def full(self, rate: float | None) -> Overloaded:
        """Why a task is not taken: too many are open. rate: at which they end, in tasks a second."""
        after_s = AGAIN_S if not rate else max(1.0 / rate, 0.001)
        return Overloaded(f"{self.name} has {self.quota.open:,} tasks open, as many as it may", retry_after_s=round(after_s, 3))


class Gates:
    """The gates of one engine. on_event: told when refusals begin."""

    def __init__(self, quotas: Quotas, on_event: Callable[[Event], None], *, now_s: float) -> None:
        self.quotas = quotas
        self._on_event = on_event
        self.kinds = {name: Gate(f"kind {name}", quota, now_s) for name, quota in quotas.kinds.items()}
        self._tenants: OrderedDict[str, Gate] = OrderedDict()
        self.shed: Counter[str] = Counter()
        self._last_s: dict[tuple[str, str], float] = {}
        #: Tells how many tasks of a kind wait or are out at one worker, each.
        self.loads: list[Callable[[str], int]] = []

    @property
    def has_tenants(self) -> bool:
        """Whether any tenant has limits."""
        return bool(self.quotas.tenants) or self.quotas.default_tenant is not None

    def cap(self, kind: str, concurrency: int, now_s: float) -> None:
        """A kind says itself how many of its tasks may run at once; what was configured wins."""
        if kind not in self.quotas.kinds:
            self.kinds[kind] = Gate(f"kind {kind}", Quota(concurrency=concurrency), now_s)

    def tenant(self, name: str, now_s: float) -> Gate | None:
        """The gate of a tenant; None where it has no limits."""
        quota = self.quotas.tenants.get(name, self.quotas.default_tenant)
        if not name or quota is None:
            return None
        gate = self._tenants.get(name)
        if gate is None:
            while len(self._tenants) >= TENANTS:
                self._tenants.popitem(last=False)
            gate = self._tenants[name] = Gate(f"tenant {name}", quota, now_s)
        else:
            self._tenants.move_to_end(name)
        return gate

    def load(self, kind: str) -> int:
        """Tasks of a kind that wait for workers or are with them."""
        return sum(load(kind) for load in self.loads)

    def count(self, reason: str, of: str, count: int, now_s: float) -> None:
        """Some tasks were not run. of: whose they were."""
        self.shed[reason] += count
        last_s = self._last_s.get((reason, of))
        if last_s is None or now_s - last_s > QUIET_S:
            self._on_event(Event("pressure.shed", f"{of}: tasks are refused now ({reason})", now_s))
        self._last_s[reason, of] = now_s
        if len(self._last_s) > TENANTS:
            self._last_s.clear()

    def facts(self) -> dict[str, Any]:
        """What was not run, by reason, and how the gates of kinds stand."""
        kinds = {
            name: {
                "flying": gate.flying,
                "concurrency": gate.quota.concurrency,
                "rate": gate.quota.rate,
                "open": gate.quota.open,
            }
            for name, gate in self.kinds.items()
        }
        return {"shed": {reason: self.shed[reason] for reason in REASONS}, "kinds": kinds}
