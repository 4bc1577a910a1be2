"""`engine cluster trust`: the host keys of nodes, shown and, if a person says so, trusted.

Owns the question, and that a key which differs from the one that is known is never put in its place.
"""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
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
    from engine.cluster.reach import Target

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
    told = [_trusted(options, cluster, known[name]) for name in options.words]
    if options.json:
        show_document(options, {"schema": SCHEMA, "cluster": cluster.name, "nodes": told}, "nodes")
    return errors.DONE if all(one["is_trusted"] for one in told) else errors.FAILED


def _trusted(options: Namespace, cluster: Cluster, node: Node) -> dict[str, Any]:
    from engine.cluster.hostkeys import known_keys
    from engine.cluster.reach import key_of

    facts: dict[str, Any] = {"node": node.id, "fingerprint": None, "is_trusted": False, "is_new": False, "reason": None}
    try:
        with endings_by_loop():
            target, key = asyncio.run(key_of(node, cluster.ssh))
    except NodeFailed as failed:
        return _said(options, facts | {"reason": str(failed)}, f"{node.id}: {failed}")
    facts["fingerprint"] = key.get_fingerprint()
    shown = f"{node.id} ({target.name} port {target.port}) {key.get_algorithm()} {facts['fingerprint']}"
    before = known_keys(target.known, target.name, target.port)
    if key in before:
        return _said(options, facts | {"is_trusted": True}, f"{shown}: trusted already")
    if before:
        other = ", ".join(one.get_fingerprint() for one in before)
        reason = f"another key is known of it, {other}, in {target.known[0]}: take that out first if the host was set up anew"
        return _said(options, facts | {"reason": reason}, f"{shown}: not trusted: {reason}")
    if not _is_wanted(options, shown, facts["fingerprint"]):
        return _said(options, facts | {"reason": "not wanted"}, f"{shown}: not trusted")
    file = _written(cluster, target, key)
    return _said(options, facts | {"is_trusted": True, "is_new": True}, f"{shown}: trusted from now on, in {file}")


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
