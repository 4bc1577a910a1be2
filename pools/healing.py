"""What is done for an agent that was found sick: decided from the findings, nothing else.

Owns the severities and the levels. Below 3 an agent is restarted: its task is taken back, its mailbox kept. Below 7 it is
replaced: a new object has its state, and where it held up others its next tasks run in a process of its own. From 7 on it is in
quarantine, with an analysis and the mends that were tried. It acts on nothing: `healer` does.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

__all__ = ["AGAIN", "AGAIN_S", "MILD", "QUARANTINE", "REPLACE", "RESTART", "SEVERITIES", "Finding", "Healing", "Verdict"]

#: How bad each finding is, from 0 to 9.
SEVERITIES = {"raised": 2, "relapsed": 4, "hung": 5, "leaked": 6, "killed": 7, "unreadable": 9}
#: The same finding so many times within so many seconds is worse by so much.
AGAIN, AGAIN_S, WORSE = 3, 60.0, 2
#: Findings that hold up nobody else: they put no agent on trial.
MILD = frozenset({"raised", "relapsed"})
#: The levels.
RESTART, REPLACE, QUARANTINE = "restart", "replace", "quarantine"
#: Findings of an agent that count against it, and the seconds that they do.
COUNTED, COUNTED_S = 10, 600.0
#: Agents whose findings are remembered.
REMEMBERED = 10_000


class Finding(NamedTuple):
    """What was found of an agent.

    what: one of SEVERITIES, `suspected`, `parked` or `recovered`.  agent: its address.  method, task: what ran, where that is
    known.  cause: in words.  stack: a sample of the process, innermost frame first, where one could be taken.  worker: whose
    agent it is.
    """

    what: str
    agent: str
    method: str
    task: str
    cause: str
    stack: str
    worker: str

    @property
    def ran(self) -> str:
        """The agent, with the method and the task where they are known."""
        return " ".join(filter(None, (self.agent, self.method, self.task and f"[{self.task}]")))


class Verdict(NamedTuple):
    """severity: 0 to 9.  level: restart, replace or quarantine.  findings: for which it is on trial, or would be parked."""

    severity: int
    level: str
    findings: int


class Healing:
    """The findings so far."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[str, float]]] = {}

    def judge(self, finding: Finding, now_s: float) -> Verdict:
        """What a finding is. now_s: monotonic seconds."""
        seen = self._seen.pop(finding.agent, None) or deque(maxlen=COUNTED)
        while seen and now_s - seen[0][1] > COUNTED_S:
            seen.popleft()
        seen.append((finding.what, now_s))
        if len(self._seen) >= REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[finding.agent] = seen
        same = sum(what == finding.what and now_s - at_s <= AGAIN_S for what, at_s in seen)
        severity = SEVERITIES[finding.what]
        if same >= AGAIN and finding.what not in MILD:
            severity = min(severity + WORSE, 9)
        level = RESTART if severity < 3 else REPLACE if severity < 7 else QUARANTINE
        return Verdict(severity, level, sum(what not in MILD for what, _ in seen))

    def well(self, agent: str) -> None:
        """Forget what was found of an agent: it was released."""
        self._seen.pop(agent, None)
