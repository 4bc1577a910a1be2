"""`engine cluster drain`, `undrain`, `forget`, `role` and `broadcast`: what concerns a whole cluster, said to one of its nodes.

Owns which node is asked, and what came of it in words.
"""

from __future__ import annotations

import json
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from engine import errors
from engine.cli.clusterfan import Fanned, cluster_of, document_of, fan, show_ends
from engine.cli.misuse import Misuse
from engine.cli.output import show_document
from engine.cluster.node import ROLES

if TYPE_CHECKING:
    from engine.cluster.clusterfile import Cluster
    from engine.cluster.node import Node

__all__ = ["broadcast", "drain", "forget", "role", "undrain"]

SCHEMA = "engine.cluster.plan/v1"
#: Seconds of the time for a node that are not waited through, so that what came of it is still said.
SPARE_S = 5.0
#: Which node is asked first.
ORDER = {"primary": 0, "backup": 1, "worker": 2}


def drain(options: Namespace) -> int:
    """Have a node give all its agents to the others."""
    return _change(options, {"do": "drain", "node": _node(options)}, "drained: the others have its agents")


def undrain(options: Namespace) -> int:
    """Have a node take its share of the agents again."""
    return _change(options, {"do": "undrain", "node": _node(options)}, "has its share of the agents")


def forget(options: Namespace) -> int:
    """Take a node that is lost for good out of the cluster."""
    if len(options.words) != 1:
        raise Misuse("forget which node? Write its id")
    done = "is forgotten, and its agents are gone (engine cluster spawn makes those that are missing)"
    return _change(options, {"do": "forget", "node": options.words[0]}, done)


def role(options: Namespace) -> int:
    """Give a node another role."""
    words = options.words
    if len(words) != 2 or words[1] not in ROLES:
        raise Misuse(f"write a node and its role: engine cluster role n2 backup (there are {', '.join(ROLES)})")
    node, new = words
    _check(options, node)
    return _change(options, {"do": "role", "node": node, "role": new}, f"is a {new} now")


def broadcast(options: Namespace) -> int:
    """Have every node do a task for a kind."""
    if not 2 <= len(options.words) <= 3:
        raise Misuse("write a kind, a method and perhaps its arguments as JSON: engine cluster broadcast counter ping")
    kind, method, *rest = options.words
    try:
        arguments = json.loads(rest[0]) if rest else []
    except ValueError as error:
        raise Misuse(f"{rest[0]!r:.80} is no JSON: {error}") from error
    task = {"kind": kind, "method": method, "args": arguments if isinstance(arguments, list | dict) else [arguments]}
    cluster = cluster_of(options)
    fanned, told = _ask(options, cluster, {"do": "broadcast", "task": task})
    if told is None:
        return _failed(options, cluster, fanned)
    answers = told["nodes"]
    if options.json:
        show_document(options, {"schema": SCHEMA, "cluster": cluster.name, **told}, "nodes")
    else:
        for one in answers:
            print(f"{one['node']}: {json.dumps(one['value'] if one['ok'] else one['error'], ensure_ascii=False)}")
    return errors.DONE if answers and all(one["ok"] for one in answers) else errors.FAILED


def _node(options: Namespace) -> str:
    if len(options.words) != 1:
        raise Misuse(f"{options.action} which node? Write its id")
    node: str = options.words[0]
    _check(options, node)
    return node


def _check(options: Namespace, node: str) -> None:
    known = [one.id for one in cluster_of(options).nodes]
    if node not in known:
        raise Misuse(f"there is no node {node!r}; there are {', '.join(known)}")


def _change(options: Namespace, order: dict[str, Any], done: str) -> int:
    cluster = cluster_of(options)
    wait_s = (options.timeout or cluster.ssh.command_timeout_s) - SPARE_S
    fanned, plan = _ask(options, cluster, {**order, "wait_s": max(wait_s, 0.0)})
    if plan is None:
        return _failed(options, cluster, fanned)
    if options.json:
        show_document(options, {"schema": SCHEMA, "cluster": cluster.name, **plan}, "nodes")
    elif plan["is_settled"]:
        print(f"{order['node']} {done}; agents are on {', '.join(plan['nodes'])}")
    else:
        why = plan["why"]
        waits = "; ".join(f"{node} ({why[node]})" if node in why else node for node in plan["waits_for"]) or "a leader"
        print(f"{order['node']}: agents are on their way, and go on; waiting for {waits}")
    return errors.DONE if plan["is_settled"] else errors.AGAIN


def _failed(options: Namespace, cluster: Cluster, fanned: Fanned) -> int:
    if options.json:
        show_document(options, document_of(SCHEMA, cluster, fanned, [{}] * len(fanned.outcomes)), "nodes")
    else:
        show_ends(options, fanned)
    return fanned.code


def _ask(options: Namespace, cluster: Cluster, order: dict[str, Any]) -> tuple[Fanned, dict[str, Any] | None]:
    """What the first node says that can be asked; None where none can. Raises Misuse where it refuses."""

    async def job(node: Node) -> dict[str, Any]:
        from engine.cluster.far import Far
        from engine.cluster.reach import connected

        async with connected(node, cluster.ssh) as remote:
            return await Far(remote, cluster).steward(order)

    fanned = Fanned([], None)
    for node in sorted(cluster.nodes, key=lambda node: ORDER[node.role]):
        fanned = fan(options, [node], job, deadline_s=options.timeout or cluster.ssh.command_timeout_s)
        if fanned.done:
            told: dict[str, Any] = fanned.done[0].value
            return fanned, told
        [outcome] = fanned.outcomes
        if outcome.state == "failed":  # it was understood
            if getattr(outcome.value, "code", None) == errors.WRONG:
                raise Misuse(outcome.value.err.decode(errors="replace").strip().rpartition("\n")[2].partition(": ")[2])
            break
    return fanned, None
