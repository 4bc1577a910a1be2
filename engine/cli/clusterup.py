"""`engine cluster up`: every node gets this very engine, and runs it.

Owns the words about it, and that the wheels are there before any node is asked.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import figures
from engine.cli.clusterfan import cluster_of, document_of, fan, nodes_of, show_ends
from engine.cli.output import hint, show_document
from engine.cli.session import environment

if TYPE_CHECKING:
    from engine.cluster.node import Node
    from engine.cluster.wheelhouse import Wheelhouse

__all__ = ["run"]

SCHEMA = "engine.cluster.up/v1"


def run(options: Namespace) -> int:
    """Bring it, and say what was done."""
    from engine.cluster.reach import check_library

    cluster = cluster_of(options)
    nodes = nodes_of(options, cluster)
    check_library()
    wheels = _wheels(options)

    async def job(node: Node) -> dict[str, Any]:
        from engine.cluster.install import Installation
        from engine.cluster.reach import connected

        async with connected(node, cluster.ssh) as remote:
            return await Installation(cluster, node, wheels, lambda text: hint(options, f"engine: {node.id} {text}")).up(remote)

    fanned = fan(options, nodes, job, deadline_s=options.timeout or cluster.ssh.command_timeout_s)
    if options.json:
        document = document_of(SCHEMA, cluster, fanned, [one.value if one.is_done else {} for one in fanned.outcomes])
        show_document(options, {**document, "version": wheels.version, "wheels": len(wheels.files)}, "nodes")
        return fanned.code
    show_ends(options, fanned)
    done = [one.value for one in fanned.done]
    parts = [f"{len(done)} of {figures.plural(len(nodes), 'node')} run {wheels.version}"]
    parts.append(
        f"installed on {sum(one['is_installed'] for one in done)}, started on {sum(one['is_started'] for one in done)}"
    )
    parts.append(f"{figures.size(sum(one['copied_bytes'] for one in done))} copied")
    print("; ".join(parts))
    if not fanned.code:
        hint(options, "next: engine cluster spawn --count N")
    return fanned.code


def _wheels(options: Namespace) -> Wheelhouse:
    from engine.cluster.wheelhouse import bring, build

    if options.wheelhouse is not None:
        return bring(Path(options.wheelhouse).expanduser())
    hint(options, "engine: wheels of what is installed here")
    return build(environment())
