"""The lines that a run ends with, on the terminal and in the report: what worked, what was read, what it took."""

from __future__ import annotations

from collections.abc import Iterator

from examples.audit.outcome import Outcome, Run
from examples.audit.report.table import by_count

__all__ = ["summary"]


def summary(outcome: Outcome) -> list[str]:
    """One line for each fact: a word, then figures that were all counted."""
    return [f"{word:<10}{facts}" for word, facts in _facts(outcome)]


def _facts(outcome: Outcome) -> Iterator[tuple[str, str]]:
    run, totals = outcome.run, outcome.totals
    parts = ", ".join(f"{count:,} {what}" for what, count in run.agents.items() if count)
    yield "agents", f"{run.spawned:,} spawned in {run.spawn_s:.2f} s: {parts}"
    yield "worked", f"{run.worked:,} agents in {run.workers} worker processes, {run.tasks:,} tasks answered"
    yield (
        "files",
        f"{totals.audited:,} of {len(outcome.tree.modules):,}, {totals.lines:,} lines, {totals.functions:,} functions",
    )
    if totals.broken:
        yield "left out", ", ".join(f"{count:,} {cause}" for cause, count in by_count(totals.broken))
    rules = ", ".join(f"{code} {count:,}" for code, count in by_count(totals.rules))
    yield "findings", f"{totals.findings:,}" + (f": {rules}" if rules else "")
    yield "time", f"{run.seconds:.2f} s: {_rate(totals.modules, run)} files/s, {_rate(totals.lines, run)} lines/s"
    yield "memory", f"{run.memory_bytes / 2**20:,.0f} MiB in all processes (PSS) after the last answer"
    yield from _gaps(outcome)


def _gaps(outcome: Outcome) -> Iterator[tuple[str, str]]:
    if outcome.unheard:
        yield "missing", f"{outcome.unheard:,} packages did not hear of all their modules: their figures are too small"
    if outcome.dropped:
        yield "missing", f"{outcome.dropped:,} findings are counted and not listed"


def _rate(count: int, run: Run) -> str:
    return f"{count / run.seconds:,.0f}"
