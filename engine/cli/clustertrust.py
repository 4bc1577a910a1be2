"""`engine cluster trust`: the host keys of nodes, shown and, if a person says so, trusted.

Owns the question, and that a key which differs from the one that is known is never put in its place.
"""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import errors
from engine.cli.clusterfan import cluster_of
from engine.cli.ending import endings_by_loop
from engine.cli.misuse import Misuse
from engine.cli.output import show_document
from engine.cli.sure import is_sure
from engine.cluster.outcome import NodeFailed

if TYPE_CHECKING:
    from asyncssh import SSHKey

    from engine.cluster.clusterfile import Cluster
    from engine.cluster.node import Node
    from engine.cluster.reach import Shown, Target

__all__ = ["run"]

SCHEMA = "engine.cluster.trust/v1"
#: What is written where ssh's configuration names no file.
DEFAULT = "~/.ssh/known_hosts"


def run(options: Namespace) -> int:
    """Ask each node that is named for its key, and trust it if that is wanted."""
    from engine.cluster.reach import check_library

    cluster = cluster_of(options)
    known = {node.id: node for node in cluster.nodes}
    for name in options.words:
        if name not in known:
            raise Misuse(f"there is no node {name!r:.40}; there are: {', '.join(known)}")
    if not options.words:
        raise Misuse("trust which node? Write its id, or several")
    if options.fingerprint and len(options.words) > 1:
        raise Misuse("--fingerprint is that of one node")
    check_library()
    told = [facts for name in options.words for facts in _trusted(options, cluster, known[name])]
    if options.json:
        show_document(options, {"schema": SCHEMA, "cluster": cluster.name, "nodes": told}, "nodes")
    return errors.DONE if all(one["is_trusted"] for one in told) else errors.FAILED


def _trusted(options: Namespace, cluster: Cluster, node: Node) -> Iterator[dict[str, Any]]:
    """What came of a node, and before it of each host on the way whose key was not known."""
    while True:
        shown, facts = _asked(options, cluster, node)
        yield facts
        if shown is None or shown.hop is None or not facts["is_new"]:
            return


def _asked(options: Namespace, cluster: Cluster, node: Node) -> tuple[Shown | None, dict[str, Any]]:
    """The next host that is to be trusted, and whether it is."""
    from engine.cluster.reach import key_of

    facts: dict[str, Any] = {"node": node.id, "host": None, "fingerprint": None}
    facts |= {"is_trusted": False, "is_new": False, "reason": None}
    try:
        with endings_by_loop():
            shown = asyncio.run(key_of(node, cluster.ssh))
    except NodeFailed as failed:
        return None, _said(options, facts | {"reason": str(failed)}, f"{node.id}: {failed}")
    target, key, known, _ = shown
    facts |= {"host": f"{target.name} port {target.port}", "fingerprint": key.get_fingerprint()}
    way = "" if shown.hop is None else f"{shown.hop}, on the way to "
    line = f"{way}{node.id} ({facts['host']}) {key.get_algorithm()} {facts['fingerprint']}"
    before = known.keys(target.name, target.port)
    if known.has_revoked(target.name, target.port, key):
        reason = f"it is revoked in {' or '.join(target.known)}: the host needs another key"
        return shown, _said(options, facts | {"reason": reason}, f"{line}: not trusted: {reason}")
    if key in before:
        return shown, _said(options, facts | {"is_trusted": True}, f"{line}: trusted already")
    if before:
        other = ", ".join(one.get_fingerprint() for one in before)
        reason = f"another key is known of it, {other}, in {target.known[0]}: take that out first if the host was set up anew"
        return shown, _said(options, facts | {"reason": reason}, f"{line}: not trusted: {reason}")
    if not _is_wanted(options, line, facts["fingerprint"]):
        return shown, _said(options, facts | {"reason": "not wanted"}, f"{line}: not trusted")
    file = _written(cluster, target, key)
    return shown, _said(options, facts | {"is_trusted": True, "is_new": True}, f"{line}: trusted from now on, in {file}")


def _is_wanted(options: Namespace, shown: str, fingerprint: str) -> bool:
    if options.fingerprint:
        return bool(options.fingerprint == fingerprint)
    if options.yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Misuse(f"{shown}: nobody can be asked here: compare it, then say --fingerprint, or --yes")
    return is_sure(f"{shown}\nIs this its key, compared with what `ssh-keygen -lf` says on the host itself? Trust it?")


def _written(cluster: Cluster, target: Target, key: SSHKey) -> Path:
    from engine.cluster.hostkeys import add

    file = cluster.ssh.known_hosts or Path(target.known[0] if target.known else DEFAULT).expanduser()
    add(file, target.name, target.port, key)
    return file


def _said(options: Namespace, facts: dict[str, Any], line: str) -> dict[str, Any]:
    if not options.json:
        print(line)
    return facts
