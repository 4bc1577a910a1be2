"""The record of agents that were found sick: what was found, what was tried, what they are now.

Owns the analysis of each, bounded in number, as it is listed and kept on the disk. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pools.healing import Finding, Verdict

__all__ = ["ENTRIES", "Quarantine"]

#: Agents on record, and findings of each; the oldest that are well make room first.
ENTRIES, FINDINGS = 1_000, 10
RELEASED, RECOVERED = "released", "recovered"


class Quarantine:
    """The records by address. keep: keeps one on the disk, where something is kept."""

    def __init__(self, keep: Callable[[str, dict[str, Any]], None]) -> None:
        self._keep = keep
        self._entries: dict[str, dict[str, Any]] = {}

    def restore(self, entries: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Take up the records that were kept, the newest of them where there are too many."""
        self._entries.update(sorted(entries, key=lambda entry: float(entry[1]["since_s"]))[-ENTRIES:])

    def note(self, finding: Finding, verdict: Verdict, wall_s: float) -> dict[str, Any]:
        """Add a finding; returns the agent's record, whose `status` is for whoever acts on it to set."""
        entry = self._entries.pop(finding.agent, None)
        if entry is None or entry["status"] in (RELEASED, RECOVERED):
            entry = {"agent": finding.agent, "since_s": wall_s, "status": "", "findings": [], "fixes": []}
        entry |= {
            "severity": verdict.severity,
            "level": verdict.level,
            "cause": finding.cause,
            "method": finding.method,
            "task": finding.task,
            "worker": finding.worker,
            "stack": finding.stack or entry.get("stack", ""),
        }
        said = {"ts": wall_s, "what": finding.what, "method": finding.method, "task": finding.task, "cause": finding.cause}
        entry["findings"] = [*entry["findings"], {**said, "severity": verdict.severity, "level": verdict.level}][-FINDINGS:]
        entry["fixes"] = _fixes(finding, entry["fixes"], wall_s)
        self._make_room()
        self._entries[finding.agent] = entry
        return entry

    def settle(self, agent: str, status: str) -> None:
        """Say what an agent is now: trial, parked, recovered or released."""
        entry = self._entries.get(agent)
        if entry is not None:
            entry["status"] = status
            self._keep(agent, entry)

    def _make_room(self) -> None:
        if len(self._entries) >= ENTRIES:
            well = (agent for agent, entry in self._entries.items() if entry["status"] in (RELEASED, RECOVERED))
            del self._entries[next(well, next(iter(self._entries)))]

    def listed(self) -> list[dict[str, Any]]:
        """Every record, the newest last."""
        return list(self._entries.values())

    def get(self, agent: str) -> dict[str, Any] | None:
        """The record of an agent."""
        return self._entries.get(agent)

    def sick(self) -> list[dict[str, Any]]:
        """The records of agents that are on trial or parked."""
        return [entry for entry in self._entries.values() if entry["status"] not in (RELEASED, RECOVERED, "")]


def _fixes(finding: Finding, before: list[dict[str, Any]], wall_s: float) -> list[dict[str, Any]]:
    """The mends that are tried for a finding, each once."""
    tried = {
        "hung": [
            ("fail the task", "applied"),
            ("back to the last good record", "applied"),
            ("raise a limit", f"parked: give {finding.method} @task(max_run_s=...) if it needs the time"),
        ],
        "killed": [("fail the task", "applied"), ("back to the last good record", "applied")],
        "leaked": [
            ("run alone", "applied"),
            ("raise a limit", "parked: raise `mem` of its pool if it needs the memory"),
        ],
        "relapsed": [("a new object with its state", "applied")],
        "unreadable": [("back to the last good record", "parked: see engine checkpoints verify, repair --dry-run")],
    }.get(finding.what, [])
    known = {fix["fix"] for fix in before}
    return [*before, *({"fix": fix, "outcome": outcome, "ts": wall_s} for fix, outcome in tried if fix not in known)]
