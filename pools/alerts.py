"""Consumers that are alive and take nothing: agents whose mailbox waits behind one task, queues whose worker answers nothing.

Owns when that is an alert. It heals nobody: a task may have its reasons to take long, and the worker turns.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

__all__ = ["AFTER_S", "AGENT", "QUEUE", "Alert", "Alerts", "Held"]

#: Seconds for which tasks wait and none is taken, after which that is an alert: longer than a usual task, sooner than a person
#: begins to wonder.
AFTER_S = 5.0
#: What takes nothing: an agent from its mailbox, or a worker from its queue.
AGENT, QUEUE = "agent", "queue"


class Held(NamedTuple):
    """A consumer that has not taken a task since it was looked at last, if `mark` is the same.

    what: agent or queue.  name: the agent's address, the worker's name.  agent, method, task: what it is busy with; of a queue
    the first that was sent and not answered.  waiting: tasks that wait.
    """

    what: str
    name: str
    agent: str
    method: str
    task: str
    waiting: int
    mark: int


class Alert(NamedTuple):
    """A consumer that takes nothing. worker: whose it is.  since_s: monotonic seconds at which that was seen first.

    is_due: whether that is long enough to be told.
    """

    worker: str
    held: Held
    since_s: float
    is_due: bool

    def as_dict(self, now_s: float) -> dict[str, Any]:
        """The alert as `stats` shows it. for_s: seconds that it lasts."""
        what, name, agent, method, task, waiting, _ = self.held
        facts = {"what": what, "name": name, "worker": self.worker, "agent": agent, "method": method, "task": task}
        return {**facts, "waiting": waiting, "for_s": round(now_s - self.since_s, 1)}

    @property
    def text(self) -> str:
        """What an event says of it."""
        what, name, agent, method, task, waiting, _ = self.held
        ran = " ".join(filter(None, (agent if what == QUEUE else "", method, task and f"[{task}]")))
        whose = "" if what == QUEUE else f" of {self.worker}"
        return f"{what} {name}{whose} is alive and takes nothing: {waiting:,} tasks wait behind {ran or 'what it does'}"


class Alerts:
    """What stands now, by worker."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[tuple[str, str, int], Alert]] = {}

    def look(self, worker: str, held: Iterable[Held], now_s: float) -> list[Alert]:
        """Take what is held up in a worker now; returns the alerts that have become such since the last look."""
        before = self._seen.pop(worker, {})
        seen: dict[tuple[str, str, int], Alert] = {}
        fresh = []
        for one in held:
            key = (one.what, one.name, one.mark)
            known = before.get(key)
            since_s = now_s if known is None else known.since_s
            seen[key] = alert = Alert(worker, one, since_s, now_s - since_s >= AFTER_S)
            if alert.is_due and not (known is not None and known.is_due):
                fresh.append(alert)
        if seen:
            self._seen[worker] = seen
        return fresh

    def listed(self, now_s: float) -> list[dict[str, Any]]:
        """The alerts that stand, the oldest first."""
        standing = [alert for seen in self._seen.values() for alert in seen.values() if alert.is_due]
        return [alert.as_dict(now_s) for alert in sorted(standing, key=lambda alert: alert.since_s)]
