"""`engine cluster stop`, `ps` and `logs`: a verb of the engine, said to each node, and what they answer as one.

Owns the tables and documents over all nodes.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.cli import figures
from engine.cli.clusterfan import Fanned, cluster_of, document_of, fan, nodes_of, show_ends
from engine.cli.output import screen, show_document, show_lines
from engine.cli.screen import clean
from engine.cli.states import style_of
from engine.cli.table import Column, table

if TYPE_CHECKING:
    from engine.cluster.clusterfile import Cluster
    from engine.cluster.far import Far
    from engine.cluster.node import Node

__all__ = ["asked", "ps", "stop"]

STOP_SCHEMA, PS_SCHEMA = "engine.cluster.stop/v1", "engine.cluster.ps/v1"
#: States of a node on which no engine runs, which is what `stop` wants.
STILL = frozenset({"missing"})

PS = (
    Column("NODE"),
    Column("WORKER"),
    Column("PID", is_right=True, rank=5),
    Column("STATE", style=style_of),
    *(Column(title, is_right=True, rank=rank) for title, rank in (("LIVE", 2), ("WAITING", 3), ("DONE", 0), ("FAILED", 0))),
    Column("RESTARTS", is_right=True, rank=1),
    Column("MEMORY", is_right=True, rank=4),
)


def asked(options: Namespace, cluster: Cluster, nodes: Sequence[Node], *words: str) -> Fanned:
    """Say some words to the engine of each node; the value of each is the document that it answers with."""

    async def job(node: Node) -> dict[str, Any]:
        from engine.cluster.far import Far
        from engine.cluster.reach import connected

        async with connected(node, cluster.ssh) as remote:
            return await Far(remote, cluster).ask(*words)

    return fan(options, nodes, job, deadline_s=options.timeout or cluster.ssh.command_timeout_s)


def stop(options: Namespace) -> int:
    """End all that runs of each node; in an emergency all at once, however many at a time were asked for."""
    cluster = cluster_of(options)
    nodes = nodes_of(options, cluster)
    if options.emergency:
        options.jobs = max(len(nodes), 1)

    async def job(node: Node) -> dict[str, Any]:
        from engine.cluster.joining import Joining
        from engine.cluster.reach import connected

        async with connected(node, cluster.ssh) as remote:
            was_joined = await Joining(cluster, node, remote).leave(is_emergency=options.emergency)
            return {"was_joined": was_joined, **await _stopped(Far(remote, cluster), is_emergency=options.emergency)}

    from engine.cluster.far import Far

    fanned = fan(options, nodes, job, deadline_s=options.timeout or cluster.ssh.command_timeout_s)
    if options.json:
        values = [{name: _fact(one.value, name) for name in ("was_running", "was_joined")} for one in fanned.outcomes]
        show_document(options, document_of(STOP_SCHEMA, cluster, fanned, values), "nodes")
        return fanned.code
    show_ends(options, fanned)
    ran = sum(bool(_fact(one.value, "was_running")) for one in fanned.done)
    print(f"stopped {figures.plural(ran, 'engine')}; on {figures.plural(len(fanned.done) - ran, 'node')} none ran")
    return fanned.code


async def _stopped(far: Far, *, is_emergency: bool) -> dict[str, Any]:
    """What the engine of a node says to its end."""
    from engine.cluster.outcome import NodeFailed

    try:
        return await far.ask("stop", *(["--emergency"] if is_emergency else []))
    except NodeFailed as failed:
        if failed.state in STILL:
            return {"was_running": False, "seconds": 0.0}
        raise


def _fact(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def ps(options: Namespace) -> int:
    """The workers of all nodes, and what joins them."""
    cluster = cluster_of(options)

    async def job(node: Node) -> dict[str, Any]:
        from engine.cluster.far import Far
        from engine.cluster.joining import Joining
        from engine.cluster.reach import connected

        async with connected(node, cluster.ssh) as remote:
            fabric = (await Joining(cluster, node, remote).survey()).processes()
            return {"fabric": fabric, "workers": (await Far(remote, cluster).ask("ps")).get("workers")}

    nodes = nodes_of(options, cluster)
    fanned = fan(options, nodes, job, deadline_s=options.timeout or cluster.ssh.command_timeout_s)
    workers, fabric = _rows(fanned, "workers"), _rows(fanned, "fabric")
    if options.json:
        document = document_of(PS_SCHEMA, cluster, fanned, [{} for _ in fanned.outcomes])
        show_document(options, {**document, "workers": workers, "fabric": fabric}, "workers")
        return fanned.code
    named = [{**one, "worker": one["process"]} for one in fabric]
    show_lines(table(PS, [_row(worker) for worker in (*named, *workers)], screen(options)))
    for one in fabric:
        if one["state"] != "running":
            print(clean(f"{one['node']}: its {one['process']} is {one['state']}: {one['said']}"))
    if fanned.code:
        show_ends(options, fanned, is_aside=True)
    return fanned.code


def _rows(fanned: Fanned, name: str) -> list[dict[str, Any]]:
    """What all nodes have of something, each with its node."""
    found = [(outcome.node, outcome.value.get(name) or ()) for outcome in fanned.done]
    return [{"node": node, **row} for node, rows in found for row in rows if isinstance(row, dict)]


def _row(worker: dict[str, Any]) -> list[str]:
    if "process" in worker:
        facts = [str(worker.get(name) or "-") for name in ("node", "worker", "pid", "state")]
        return [*facts, *["-"] * 4, figures.count(_number(worker, "restarts")), "-"]
    counts = [figures.count(_number(worker, name)) for name in ("live", "waiting", "done", "failed", "restarts")]
    facts = [str(worker.get(name) or "-") for name in ("node", "worker", "pid", "state")]
    return [*facts, *counts, figures.size(_number(worker, "memory_bytes"))]


def _number(worker: dict[str, Any], name: str) -> float:
    value = worker.get(name)
    return value if isinstance(value, (int, float)) else 0
