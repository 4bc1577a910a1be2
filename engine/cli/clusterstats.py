"""`engine cluster stats`: what all nodes count, as one; once or again and again.

Owns the watch: one command stays open on each node, a node that goes away is asked again, and whoever looks always sees how old
what is shown of it is.
"""

from __future__ import annotations

import asyncio
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.cli import figures
from engine.cli.clusterfan import cluster_of, fan, nodes_of
from engine.cli.clusterverbs import asked
from engine.cli.ending import endings_by_loop
from engine.cli.output import screen, show_document, show_json, show_lines
from engine.cli.screen import clean
from engine.cli.table import Column, table
from engine.cluster.far import Far, document
from engine.cluster.outcome import NodeFailed
from engine.cluster.reach import connected
from engine.cluster.remote import said
from engine.cluster.sums import summed

if TYPE_CHECKING:
    from engine.cluster.clusterfile import Cluster
    from engine.cluster.node import Node

__all__ = ["fabric_line", "run", "table_lines"]

#: Seconds until a node that went away is asked again.
AGAIN_S = 2.0
#: Seconds that the first snapshot waits for other nodes once one has answered.
WAIT_S = 2.0
#: Nodes that are asked in turn what the cluster looks like, and seconds that each has.
ASKED, VIEW_S = 3, 30.0
#: Kinds that are told of which live on some nodes alone.
KINDS = 5
#: Bytes of a snapshot at most: one with a thousand pools is smaller.
LINE_BYTES = 4 * 1024 * 1024
#: Puts the cursor into the corner, clears the rest of a line, and what is below.
CORNER, REST, BELOW = "\x1b[H", "\x1b[K", "\x1b[J"

#: What is said of a node that keeps no changes, by how its journal and its workers stand.
TROUBLES = {"stopped": "its disk has failed: it takes no changes", "full": "its disk is full: it takes no changes"}

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
    fabric = _fabric(options, cluster, [node for node, one in zip(nodes, fanned.outcomes, strict=True) if one.is_done])
    document = {**summed(cluster.name, time.time(), told), "fabric": fabric}
    if options.json:
        show_document(options, document, "by_node")
    else:
        show_lines(table_lines(options, document))
    return fanned.code


def _fabric(options: Namespace, cluster: Cluster, nodes: Sequence[Node]) -> dict[str, Any]:
    """What the cluster looks like to the first of some nodes that sees it."""
    reason = "no node can be asked"

    async def job(node: Node) -> dict[str, Any]:
        async with connected(node, cluster.ssh) as remote:
            return await Far(remote, cluster).view()

    for node in nodes[:ASKED]:
        [outcome] = fan(options, [node], job, deadline_s=VIEW_S, done=None).outcomes
        if outcome.is_done:
            return {"is_up": True, "reason": None, **outcome.value}
        reason = f"{node.id}: {outcome.reason}"
    return {"is_up": False, "reason": reason}


def fabric_line(fabric: Mapping[str, Any]) -> str:
    """What joins the nodes, in a line for people."""
    if not fabric.get("is_up"):
        return f"the fabric is away: {fabric.get('reason') or 'it was not asked yet'}"
    leader = fabric["leader"]
    members: dict[str, list[str]] = {}
    for node, member in fabric["members"].items():
        members.setdefault(member["state"], []).append(node)
    parts = [f"{leader['node']} leads with token {leader['token']}" if leader else "nobody leads"]
    parts += [f"{', '.join(nodes)} {state}" for state, nodes in members.items()]
    tasks = fabric["streams"]["tasks"]
    if tasks is None:
        parts.append("the servers do not say what waits")
    else:
        there, wanted = tasks["replicas"]["there"], tasks["replicas"]["wanted"]
        parts.append(
            f"{figures.plural(tasks['messages'], 'envelope')} waiting on {there} of {figures.plural(wanted, 'server')}"
        )
    where = (fabric.get("plan") or {}).get("where") or {}
    parts += [f"{kind} lives on {', '.join(nodes)} alone" for kind, nodes in list(where.items())[:KINDS]]
    parts += [f"{len(where) - KINDS:,} more kinds live on some nodes alone"] if len(where) > KINDS else []
    return f"fabric: {'; '.join(parts)}; {fabric['superseded']:,} superseded"


def table_lines(options: Namespace, document: Mapping[str, Any]) -> list[str]:
    """The document about a cluster, for people."""
    rows = [_row(node["node"], node["state"], node["stats"] or {}, node["reason"]) for node in document["by_node"]]
    nodes = document["nodes"]
    rows.append(_row("all", f"{nodes['answered']} of {nodes['total']}", document, None))
    lines = table(COLUMNS, rows, screen(options))
    if "fabric" in document:
        lines.append(clean(fabric_line(document["fabric"])))
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
        reason or _trouble(stats),
    ]


def _trouble(stats: Mapping[str, Any]) -> str:
    """Why a node that runs keeps nothing; nothing where it does."""
    workers = stats["workers"]
    states = {stats.get("journal", {}).get("changes"), *(state for state in TROUBLES if workers.get(state))}
    return next((said for state, said in TROUBLES.items() if state in states), "")


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
        self._some = asyncio.Event()
        self._fabric: dict[str, Any] = {"is_up": False, "reason": "it was not asked yet"}

    async def run(self) -> None:
        """Show one each so many seconds, the first when every node has answered or failed, or WAIT_S after one has answered."""
        asking = [asyncio.create_task(self._follow(node)) for node in self._nodes]
        asking.append(asyncio.create_task(self._look()))
        every = asyncio.create_task(self._every())
        some = asyncio.create_task(self._some.wait())
        try:
            await asyncio.wait((every, some), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait((every,), timeout=WAIT_S)
            while True:
                told = [self._aged(node) for node in self._nodes]
                self._show({**summed(self._cluster.name, time.time(), told), "fabric": self._fabric})
                await asyncio.sleep(self._options.watch)
        finally:
            for task in (*asking, every, some):
                task.cancel()
            await asyncio.gather(*asking, every, some, return_exceptions=True)

    async def _every(self) -> None:
        """Wait until every node has answered or failed."""
        for event in self._first.values():
            await event.wait()

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
        def hear(stats: dict[str, Any]) -> None:
            self._told[node.id] = {"node": node.id, "state": "running", "reason": None, "stats": stats}
            self._heard_s[node.id] = time.monotonic()
            self._first[node.id].set()
            self._some.set()

        async with connected(node, self._cluster.ssh) as remote:
            far = Far(remote, self._cluster)
            words = await far.words("stats", "--watch", f"{self._options.watch:g}", "-o", "ndjson")
            far.check(await remote.run(words, on_out=_Lines(hear)))

    async def _look(self) -> None:
        """Have one node after the other say what the cluster looks like, for as long as each does."""
        while True:
            for node in self._nodes:
                try:
                    async with connected(node, self._cluster.ssh) as remote:
                        words = await Far(remote, self._cluster).program("view", f"{self._options.watch:g}")
                        done = await remote.run(words, on_out=_Lines(self._see))
                        reason = f"it does not see the cluster{said(done)}"
                except NodeFailed as failed:
                    reason = str(failed)
                self._fabric = {"is_up": False, "reason": f"{node.id}: {reason}"}
            await asyncio.sleep(AGAIN_S)

    def _see(self, fabric: dict[str, Any]) -> None:
        self._fabric = {"is_up": True, "reason": None, **fabric}

    def _show(self, document: dict[str, Any]) -> None:
        if self._options.json or not sys.stdout.isatty():
            show_json(document)
            return
        lines = [*table_lines(self._options, document), "", f"each {self._options.watch:g} s, Ctrl-C ends"]
        print(CORNER + "".join(f"{line}{REST}\n" for line in lines) + BELOW, end="", flush=True)


class _Lines:
    """The lines of JSON that a command prints; of those that come together, the last is told."""

    def __init__(self, told: Callable[[dict[str, Any]], None]) -> None:
        self._told = told
        self._rest = bytearray()

    def __call__(self, part: bytes) -> None:
        self._rest += part
        *lines, self._rest = self._rest.split(b"\n")
        if len(self._rest) > LINE_BYTES:
            raise NodeFailed(f"it printed a line of more than {LINE_BYTES:,} bytes", state="flooded")
        if lines:
            self._told(document(bytes(lines[-1])))
