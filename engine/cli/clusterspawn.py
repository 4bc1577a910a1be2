"""`engine cluster spawn`: agents on all nodes, each on the one that it belongs to.

Owns what each node is told, and what came of it. Nodes that were never joined know of no others: among those a number is
divided.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import figures
from engine.cli.clusterfan import Fanned, cluster_of, document_of, fan, nodes_of, show_ends
from engine.cli.misuse import Misuse
from engine.cli.output import show_document

if TYPE_CHECKING:
    from engine.cluster.clusterfile import Cluster
    from engine.cluster.node import Node

__all__ = ["run", "shares"]

SCHEMA = "engine.cluster.spawn/v1"
#: Stands for all nodes that there are and will be.
ALL = "all"


def shares(wanted: int, rooms: Sequence[int]) -> list[int]:
    """So many agents, divided among nodes in proportion to their room, by largest remainder; of two alike the first one."""
    whole = sum(rooms)
    parts = [wanted * room // whole for room in rooms]
    order = sorted(range(len(rooms)), key=lambda at: (-(wanted * rooms[at] % whole), at))
    for at in order[: wanted - sum(parts)]:
        parts[at] += 1
    return parts


def run(options: Namespace) -> int:
    """Spawn them."""
    if options.count is None:
        raise Misuse("how many? Write --count N, of all nodes together")
    if len(options.words) > 1:
        raise Misuse(f"{options.words[1]!r} is one word too many: spawn takes one KIND")
    cluster = cluster_of(options)
    if options.on is not None and options.nodes is not None:
        raise Misuse("--on says which nodes the kind lives on, and only these are asked: leave --nodes out")
    nodes = nodes_of(options, cluster, "nodes" if options.on in (None, ALL) else "on")
    over = None if options.on is None else [] if options.on == ALL else [node.id for node in nodes]
    room = sum(node.agents for node in nodes)
    if options.count > room:
        raise Misuse(f"--count {options.count:,}: these nodes may have {room:,} agents together; see: engine cluster check")
    if options.use and options.path is None:
        raise Misuse("--use names a class in the folder of --path, which every node gets")
    from engine.cluster.code import pack

    code = None if options.path is None else pack(Path(options.path).expanduser())
    words = [*options.words, *(["--use", *options.use] if options.use else [])]
    parts = dict(zip([node.id for node in nodes], shares(options.count, [node.agents for node in nodes]), strict=True))

    async def job(node: Node, *, is_trial: bool) -> dict[str, Any]:
        from engine.cluster.far import Far
        from engine.cluster.outcome import NodeFailed
        from engine.cluster.reach import connected

        async with connected(node, cluster.ssh) as remote:
            far = Far(remote, cluster)
            folder = None if code is None else await code.bring(far)
            if await far.is_formed():
                kind = options.words[0] if options.words else None
                wanted = {"kind": kind, "use": options.use, "folder": folder, "count": options.count, "over": over}
                return await far.steward({"do": "spawn", "is_trial": is_trial, **wanted})
            if over is not None:
                said = "it is in no cluster yet, in which a kind could live on some of the nodes"
                raise NodeFailed(said, state="unjoined", mend="engine cluster up")
            if is_trial or not parts[node.id]:
                return {"spawned": []}
            return await far.ask("spawn", *words, "--count", str(parts[node.id]), folder=folder)

    deadline_s = options.timeout or cluster.ssh.command_timeout_s
    tried = fan(options, nodes, partial(job, is_trial=True), deadline_s=deadline_s, done=None)
    _check(tried)
    tried = _placed(options, cluster, tried, over, deadline_s)
    able = [node for node in nodes if node.id in {one.node for one in tried.done}]
    fanned = tried
    if able and tried.signal_code is None:
        fanned = fan(options, able, partial(job, is_trial=False), deadline_s=deadline_s)
        ended = {one.node: one for one in (*tried.outcomes, *fanned.outcomes)}
        fanned = Fanned([ended[node.id] for node in nodes], fanned.signal_code)
    values = [{"agents": _total(one.value), "added": _added(one.value)} for one in fanned.outcomes]
    if options.json:
        show_document(options, document_of(SCHEMA, cluster, fanned, values), "nodes")
        return fanned.code
    show_ends(options, fanned)
    added = sum(value["added"] for value in values)
    there = sum(value["agents"] for value in values)
    print(f"spawned {figures.plural(added, 'agent')} on {figures.plural(len(fanned.done), 'node')}; {there:,} in all")
    return fanned.code


def _check(tried: Fanned) -> None:
    """Raises Misuse where what belongs on a node has no room there, or its code, or is no node that may have some."""
    rows = [(one.node, row) for one in tried.done for row in one.value["spawned"]]
    refused = [
        f"{node}: {row['new']:,} new ones of {row['kind']} belong there, and {row['refusal']}"
        if row["new"]
        else f"{node}: agents of {row['kind']} are to live there, and {row['refusal']}"
        for node, row in rows
        if row.get("refusal")
    ]
    refused = refused or list(dict.fromkeys(why for _, row in rows for why in row.get("held", ())))
    if refused:
        raise Misuse(f"nothing was spawned. {'; '.join(refused)}")


def _placed(
    options: Namespace, cluster: Cluster, tried: Fanned, over: Sequence[str] | None, deadline_s: float | None
) -> Fanned:
    """What was tried, once a node has been asked whether agents can go to where they are wanted. Raises Misuse if not."""
    if over is None or not tried.done or tried.signal_code is not None:
        return tried
    [row] = tried.done[0].value["spawned"]

    async def job(node: Node) -> dict[str, Any]:
        from engine.cluster.far import Far
        from engine.cluster.reach import connected

        async with connected(node, cluster.ssh) as remote:
            return await Far(remote, cluster).steward({"do": "place", "kind": row["kind"], "over": over})

    one = [node for node in cluster.nodes if node.id == tried.done[0].node]
    asked = fan(options, one, job, deadline_s=deadline_s, done=None)
    if held := [why for outcome in asked.done for why in outcome.value["held"]]:
        raise Misuse(f"nothing was spawned. {'; '.join(held)}")
    return Fanned(tried.outcomes, asked.signal_code)


def _total(value: Any) -> int:
    return _sum(value, "total")


def _added(value: Any) -> int:
    return _sum(value, "added")


def _sum(value: Any, name: str) -> int:
    spawned = value.get("spawned") if isinstance(value, dict) else None
    rows = [row for row in spawned or () if isinstance(row, dict)]
    return sum(number for row in rows if isinstance(number := row.get(name), int))
