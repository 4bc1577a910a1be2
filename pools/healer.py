"""Acts on what is found of agents: names them, has them tried alone or parked, and releases them.

Owns the way from a finding to an order for the worker. What is to be done is `healing`'s decision, what was done stands in the
`quarantine`.
"""

from __future__ import annotations

import contextlib
import time
from asyncio import Future
from collections.abc import Callable, Iterable
from typing import Any

from pools.address import Key, parse
from pools.errors import PoolError, UnknownAgent
from pools.events import Event
from pools.healing import REPLACE, RESTART, Finding, Healing
from pools.quarantine import Quarantine
from pools.ward import PARKED, TRIAL

__all__ = ["Healer"]

#: What the finding is called in events and by people.
SAID = {
    "raised": "raised an error",
    "relapsed": "failed again and again",
    "hung": "hung",
    "leaked": "took more and more memory",
    "killed": "ended its process",
    "unreadable": "has a state that cannot be read",
}


class Healer:
    """The healing of one engine's agents.

    order: sends a worker an order for an agent; the future gets its answer, None where no process runs.
    """

    def __init__(
        self,
        quarantine: Quarantine,
        order: Callable[[str, str, Key, dict[str, Any]], Future[Any] | None],
        on_event: Callable[[Event], None],
    ) -> None:
        self.quarantine = quarantine
        #: Agents whose task ran when a process ended, until the next process is told, and why.
        self._suspects: dict[str, str] = {}
        self._healing = Healing()
        self._order = order
        self._on_event = on_event
        #: Findings by what they were, since the engine began.
        self.counts: dict[str, int] = {}
        #: Recoveries, since the engine began: a new object, a trial that ended well, a release.
        self.mends = dict.fromkeys(("replaced", "recovered", "released"), 0)

    def found(self, finding: Finding) -> None:
        """Take a finding."""
        self.counts[finding.what] = self.counts.get(finding.what, 0) + 1
        if finding.what == "recovered":
            self.mends["recovered"] += 1
            self.quarantine.settle(finding.agent, "recovered")
            self._tell("agent.recovered", f"{finding.agent} runs among the others again: {finding.cause}", finding.agent)
            return
        if finding.what == "suspected":
            self._suspect(finding)
            return
        if finding.what == PARKED:
            self._parked(finding.agent)
            return
        verdict = self._healing.judge(finding, time.monotonic())
        self._tell(
            f"agent.{finding.what}",
            f"{finding.ran} {SAID[finding.what]}: {finding.cause}; severity {verdict.severity}, {verdict.level}",
            finding.agent,
            finding.worker,
        )
        if verdict.level == RESTART:
            return  # the task was taken back, and the mailbox kept
        entry = self.quarantine.note(finding, verdict, time.time())
        if finding.what in ("relapsed", "unreadable"):  # the worker has done what can be done
            was = entry["status"]  # one that is on trial stays there
            self.mends["replaced"] += verdict.level == REPLACE
            self.quarantine.settle(finding.agent, PARKED if verdict.level != REPLACE else was or "recovered")
            return
        entry["counted"] = verdict.findings
        self._put_apart(finding.agent, verdict.findings, finding.cause)

    def _suspect(self, finding: Finding) -> None:
        """The next tasks of an agent are to run alone; where the one that ran is sent again by its sender, that one only."""
        if not finding.method:
            self._suspects[finding.agent] = finding.cause
        text = f"{finding.ran} ran when {finding.worker} ended: {finding.cause}"
        self._tell("agent.suspected", text, finding.agent, finding.worker)

    def _put_apart(self, agent: str, findings: int, reason: str) -> None:
        kind, key = parse(agent)
        self.quarantine.settle(agent, TRIAL)
        self._order("apart", kind, key, {"findings": findings, "reason": reason})  # else its next process is told

    def _parked(self, agent: str) -> None:
        """Its worker has parked an agent, now or when it was told of it."""
        entry = self.quarantine.get(agent)
        if entry is not None and entry["status"] != PARKED:
            self.quarantine.settle(agent, PARKED)
            self._tell("agent.quarantined", f"{agent} takes no tasks until: engine agents quarantine release {agent}", agent)

    def orders(self, owns: Callable[[str, Key], bool]) -> Iterable[dict[str, Any]]:
        """What a new process is told of the sick among its agents, and of those that are suspected."""
        for agent, cause in list(self._suspects.items()):
            kind, key = parse(agent)
            if owns(kind, key):
                del self._suspects[agent]
                yield {"verb": "apart", "kind": kind, "key": key, "findings": 0, "reason": cause}
        for entry in self.quarantine.sick():
            kind, key = parse(entry["agent"])
            if "counted" in entry and owns(kind, key):
                facts = {"findings": entry["counted"], "reason": entry["cause"]}
                yield {"verb": "apart", "kind": kind, "key": key, **facts}

    async def release(self, agent: str) -> dict[str, Any]:
        """Let an agent be as the others; returns its record. Raises UnknownAgent where it is not sick."""
        kind, key = parse(agent)
        entry = self.quarantine.get(agent)
        if entry is None or entry not in self.quarantine.sick():
            raise UnknownAgent(f"{agent} is not in quarantine; see: engine agents quarantine ls")
        done = self._order("release", kind, key, {})
        if done is not None:
            with contextlib.suppress(PoolError):  # its worker has died: the next process is told nothing of it
                await done
        self._healing.well(agent)
        self.quarantine.settle(agent, "released")
        self.mends["released"] += 1
        self._tell("agent.released", f"{agent} was released from quarantine", agent)
        return entry

    def forget(self, exists: Callable[[str, Key], bool]) -> None:
        """Have no sick among those that there are no more: one that is spawned again is new."""
        for entry in self.quarantine.sick():
            if not exists(*parse(entry["agent"])):
                self._healing.well(entry["agent"])
                self.quarantine.settle(entry["agent"], "released")

    def _tell(self, name: str, text: str, agent: str, worker: str = "") -> None:
        self._on_event(Event(name, text, time.time(), agent=agent, worker=worker))
