"""`engine cluster deploy`: new code for the agents of every node, and the way back.

Owns what is passed on to each node's own `engine deploy`, which tries it on a share of its agents first.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.clusterfan import cluster_of, document_of, fan, nodes_of, show_ends
from engine.cli.misuse import Misuse
from engine.cli.output import show_document

if TYPE_CHECKING:
    from engine.cluster.node import Node

__all__ = ["run"]

SCHEMA = "engine.cluster.deploy/v1"
#: What is asked of a deploy that is there already.
LATER = ("status", "rollback", "confirm")


def run(options: Namespace) -> int:
    """Deploy, or say or change how a deploy stands."""
    if len(options.words) != 1:
        raise Misuse("deploy what? Write MODULE[:KIND] with --path DIR; or status, rollback or confirm")
    (what,) = options.words
    if what in LATER and options.path is not None:
        raise Misuse(f"--path is for a deploy, not for {what}")
    if what not in LATER and (options.path is None or "/" in what or what.endswith(".py")):
        raise Misuse("name a module, and with --path the folder in which it stands: engine cluster deploy shop --path v2")
    cluster = cluster_of(options)
    nodes = nodes_of(options, cluster)
    from engine.cluster.code import pack

    code = None if options.path is None else pack(Path(options.path).expanduser())

    async def job(node: Node) -> dict[str, Any]:
        from engine.cluster.far import Far
        from engine.cluster.reach import connected

        async with connected(node, cluster.ssh) as remote:
            far = Far(remote, cluster)
            path = [] if code is None else ["--path", await code.bring(far)]
            return await far.ask("deploy", what, *path)

    fanned = fan(options, nodes, job, deadline_s=options.timeout or cluster.ssh.command_timeout_s)
    values = [{"phase": _fact(one.value, "phase"), "code": _fact(one.value, "code")} for one in fanned.outcomes]
    if options.json:
        show_document(options, document_of(SCHEMA, cluster, fanned, values), "nodes")
        return fanned.code
    show_ends(options, fanned)
    for outcome, value in zip(fanned.outcomes, values, strict=True):
        if outcome.is_done:
            print(f"{outcome.node}: {value['phase']}, code {value['code']}")
    return fanned.code


def _fact(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
