"""`engine cluster logs`: the logs of all nodes, in the order of their times.

Owns that order, which is that of the nodes' own clocks, and the name of the node before each line.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.cli.clusterfan import Fanned, cluster_of, document_of, fan, nodes_of, show_ends
from engine.cli.output import show_document
from engine.cli.screen import clean
from engine.logs.line import json_line, read_lines, text_line

if TYPE_CHECKING:
    from engine.cluster.node import Node
    from pools.events import Event

__all__ = ["run"]

SCHEMA = "engine.cluster.logs/v1"
#: Lines of each node, unless it is said how many.
LINES = 100
#: What stays of a line beside letters: the breaks of a text of several lines, which are indented.
KEPT = "\n\t"
#: Options that go to each node as they are.
PASSED = ("agent", "event", "level", "since")


def run(options: Namespace) -> int:
    """Show them."""
    cluster = cluster_of(options)
    words = ["logs", "-n", str(options.lines or LINES)]
    for name in PASSED:
        if getattr(options, name) is not None:
            words += [f"--{name}", getattr(options, name)]

    async def job(node: Node) -> bytes:
        from engine.cluster.far import Far
        from engine.cluster.reach import connected

        async with connected(node, cluster.ssh) as remote:
            far = Far(remote, cluster)
            done = await remote.run(await far.words(*words, "-o", "ndjson"))
            far.check(done)
        return done.out

    fanned = fan(options, nodes_of(options, cluster), job, deadline_s=options.timeout or cluster.ssh.command_timeout_s)
    events = sorted(_events(fanned), key=lambda pair: pair[1].time_s)
    if options.json:
        lines = [{"node": node, **json.loads(json_line(event, cluster.name))} for node, event in events]
        document = document_of(SCHEMA, cluster, fanned, [{} for _ in fanned.outcomes])
        show_document(options, {**document, "lines": lines}, "lines")
        return fanned.code
    for node, event in events:
        print(f"{node}  {clean(text_line(event).rstrip(), keep=KEPT)}")
    if fanned.code:
        show_ends(options, fanned, is_aside=True)
    return fanned.code


def _events(fanned: Fanned) -> Iterator[tuple[str, Event]]:
    """What is in the logs of all nodes."""
    for outcome in fanned.done:
        lines = outcome.value.decode(errors="replace").splitlines()
        yield from ((outcome.node, event) for event in read_lines(lines))
