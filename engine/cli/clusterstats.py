"""`engine cluster stats`: what all nodes count, as one; once or again and again.

Owns the watch: one command stays open on each node, a node that goes away is asked again, and whoever looks always sees how old
what is shown of it is.
"""

from __future__ import annotations

import asyncio
import sys
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.cli import figures
from engine.cli.clusterfan import cluster_of, nodes_of
from engine.cli.clusterverbs import asked
from engine.cli.ending import endings_by_loop
from engine.cli.output import screen, show_document, show_json, show_lines
from engine.cli.screen import clean
from engine.cli.table import Column, table
from engine.cluster.outcome import NodeFailed
from engine.cluster.sums import summed

if TYPE_CHECKING:
    from engine.cluster.clusterfile import Cluster
    from engine.cluster.node import Node

__all__ = ["run", "table_lines"]

#: Seconds until a node that went away is asked again.
AGAIN_S = 2.0
#: Bytes of a snapshot at most: one with a thousand pools is smaller.
LINE_BYTES = 4 * 1024 * 1024
#: Puts the cursor into the corner, clears the rest of a line, and what is below.
CORNER, REST, BELOW = "\x1b[H", "\x1b[K", "\x1b[J"

COLUMNS = (
    Column("NODE"),
    Column("STATE", style=lambda text: "green" if text in ("running", "all") else "red"),
    *(Column(title, is_right=True) for title in ("AGENTS", "ACCEPTED", "DONE", "FAILED", "OPEN")),
    Column("WORKERS", is_right=True, rank=2),
    Column("MEMORY", is_right=True, rank=1),
    Column("VERSION", rank=3),
    Column("REASON", least=10, rank=4),
)


def run(options: Namespace) -> int:
    """Show them."""
    cluster = cluster_of(options)
    nodes = nodes_of(options, cluster)
    if options.watch is not None:
        from engine.cluster.reach import check_library

        check_library()
        with endings_by_loop():
            asyncio.run(_Watch(options, cluster, nodes).run())
    fanned = asked(options, cluster, nodes, "stats")
    told = [
        {
            "node": one.node,
            "state": "running" if one.is_done else one.state,
            "reason": one.reason or None,
            "age_s": 0.0 if one.is_done else None,
            "stats": one.value if one.is_done else None,
        }
        for one in fanned.outcomes
    ]
    document = summed(cluster.name, time.time(), told)
    if options.json:
        show_document(options, document, "by_node")
    else:
        show_lines(table_lines(options, document))
    return fanned.code


def table_lines(options: Namespace, document: Mapping[str, Any]) -> list[str]:
    """The document about a cluster, for people."""
    rows = [_row(node["node"], node["state"], node["stats"] or {}, node["reason"]) for node in document["by_node"]]
    nodes = document["nodes"]
    rows.append(_row("all", f"{nodes['answered']} of {nodes['total']}", document, None))
    lines = table(COLUMNS, rows, screen(options))
    if len(document["versions"]) > 1:
        lines.append(clean(f"nodes have different versions: {_versions(document['by_node'])}; mend: engine cluster up"))
    return lines


def _versions(nodes: Sequence[Mapping[str, Any]]) -> str:
    named: dict[str, list[str]] = {}
    for node in nodes:
        if node["stats"]:
            named.setdefault(str(node["stats"].get("version")), []).append(node["node"])
    return "; ".join(f"{version} on {', '.join(ids)}" for version, ids in sorted(named.items()))


def _row(name: str, state: str, stats: Mapping[str, Any], reason: str | None) -> list[str]:
    if not stats:
        return [name, state, *["-"] * 8, reason or ""]
    tasks, workers = stats["tasks"], stats["workers"]
    counts = [figures.count(stats["agents"]["total"]), *(figures.count(tasks[key]) for key in ("accepted", "done"))]
    counts += [figures.count(tasks[key]) for key in ("failed", "open")]
    memory = figures.size(stats["memory_bytes"]["total"])
    return [
        name,
        state,
        *counts,
        f"{workers['running']}/{workers['total']}",
        memory,
        str(stats.get("version", "")),
        reason or "",
    ]


class _Watch:
    """A snapshot of all nodes, again and again."""

    def __init__(self, options: Namespace, cluster: Cluster, nodes: Sequence[Node]) -> None:
        self._options = options
        self._cluster = cluster
        self._nodes = nodes
        self._told: dict[str, dict[str, Any]] = {
            node.id: {"node": node.id, "state": "connecting", "reason": None, "stats": None} for node in nodes
        }
        self._heard_s: dict[str, float] = {}
        self._first = {node.id: asyncio.Event() for node in nodes}

    async def run(self) -> None:
        """Show one each so many seconds, the first when every node has answered or failed."""
        asking = [asyncio.create_task(self._follow(node)) for node in self._nodes]
        try:
            await asyncio.gather(*(event.wait() for event in self._first.values()))
            while True:
                self._show(summed(self._cluster.name, time.time(), [self._aged(node) for node in self._nodes]))
                await asyncio.sleep(self._options.watch)
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    def _aged(self, node: Node) -> dict[str, Any]:
        """What is known of a node, and for how long. What one that went away said last counts no more."""
        told = self._told[node.id]
        heard_s = self._heard_s.get(node.id)
        return {**told, "age_s": None if heard_s is None else round(time.monotonic() - heard_s, 3)}

    async def _follow(self, node: Node) -> None:
        while True:
            try:
                await self._listen(node)
                state, reason = "lost", "its command has ended"
            except NodeFailed as failed:
                state, reason = failed.state, str(failed)
            self._told[node.id] = {"node": node.id, "state": state, "reason": reason, "stats": None}
            self._first[node.id].set()
            await asyncio.sleep(AGAIN_S)

    async def _listen(self, node: Node) -> None:
        from engine.cluster.far import Far, document
        from engine.cluster.reach import connected

        rest = bytearray()

        def hear(part: bytes) -> None:
            nonlocal rest
            rest += part
            *lines, rest = rest.split(b"\n")
            if len(rest) > LINE_BYTES:
                raise NodeFailed(f"it printed a line of more than {LINE_BYTES:,} bytes", state="flooded")
            if lines:
                stats = document(bytes(lines[-1]))
                self._told[node.id] = {"node": node.id, "state": "running", "reason": None, "stats": stats}
                self._heard_s[node.id] = time.monotonic()
                self._first[node.id].set()

        async with connected(node, self._cluster.ssh) as remote:
            far = Far(remote, self._cluster)
            words = await far.words("stats", "--watch", f"{self._options.watch:g}", "-o", "ndjson")
            far.check(await remote.run(words, on_out=hear))

    def _show(self, document: dict[str, Any]) -> None:
        if self._options.json or not sys.stdout.isatty():
            show_json(document)
            return
        lines = [*table_lines(self._options, document), "", f"each {self._options.watch:g} s, Ctrl-C ends"]
        print(CORNER + "".join(f"{line}{REST}\n" for line in lines) + BELOW, end="", flush=True)
