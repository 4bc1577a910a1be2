"""`engine cluster exec`: the same command on every node.

Owns how what they printed is shown: what several printed alike once, under their names, or each line behind its node's name.
"""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from engine.cli import figures
from engine.cli.clusterfan import Fanned, cluster_of, document_of, fan, nodes_of, show_ends
from engine.cli.misuse import Misuse
from engine.cli.output import screen, show_document
from engine.cli.screen import clean

if TYPE_CHECKING:
    from engine.cluster.node import Node
    from engine.cluster.remote import Done

__all__ = ["run"]

SCHEMA = "engine.cluster.exec/v1"


def run(options: Namespace) -> int:
    """Run it, and show what they printed."""
    if not options.words:
        raise Misuse("exec what? Write the command behind --, such as: engine cluster exec -- uptime")
    cluster = cluster_of(options)
    nodes = nodes_of(options, cluster)
    deadline_s = options.timeout or cluster.ssh.command_timeout_s

    async def job(node: Node) -> Done:
        from engine.cluster.outcome import NodeFailed
        from engine.cluster.reach import connected

        async with connected(node, cluster.ssh) as remote:
            done = await remote.run(options.words)
        if done.code:
            raise NodeFailed(f"ended with {done.code}", state="failed", value=done)
        return done

    fanned = fan(options, nodes, job, deadline_s=deadline_s)
    if options.json:
        show_document(options, document_of(SCHEMA, cluster, fanned, [_value(one.value) for one in fanned.outcomes]), "nodes")
    else:
        _show(options, fanned)
        show_ends(options, fanned, is_aside=True)
    return fanned.code


def _value(done: Done | None) -> dict[str, Any]:
    if done is None:
        return {"code": None, "out": "", "err": ""}
    return {"code": done.code if done.code >= 0 else None, "out": _text(done.out), "err": _text(done.err)}


def _text(printed: bytes) -> str:
    return printed.decode(errors="replace")


def _show(options: Namespace, fanned: Fanned) -> None:
    """What they printed, errors behind the rest."""
    told = [(one.node, _printed(one.value)) for one in fanned.outcomes if one.value is not None]
    if options.by_node:
        for node, printed in told:
            for line in printed:
                print(f"{node}: {line}")
        return
    alike: dict[tuple[str, ...], list[str]] = {}
    for node, printed in told:
        if printed:
            alike.setdefault(printed, []).append(node)
    shown = screen(options)
    for printed, named in alike.items():
        head = f"{', '.join(named)} ({figures.plural(len(named), 'node')})"
        print(shown.paint(head, "bold"))
        print("\n".join(printed))


def _printed(done: Done) -> tuple[str, ...]:
    return tuple(clean(line) for part in (done.out, done.err) for line in _text(part).splitlines())
