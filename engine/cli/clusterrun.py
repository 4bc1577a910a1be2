"""`engine cluster run`: a file of tasks into the cluster, their results as they come.

Owns the way that they go (through what joins the nodes, from one of them; or dealt among their engines, where nodes are named
or nothing joins them), the lines of results, each with the node that did it, and the sums at the end: a task that was sent by
way of a node which went away is counted as unanswered.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import errors
from engine.cli import figures
from engine.cli.clusterfan import Fanned, cluster_of, document_of, fan, nodes_of, show_ends
from engine.cli.misuse import Misuse
from engine.cli.output import hint, show_json

if TYPE_CHECKING:
    from engine.cluster.clusterfile import Cluster
    from engine.cluster.deal import Dealt
    from engine.cluster.node import Node

__all__ = ["run"]

SCHEMA = "engine.cluster.run/v1"
#: Bytes of a file of tasks: it is held here until its tasks are sent.
FILE_BYTES = 256 * 1024 * 1024
#: Nodes from which it is tried to send through what joins them.
CARRIERS = 3
#: States of a node from which tasks may have been sent, though none was answered.
BEGUN = frozenset({"timeout", "lost", "interrupted"})
#: Exit codes of `engine run` that say it has answered every task: all well, or some failed.
ANSWERED = (errors.DONE, errors.FAILED)


def run(options: Namespace) -> int:
    """Run them."""
    if len(options.words) != 1:
        raise Misuse("run what? Write a file of JSON lines, or - for standard input")
    cluster = cluster_of(options)
    nodes = nodes_of(options, cluster)
    lines = _lines(options.words[0])
    told: list[dict[str, Any]] | None = [] if options.output == "json" else None
    if options.nodes is None and not any(_names_node(line) for line in lines):
        code = _carry(options, cluster, nodes, lines, told)
        if code is not None:
            return code
    return _deal(options, cluster, nodes, lines, told)


def _names_node(line: bytes) -> bool:
    """Whether a task says on which node it is to be done."""
    if b'"node"' not in line:
        return False
    try:
        task = json.loads(line)
    except ValueError:
        return False
    return isinstance(task, dict) and "node" in task


def _carry(
    options: Namespace, cluster: Cluster, nodes: Sequence[Node], lines: list[bytes], told: list[dict[str, Any]] | None
) -> int | None:
    """Send tasks through what joins the nodes, from the first that can; None where none can, and nothing was sent."""
    from engine.cluster.deal import Dealt
    from engine.cluster.far import Far
    from engine.cluster.outcome import NodeFailed
    from engine.cluster.reach import connected
    from engine.cluster.remote import said

    reason = ""
    for at in sorted(nodes, key=lambda node: node.role != "primary")[:CARRIERS]:
        part = Dealt(at)
        for number, line in enumerate(lines, 1):
            if line.strip():
                part.take(number, line)
        counts = Counter[str]()
        results = _Results(part, counts, told)

        async def job(node: Node, part: Dealt = part, results: _Results = results) -> None:
            async with connected(node, cluster.ssh) as remote:
                words = await Far(remote, cluster).program("carrier", *(["--wait"] if options.wait else []))
                done = await remote.run(words, stdin=bytes(part.lines), on_out=results.hear)
                if done.code or results.missing:
                    text = f"{figures.plural(results.missing, 'task')} were not answered{said(done)}"
                    raise NodeFailed(text, state="failed" if results.has_begun else "unjoined")

        fanned = fan(options, [at], job, deadline_s=options.timeout or cluster.ssh.command_timeout_s, done=None)
        [outcome] = fanned.outcomes
        if results.has_begun or outcome.state in BEGUN:
            document = document_of(SCHEMA, cluster, fanned, _values(fanned, {at.id: part}, {at.id: counts}))
            facts = {"way": "fabric", "by_node": dict(sorted(results.by_node.items())), "bad_lines": results.bad}
            return _ended(options, fanned, {**document, **facts}, told)
        reason = reason or f"{at.id}: {outcome.reason}"
    hint(options, f"engine: tasks are dealt among the engines of the nodes, since nothing joins them: {reason}")
    return None


def _deal(
    options: Namespace, cluster: Cluster, nodes: Sequence[Node], lines: list[bytes], told: list[dict[str, Any]] | None
) -> int:
    """Send each engine its part."""
    from engine.cluster.deal import deal

    dealt, refused = deal(lines, nodes)
    for answer in refused:
        _tell(told, answer)
    counted = {node.id: Counter[str]() for node in nodes}

    async def job(node: Node) -> None:
        from engine.cluster.far import Far
        from engine.cluster.outcome import NodeFailed
        from engine.cluster.reach import connected

        part = dealt[node.id]
        if not part.numbers:
            return
        results = _Results(part, counted[node.id], told)
        async with connected(node, cluster.ssh) as remote:
            far = Far(remote, cluster)
            done = await remote.run(await far.words("run", "-", "-o", "ndjson"), stdin=bytes(part.lines), on_out=results.hear)
            if done.code not in ANSWERED or results.missing:
                far.check(done)
                raise NodeFailed(f"{figures.plural(results.missing, 'task')} were not answered", state="failed")

    fanned = fan(options, nodes, job, deadline_s=options.timeout or cluster.ssh.command_timeout_s)
    document = document_of(SCHEMA, cluster, fanned, _values(fanned, dealt, counted))
    return _ended(options, fanned, {**document, "way": "ssh", "bad_lines": len(refused)}, told)


def _lines(name: str) -> list[bytes]:
    with os.fdopen(0, "rb", closefd=False) if name == "-" else _open(name) as source:
        content = source.read(FILE_BYTES + 1)
    if len(content) > FILE_BYTES:
        raise Misuse(f"more than {FILE_BYTES // 2**20} MiB of tasks: give them in parts")
    return content.splitlines()


def _open(name: str) -> Any:
    try:
        return Path(name).open("rb")
    except OSError as missing:
        raise Misuse(f"{name} cannot be read: {missing.strerror}") from missing


class _Results:
    """The lines that a node prints, on their way to standard output."""

    def __init__(self, part: Dealt, counts: Counter[str], told: list[dict[str, Any]] | None) -> None:
        self._told = told
        self._part = part
        self._counts = counts
        self._rest = bytearray()
        #: Tasks that each node has answered; and lines that were no task.
        self.by_node: Counter[str] = Counter()
        self.bad = 0
        #: Whether who carries them said that they can be sent.
        self.has_begun = False

    @property
    def missing(self) -> int:
        """Tasks that were not answered yet."""
        return len(self._part.numbers) - self._counts.total()

    def hear(self, piece: bytes) -> None:
        """Print the lines that are whole now."""
        self._rest += piece
        *lines, rest = self._rest.split(b"\n")
        self._rest = bytearray(rest)
        for line in lines:
            self._show(bytes(line))
        sys.stdout.flush()

    def _show(self, line: bytes) -> None:
        try:
            answer = json.loads(line)
            if "begun" in answer:
                self.has_begun = True
                return
            is_ok = bool(answer["ok"])
            if "line" in answer:
                answer["line"] = self._part.numbers[int(answer["line"]) - 1]
        except (ValueError, KeyError, TypeError, IndexError):
            return  # no answer to any task: it stays unanswered
        self._counts["done" if is_ok else "failed"] += 1
        self.bad += "line" in answer
        if isinstance(answer.get("node"), str):
            self.by_node[answer["node"]] += 1
        _tell(self._told, {"node": self._part.node.id, **answer})


def _tell(told: list[dict[str, Any]] | None, answer: dict[str, Any]) -> None:
    """Print an answer as a line, or keep it for the document at the end."""
    if told is None:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        told.append(answer)


def _values(fanned: Fanned, dealt: dict[str, Dealt], counted: dict[str, Counter[str]]) -> list[dict[str, Any]]:
    told = []
    for outcome in fanned.outcomes:
        sent, counts = len(dealt[outcome.node].numbers), counted[outcome.node]
        told.append({"sent": sent, "ok": counts["done"], "not_ok": counts["failed"], "unanswered": sent - counts.total()})
    return told


def _ended(options: Namespace, fanned: Fanned, document: dict[str, Any], told: list[dict[str, Any]] | None) -> int:
    """Say the sums, with the results where they are one document; returns the exit code."""
    sums = {name: sum(node[name] for node in document["nodes"]) for name in ("sent", "ok", "not_ok", "unanswered")}
    if told is not None:
        show_json({**document, **sums, "results": told})
    else:
        if fanned.code:
            show_ends(options, fanned, is_aside=True)
        parts = [f"{sums['ok']:,} done", f"{sums['not_ok']:,} failed", f"{sums['unanswered']:,} unanswered"]
        hint(options, f"engine: {figures.plural(sums['sent'], 'task')} on all nodes: {', '.join(parts)}")
    return fanned.code or (errors.FAILED if sums["not_ok"] or document["bad_lines"] else errors.DONE)
