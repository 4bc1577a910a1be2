"""What happened on this floor, told upward.

Owns the one form of it, and how much each thing matters. Nothing here calls upward: each part gets an `on_event` callable and
tells it.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["DEBUG", "ERROR", "INFO", "LEVELS", "OFF", "WARNING", "Event", "rank_of"]

#: How much something matters, the least first; `off` is what nothing is as important as.
DEBUG, INFO, WARNING, ERROR, OFF = LEVELS = ("debug", "info", "warning", "error", "off")

#: Names of events, or how they end, of what somebody should look at.
_WARNINGS = frozenset(
    {
        "agent.hung", "agent.interrupted", "agent.leaked", "agent.replaced", "agent.restarted", "agent.suspected",
        "agents.unkept", "breaker.half_open", "breaker.opened", "deadlock.broken", "deploy.back", "engine.restarted",
        "log.dropped", "pool.full", "pool.memory", "pressure.shed", "spawn.refused", "tell.failed", "trace.dropped",
        "worker.died",
    }
)  # fmt: skip
#: The last words of the names of what is broken until somebody mends it.
_ERRORS = (
    ".broken_off", ".down", ".failed", ".gave_up", ".killed", ".quarantined", ".stalled", ".stuck", ".unfolded", ".unkept",
)  # fmt: skip


class Event(NamedTuple):
    """One thing that happened, or was said.

    name: dotted, such as `worker.died`.  text: for people.  time_s: seconds since 1970.
    level: one of `LEVELS`, empty for what the name means.  pool, worker, agent: where it happened, empty where that is not
    said.  task: of which; another id of it, chosen by its sender, is `called`.  trace: the correlation id of a task that is
    traced, empty for one that is not.
    """

    name: str
    text: str
    time_s: float
    level: str = ""
    pool: str = ""
    worker: str = ""
    agent: str = ""
    task: str = ""
    called: str = ""
    trace: str = ""

    @property
    def matters(self) -> str:
        """Its level."""
        return self.level or _level_of(self.name)

    def as_dict(self) -> dict[str, str | float]:
        """What is known of it, by name."""
        told = {name: value for name, value in self._asdict().items() if value != ""}
        return {**told, "text": self.text, "level": self.matters}


def _level_of(name: str) -> str:
    if name in _WARNINGS:
        return WARNING
    return ERROR if name.endswith(_ERRORS) else INFO


def rank_of(level: str) -> int:
    """The place of a level among all. Raises ValueError for what is none."""
    return LEVELS.index(level)
