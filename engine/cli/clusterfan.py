"""A job on the nodes of a cluster, as somebody who waits for it sees it.

Owns the choice of file and nodes, the line that tells of each node as it ends, Ctrl-C, and the table over all of them.
"""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import figures
from engine.cli.ending import endings_by_loop
from engine.cli.interrupt import Interrupt
from engine.cli.misuse import Misuse
from engine.cli.output import hint
from engine.cli.screen import Screen, clean, screen_of
from engine.cli.table import Column, table
from engine.cluster.outcome import Outcome, code_of

if TYPE_CHECKING:
    from engine.cluster.clusterfile import Cluster
    from engine.cluster.fanout import Job
    from engine.cluster.node import Node

__all__ = ["JOBS", "Fanned", "cluster_of", "document_of", "fan", "nodes_of", "show_ends"]

#: Nodes at a time, unless it is said how many.
JOBS = 4
#: Seconds that jobs have to end by themselves after Ctrl-C.
GRACE_S = 5.0
STYLES = {"done": "green", "interrupted": "yellow"}

COLUMNS = (
    Column("NODE"),
    Column("ADDRESS", rank=2),
    Column("STATE", style=lambda text: STYLES.get(text, "red")),
    Column("TOOK", is_right=True, rank=1),
    Column("REASON", least=12),
)


class Fanned:
    """What came of a job on all nodes. code: the exit code, that of the signal where one came, which is `signal_code`."""

    def __init__(self, outcomes: list[Outcome], signal_code: int | None) -> None:
        self.outcomes = outcomes
        self.signal_code = signal_code
        self.code = code_of(outcomes) if signal_code is None else signal_code

    @property
    def done(self) -> list[Outcome]:
        """Those that went well."""
        return [outcome for outcome in self.outcomes if outcome.is_done]


def cluster_of(options: Namespace) -> Cluster:
    """The cluster that is meant. Raises ConfigError."""
    from engine.cluster.clusterfile import FILE, read_cluster

    if options.name is not None:
        raise Misuse("--name is not for cluster: its file says what its engines are called")
    return read_cluster(Path(options.cluster or getattr(options, "file", None) or FILE))


def nodes_of(options: Namespace, cluster: Cluster, option: str = "nodes") -> list[Node]:
    """The nodes that are meant. option: that names them, or none for all.  Raises Misuse."""
    from engine.cluster.node import chosen

    try:
        return chosen(cluster.nodes, getattr(options, option))
    except ValueError as wrong:
        raise Misuse(f"--{option}: {wrong}") from wrong


def fan(options: Namespace, nodes: Sequence[Node], job: Job, *, deadline_s: float | None, done: str | None = "done") -> Fanned:
    """Do a job on nodes, and tell of each as it ends. deadline_s: for each of them.

    done: what is said of one that ended well; None to say nothing of any.
    """
    from engine.cluster.reach import check_library

    check_library()
    with endings_by_loop():
        return asyncio.run(_fan(options, nodes, job, deadline_s, done))


async def _fan(options: Namespace, nodes: Sequence[Node], job: Job, deadline_s: float | None, done: str | None) -> Fanned:
    from engine.cluster.fanout import FanOut

    ended = 0

    def told(node: Node, outcome: Outcome | None) -> None:
        nonlocal ended
        if outcome is not None and done is not None:
            ended += 1
            hint(options, f"engine: {_line(node, outcome, done)} ({ended} of {len(nodes)})")

    fanning = FanOut(job, limit=options.jobs, deadline_s=deadline_s, told=told)
    running = asyncio.ensure_future(fanning.run(nodes))
    interrupt = Interrupt(fanning.end, running.cancel, GRACE_S)
    try:
        outcomes = await running
    except asyncio.CancelledError:
        outcomes = [Outcome(node.id, str(node.address), "interrupted", 0.0, "interrupted before it ended") for node in nodes]
    finally:
        interrupt.forget()
    return Fanned(outcomes, interrupt.code)


def _line(node: Node, outcome: Outcome, done: str) -> str:
    took = figures.span(outcome.seconds)
    return clean(
        f"{node.id} {done if outcome.is_done else outcome.state} in {took}" + (f": {outcome.reason}" if outcome.reason else "")
    )


def show_ends(options: Namespace, fanned: Fanned, *, is_aside: bool = False) -> None:
    """The table over all nodes, and what to do about those that failed. is_aside: on standard error, beside other results."""
    stream = sys.stderr if is_aside else sys.stdout
    shown: Screen = screen_of(stream, no_colour=options.no_color)
    rows = [[one.node, one.address, one.state, figures.span(one.seconds), one.reason] for one in fanned.outcomes]
    if not options.quiet or fanned.code:
        print("\n".join(table(COLUMNS, rows, shown)), file=stream)
    mends: dict[str, list[str]] = {}
    for outcome in fanned.outcomes:
        if outcome.mend:
            mends.setdefault(outcome.mend, []).append(outcome.node)
    for mend, named in mends.items():
        print(clean(f"engine: {', '.join(named)}: {mend}"), file=sys.stderr)


def document_of(schema: str, cluster: Cluster, fanned: Fanned, values: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The one document about all nodes. values: what there is to tell of each beside its outcome."""
    nodes = [{**outcome.as_dict(), **value} for outcome, value in zip(fanned.outcomes, values, strict=True)]
    failed = [outcome.node for outcome in fanned.outcomes if not outcome.is_done]
    facts = {"schema": schema, "cluster": cluster.name, "is_well": not failed, "done": len(nodes) - len(failed)}
    return {**facts, "failed": failed, "nodes": nodes}
