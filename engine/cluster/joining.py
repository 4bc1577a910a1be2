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
    from engine.cluster.remote import Done, Remote

__all__ = ["UNJOINED", "Joining", "Surveyed", "secret", "waited_s"]

#: Seconds that a node may take to join once all was started: servers read their journals first; and those of its deadline that
#: are not waited through, or that share of it, so that what it says is still heard.
JOIN_S, SPARE_S, SPARE_SHARE = 120.0, 10.0, 0.5
#: The state of a node whose engine runs, and which is not in the cluster.
UNJOINED = "unjoined"
#: Bytes of the password that nodes show to their servers.
PASSWORD_BYTES = 32


class Surveyed(NamedTuple):
    """What a node has of the fabric.

    node: the id that it was given there; None before it was told.  fabric: what was decided of it.
    credentials: the file's content.  build: of its engine.  is_attended: whether it runs.
    attendant: how its processes stand, as `attendant.json` says it; None where none runs.
    """

    node: str | None
    fabric: dict[str, Any] | None
    credentials: dict[str, Any] | None
    build: str | None
    is_attended: bool
    attendant: dict[str, Any] | None

    def processes(self) -> list[dict[str, Any]]:
        """The processes of the fabric there: the attendant, and those that it has run."""
        told = self.attendant
        if told is None:
            return []
        rows = [{"process": "attendant", "pid": told.get("pid"), "state": "running", "restarts": 0, "said": ""}]
        for name in ("server", "gateway", "driver"):
            ward = told.get(name)
            if isinstance(ward, dict) and ward.get("state") != "off":
                rows.append({"process": name, **{key: ward.get(key) for key in ("pid", "state", "restarts", "said")}})
        return rows


def secret() -> dict[str, Any]:
    """What the nodes of a new cluster show to their servers."""
    return {"user": "node", "password": os.urandom(PASSWORD_BYTES).hex()}


def waited_s(deadline_s: float) -> float:
    """How long a node is waited for whose deadline comes after so many seconds."""
    return min(JOIN_S, max(deadline_s - SPARE_S, deadline_s * SPARE_SHARE))


class Joining:
    """A node that is connected."""

    def __init__(self, cluster: Cluster, node: Node, remote: Remote) -> None:
        self._cluster = cluster
        self._node = node
        self._remote = remote

    async def survey(self) -> Surveyed:
        """What it has. Raises NodeFailed."""
        told = await self._order("survey")
        is_attended = told["pid"] is not None
        attendant = told["attendant"] if is_attended else None
        node = (told["node"] or {}).get("id")
        return Surveyed(node, told["fabric"], told["credentials"], told["build"], is_attended, attendant)

    async def check_ports(self, layout: Layout) -> list[int]:
        """The ports of its server that another program has. Raises NodeFailed."""
        place, server = layout.place_of(self._node.id), layout.server(self._node.id)
        if place is None or server is None:
            return []
        wanted = [place.port, *([place.peer_port] if len(layout.places) > 1 else [])]
        taken: list[int] = (await self._order("ports", host=server["host"], ports=wanted))["taken"]
        return taken

    async def certificate(self, layout: Layout, build: str) -> str:
        """That of its server. build: of the environment that makes it. Raises NodeFailed."""
        place, site = layout.place_of(self._node.id), await self._site()
        host = "" if place is None else place.host
        words = [*self._program(site, build, "certificate"), site.root, self._node.id, host]
        return (await self._remote.checked(words)).decode()

    async def try_access(self, layout: Layout, credentials: Mapping[str, Any] | None, build: str) -> Done:
        """What comes of a look at the servers from there, with nothing changed. build: of the environment that looks."""
        site = await self._site()
        await self._write(self._files(layout, credentials, {}, site), fabriconnode.TRIAL)
        try:
            return await self._remote.run([*self._program(site, build, "trial"), f"{site.root}/{fabriconnode.TRIAL}/node.json"])
        finally:
            await self._order("forget")

    async def begin(
        self, layout: Layout, credentials: Mapping[str, Any] | None, certificates: Mapping[str, str]
    ) -> dict[str, Any]:
        """Have its files and its attendant; returns what was new. Raises NodeFailed.

        credentials: what nodes show to the servers.  certificates: of the servers, by their nodes.
        """
        changed = await self._write(self._files(layout, credentials, certificates, await self._site()), "")
        attended = await self._order("attend")
        return {"changed": changed, "is_attended_anew": attended["is_started"]}

    def _files(
        self, layout: Layout, credentials: Mapping[str, Any] | None, certificates: Mapping[str, str], site: Site
    ) -> dict[str, str | None]:
        """The texts of its files by name; None for one that is not to be there."""
        nats, server = self._cluster.nats, layout.server(self._node.id)
        files = {
            "fabric.json": json.dumps(layout.record(certificates)),
            "node.json": json.dumps(layout.node(self._node, site.home)),
            "server.json": None if server is None else json.dumps(server),
            CREDENTIALS: None if credentials is None else json.dumps(dict(credentials), sort_keys=True),
            CA: layout.bundle(certificates),
        }
        if nats.urls:
            for name, file in ((CERT, nats.cert), (KEY, nats.key)):
                files[name] = None if file is None else file.read_text()
        return files

    async def _write(self, files: Mapping[str, str | None], into: str) -> list[str]:
        content = json.dumps(files).encode()
        await self._remote.write(content, f"{(await self._site()).root}/{fabriconnode.SENT}")
        written = await self._order("write", digest=hashlib.sha256(content).hexdigest(), into=into)
        changed: list[str] = written["changed"]
        return changed

    async def _site(self) -> Site:
        return Site(await self._remote.place(self._cluster.folder))

    @staticmethod
    def _program(site: Site, build: str, name: str) -> list[str]:
        return ["env", f"--chdir={site.root}", f"{site.root}/versions/{build}/bin/python", "-P", "-m", f"engine.cluster.{name}"]

    async def joined(self, deadline_s: float) -> dict[str, Any]:
        """What it says of itself once it has joined. Raises NodeFailed, `unjoined`, with the reason.

        deadline_s: after which nobody listens any more.
        """
        told = await self._order("wait", within_s=waited_s(deadline_s))
        if told["joined"] is None:
            raise NodeFailed(f"it has not joined: {told['reason']}", state=UNJOINED, mend="engine cluster up")
        joined: dict[str, Any] = told["joined"]
        return joined

    async def leave(self, *, is_emergency: bool) -> bool:
        """Have nothing of the fabric run there; returns whether anything did. Raises NodeFailed."""
        return bool((await self._order("leave", is_emergency=is_emergency))["was_running"])

    async def _order(self, do: str, **facts: Any) -> dict[str, Any]:
        site = await self._site()
        words = ["env", "python3", "-I", "-", json.dumps({"do": do, "root": site.root, **facts})]
        told = document(await self._remote.checked(words, stdin=fabriconnode.program()))
        if not told.get("ok"):
            raise NodeFailed(str(told.get("message")), state="failed")
        return told
