"""What a cluster looks like now, as its servers and the heartbeats of its nodes tell it to one of them.

Owns the document: who leads, who drives the sprints, how nodes stand, where agents are, what waits in the streams. Looks only.
As a program, on a node: `python -m engine.cluster.view node.json [SECONDS]`, one line of JSON, or one each so many seconds, as
long as it is wanted.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import orjson

from engine.cluster.access import connected, require_nats
from engine.cluster.election import DRIVER, KEY
from engine.cluster.lease import read_entry
from engine.cluster.membership import Member
from engine.cluster.nodefile import NodeFile, read_node_file
from engine.cluster.placing import DONE, READY, Placing
from engine.cluster.pulse import Pulse
from engine.cluster.records import BadRecord
from engine.cluster.subjects import Subjects
from engine.errors import EngineError, exit_code

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats

__all__ = ["SILENT", "View", "main", "members_of"]

#: The state of a node that is of the cluster, and was not heard since somebody listens.
SILENT = "silent"
#: Seconds that servers have to answer, and nodes that are asked who is there.
ASK_S, HEARD_S, LOOK_S = 3.0, 2.0, 0.02


class View:
    """A look at the cluster of a node: `async with View(node) as view: document = await view.look()`."""

    def __init__(self, node: NodeFile) -> None:
        self._node = node
        self._subjects = Subjects(node.cluster)
        self._nats: Nats | None = None
        self._pulse: Pulse | None = None

    async def __aenter__(self) -> Self:
        """Raises FabricAway, Denied, ConfigError, UnsafePath."""
        self._nats = await connected(self._node.access, f"view-{self._node.id}", lambda _line: None, wait_s=ASK_S)
        self._pulse = Pulse(self._nats, self._subjects, self._node.patience)
        await self._pulse.open()
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARD_S):
                while not set(self._node.nodes) <= self._pulse.members().keys():
                    await asyncio.sleep(LOOK_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._pulse is not None:
            await self._pulse.close()
        if self._nats is not None:
            await self._nats.close()

    async def look(self) -> dict[str, Any]:
        """The document. What the servers do not say is None."""
        pulse, nats = self._pulse, self._nats
        if pulse is None or nats is None:
            return {}
        members = members_of(self._node.nodes, pulse.members())
        leader, driver, plan, tasks, results = await asyncio.gather(
            self._leader(nats, KEY),
            self._leader(nats, DRIVER),
            self._plan(nats),
            self._stream(nats, self._subjects.tasks),
            self._stream(nats, self._subjects.results),
        )
        return {
            "cluster": self._node.cluster,
            "leader": leader,
            "plan": plan,
            "driver": driver,
            "members": members,
            "streams": {"tasks": tasks, "results": results},
            "superseded": sum(one["superseded"] or 0 for one in members.values()),
        }

    async def _leader(self, nats: Nats, key: str) -> dict[str, Any] | None:
        """Who holds a lease by its newest entry, and its token."""
        from nats.errors import Error

        with suppress(Error, TimeoutError, BadRecord):
            store = await nats.jetstream(timeout=ASK_S).key_value(f"{self._node.cluster}-leader")
            found = await store.get(key)
            entry = read_entry(found.revision or 0, found.value or b"")
            if entry.holder:
                return {"node": entry.holder.rpartition("-")[0], "token": entry.token}
        return None

    async def _plan(self, nats: Nats) -> dict[str, Any] | None:
        """Where agents are placed, and for whom that waits."""
        from nats.errors import Error

        with suppress(Error, TimeoutError, BadRecord):
            placing = Placing(nats.jetstream(timeout=ASK_S), self._node.cluster, self._node.replicas)
            plan = await placing.read()
            waits = plan.waits_for(*[await placing.said(what, plan.parties) for what in (DONE, READY)])
            facts = {"version": plan.version, "nodes": plan.nodes, "weights": dict(plan.weights)}
            facts |= {"where": dict(plan.where_wanted), "drained": plan.drained, "waits_for": waits}
            outside = [node for node in self._node.nodes if node not in plan.members]
            return {**facts, "why": await placing.explained([*waits, *outside], plan.version)}
        return None

    async def _stream(self, nats: Nats, name: str) -> dict[str, Any] | None:
        from nats.errors import Error

        with suppress(Error, TimeoutError):
            info = await nats.jetstream(timeout=ASK_S).stream_info(name)
            others = (info.cluster.replicas if info.cluster is not None else None) or []
            replicas = {"wanted": info.config.num_replicas, "there": 1 + sum(not one.offline for one in others)}
            return {"messages": info.state.messages, "bytes": info.state.bytes, "replicas": replicas}
        return None


def members_of(nodes: tuple[str, ...], heard: Mapping[str, Member]) -> dict[str, dict[str, Any]]:
    """How the nodes of a cluster stand, in their order, and then others that were heard."""
    found: dict[str, dict[str, Any]] = {}
    for node in dict.fromkeys((*nodes, *heard)):
        member = heard.get(node)
        if member is None:
            empty = ("role", "running", "room", "superseded", "version", "silent_s", "skew_s")
            found[node] = {"state": SILENT, **dict.fromkeys(empty)}
            continue
        beat = member.heartbeat
        found[node] = {
            "state": member.state,
            "role": beat.info.role,
            "running": beat.running,
            "room": beat.room,
            "superseded": beat.superseded,
            "version": beat.info.version,
            "silent_s": round(member.silent_s, 3),
            "skew_s": round(member.skew_s, 3),
        }
    return found


async def _show(node: NodeFile, each_s: float | None) -> None:
    async with View(node) as view:
        while True:
            sys.stdout.buffer.write(orjson.dumps(await view.look()) + b"\n")
            sys.stdout.buffer.flush()
            if each_s is None:
                return
            await asyncio.sleep(each_s)


def main(words: list[str]) -> int:
    """Print what the cluster of a node looks like; returns the exit code."""
    if not 1 <= len(words) <= 2:
        print("usage: python -m engine.cluster.view node.json [SECONDS]", file=sys.stderr)
        return 2
    try:
        require_nats()
        asyncio.run(_show(read_node_file(Path(words[0])), float(words[1]) if words[1:] else None))
    except (EngineError, OSError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return exit_code(error)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
