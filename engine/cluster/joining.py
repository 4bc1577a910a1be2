"""One node gets its part of the fabric: its files, an attendant that runs from them, and the wait until it has joined.

Owns the steps, as they are asked for from here, and the secret that the nodes of a cluster share: it is drawn once, kept on the
nodes alone, and travels as a file. What is done on the node itself stands in `fabriconnode`.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.cluster import fabriconnode
from engine.cluster.far import Site, document
from engine.cluster.layout import CA, CERT, CREDENTIALS, KEY, Layout
from engine.cluster.outcome import NodeFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.cluster.clusterfile import Cluster
    from engine.cluster.node import Node
    from engine.cluster.remote import Remote

__all__ = ["UNJOINED", "Joining", "Surveyed", "secret"]

#: Seconds that a node may take to join once all was started: servers read their journals first.
JOIN_S = 120.0
#: The state of a node whose engine runs, and which is not in the cluster.
UNJOINED = "unjoined"
#: Bytes of the password that nodes show to their servers.
PASSWORD_BYTES = 32


class Surveyed(NamedTuple):
    """What a node has of the fabric.

    fabric: what was decided of it.  credentials: the file's content.  build: of its engine.  is_attended: whether it runs.
    """

    fabric: dict[str, Any] | None
    credentials: dict[str, Any] | None
    build: str | None
    is_attended: bool


def secret() -> dict[str, Any]:
    """What the nodes of a new cluster show to their servers."""
    return {"user": "node", "password": os.urandom(PASSWORD_BYTES).hex()}


class Joining:
    """A node that is connected."""

    def __init__(self, cluster: Cluster, node: Node, remote: Remote) -> None:
        self._cluster = cluster
        self._node = node
        self._remote = remote

    async def survey(self) -> Surveyed:
        """What it has. Raises NodeFailed."""
        told = await self._order("survey")
        return Surveyed(told["fabric"], told["credentials"], told["build"], told["pid"] is not None)

    async def check_ports(self, layout: Layout) -> list[int]:
        """The ports of its server that another program has. Raises NodeFailed."""
        place, server = layout.place_of(self._node.id), layout.server(self._node.id)
        if place is None or server is None:
            return []
        wanted = [place.port, *([place.peer_port] if len(layout.places) > 1 else [])]
        taken: list[int] = (await self._order("ports", host=server["host"], ports=wanted))["taken"]
        return taken

    async def begin(self, layout: Layout, credentials: Mapping[str, Any] | None, bundle: str | None) -> dict[str, Any]:
        """Have its files and its attendant; returns what was new. credentials, bundle: of all nodes. Raises NodeFailed."""
        site = Site(await self._remote.place(self._cluster.folder))
        nats = self._cluster.nats
        files: dict[str, str | None] = {
            "fabric.json": json.dumps(layout.record()),
            "node.json": json.dumps(layout.node(self._node, site.home)),
            "server.json": None if (server := layout.server(self._node.id)) is None else json.dumps(server),
            CREDENTIALS: None if credentials is None else json.dumps(dict(credentials), sort_keys=True),
            CA: bundle,
        }
        if nats.urls:
            files |= {
                CERT: None if nats.cert is None else nats.cert.read_text(),
                KEY: None if nats.key is None else nats.key.read_text(),
            }
        content = json.dumps(files).encode()
        await self._remote.write(content, f"{site.root}/{fabriconnode.SENT}")
        written = await self._order("write", digest=hashlib.sha256(content).hexdigest())
        attended = await self._order("attend")
        return {"changed": written["changed"], "is_attended_anew": attended["is_started"]}

    async def joined(self, within_s: float = JOIN_S) -> dict[str, Any]:
        """What it says of itself once it has joined. Raises NodeFailed, `unjoined`, with the reason."""
        told = await self._order("wait", within_s=within_s)
        if told["joined"] is None:
            raise NodeFailed(f"it has not joined: {told['reason']}", state=UNJOINED, mend="engine cluster up")
        joined: dict[str, Any] = told["joined"]
        return joined

    async def leave(self, *, is_emergency: bool) -> bool:
        """Have nothing of the fabric run there; returns whether anything did. Raises NodeFailed."""
        return bool((await self._order("leave", is_emergency=is_emergency))["was_running"])

    async def _order(self, do: str, **facts: Any) -> dict[str, Any]:
        site = Site(await self._remote.place(self._cluster.folder))
        words = ["env", "python3", "-I", "-", json.dumps({"do": do, "root": site.root, **facts})]
        told = document(await self._remote.checked(words, stdin=fabriconnode.program()))
        if not told.get("ok"):
            raise NodeFailed(str(told.get("message")), state="failed")
        return told
