"""What of all that happens and is said comes into the log: how much something must matter, for whom.

Owns the levels and their order of precedence: what is set for an agent, then for an event, then for everything; of two that
fit, the one that was set last. Pure.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from pools.errors import BadArgument
from pools.events import INFO, LEVELS, Event, rank_of

__all__ = ["RULES", "Levels", "Rule"]

#: Levels that may be set at once, for agents and for events.
RULES = 100
#: Names whose level is remembered.
KNOWN = 10_000
#: Characters of a pattern.
PATTERN_CHARS = 200


class Rule(NamedTuple):
    """A level that was set. what: `agent` or `event`.  pattern: of its name, with * and ?."""

    what: str
    pattern: str
    level: str


class Levels:
    """The levels of one log. level: for everything that nothing else is set for."""

    def __init__(self, level: str = INFO) -> None:
        self._first = self.level = level
        self._rules: dict[tuple[str, str], str] = {}
        self._known: dict[tuple[str, str], int] = {}

    def passes(self, event: Event) -> bool:
        """Whether an event comes into the log."""
        if not self._rules:
            return LEVELS.index(event.matters) >= LEVELS.index(self.level)
        who = event.agent, event.name
        least = self._known.get(who)
        if least is None:
            if len(self._known) >= KNOWN:
                self._known.clear()
            least = self._known[who] = rank_of(self._level_of(*who))
        return rank_of(event.matters) >= least

    def _level_of(self, agent: str, name: str) -> str:
        for what, value in (("agent", agent), ("event", name)):
            for rule in reversed(self.rules):
                if value and rule.what == what and fnmatchcase(value, rule.pattern):
                    return rule.level
        return self.level

    @property
    def rules(self) -> list[Rule]:
        """What is set for agents and events, in the order in which it was."""
        return [Rule(*key, level) for key, level in self._rules.items()]

    def set(self, level: str, *, agent: str | None = None, event: str | None = None) -> None:
        """Set a level: for agents, for events, or for everything. Raises BadArgument."""
        if level not in LEVELS:
            raise BadArgument(f"a level is one of {', '.join(LEVELS)}, got {level!r:.40}")
        if agent is not None and event is not None:
            raise BadArgument("a level is set for agents or for events, not for both at once")
        if agent is None and event is None:
            self.level = level
        else:
            key = ("agent", agent) if agent is not None else ("event", str(event))
            if not 0 < len(key[1]) <= PATTERN_CHARS:
                raise BadArgument(f"a pattern has 1 to {PATTERN_CHARS} characters")
            if key not in self._rules and len(self._rules) >= RULES:
                raise BadArgument(f"up to {RULES} levels may be set; take them back with: engine logs level reset")
            self._rules.pop(key, None)
            self._rules[key] = level
        self._known.clear()

    def reset(self) -> None:
        """As it was at the start."""
        self.level = self._first
        self._rules.clear()
        self._known.clear()

    def facts(self) -> dict[str, Any]:
        """What is set, as JSON values."""
        return {"level": self.level, "rules": [rule._asdict() for rule in self.rules]}
