"""Where the servers of a cluster stand, and what each of its nodes is told of them.

Owns which nodes have a server, which never changes once it was decided (what is kept stands on their disks), at which ports,
and the documents `node.json` and `server.json` of a node. Pure: who is reached, and what was decided before, is handed in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.errors import NotRunning, Unavailable

if TYPE_CHECKING:
    from engine.cluster.clusterfile import Cluster
    from engine.cluster.node import Node

__all__ = [
    "CA", "CERT", "CREDENTIALS", "KEY", "NODE_SCHEMA", "SCHEMA", "Layout", "Place", "Unformed", "decided", "is_loopback",
    "lay_out",
]  # fmt: skip

#: The forms of `fabric.json`, which says what was decided, and of `node.json`.
SCHEMA, NODE_SCHEMA = "engine.cluster.fabric/v1", "engine.cluster.node/v1"
#: Nodes from which on there are as many servers: they outvote a lost one.
THREE = 3
#: Which node gets a server before which other one.
ORDER = {"primary": 0, "backup": 1, "worker": 2}
#: Files beside `node.json`.
CREDENTIALS, CA, CERT, KEY = "credentials.json", "ca.pem", "cert.pem", "key.pem"
#: The folder of a server's streams.
FOLDER = "server"


class Unformed(NotRunning):
    """The cluster's servers cannot be decided on yet."""


class Place(NamedTuple):
    """A server. node: its id.  host: where others reach it."""

    node: str
    host: str
    port: int
    peer_port: int

    @property
    def peer(self) -> str:
        """Where other servers come."""
        return f"{_bracketed(self.host)}:{self.peer_port}"


@dataclass(frozen=True, slots=True)
class Layout:
    """The servers of a cluster; none where they are the user's own."""

    cluster: Cluster
    places: tuple[Place, ...]

    @property
    def has_tls(self) -> bool:
        """Whether its own servers are spoken to over TLS: where any stands on the network."""
        return not all(is_loopback(place.host) for place in self.places)

    @property
    def urls(self) -> tuple[str, ...]:
        """Where nodes find the servers."""
        scheme = "tls" if self.has_tls else "nats"
        own = (f"{scheme}://{_bracketed(place.host)}:{place.port}" for place in self.places)
        return self.cluster.nats.urls or tuple(own)

    @property
    def replicas(self) -> int:
        """Servers that keep what is written."""
        if self.cluster.nats.urls:
            return self.cluster.nats.replicas
        return THREE if len(self.places) >= THREE else 1

    def place_of(self, node: str) -> Place | None:
        """The server of a node; None where it has none."""
        return next((place for place in self.places if place.node == node), None)

    def record(self, certificates: Mapping[str, str]) -> dict[str, Any]:
        """What was decided, for every node to keep. certificates: of the servers, by their nodes."""
        servers = [place.node for place in self.places]
        facts = {"schema": SCHEMA, "cluster": self.cluster.name, "servers": servers, "is_own": not self.cluster.nats.urls}
        return {**facts, "certificates": dict(certificates)}

    def bundle(self, certificates: Mapping[str, str]) -> str | None:
        """All that a node believes; None where it believes what its system does. Raises Unavailable where one is missing."""
        if self.cluster.nats.ca is not None:
            return self.cluster.nats.ca.read_text()
        if not self.has_tls:
            return None
        missing = [place.node for place in self.places if place.node not in certificates]
        if missing:
            raise Unavailable(
                f"unavailable: the certificate of the server on {missing[0]} is not known; bring that node up too"
            )
        return "".join(certificates[place.node] for place in self.places)

    def node(self, node: Node, home: str) -> dict[str, Any]:
        """The `node.json` of a node. home: of its engine."""
        nats = self.cluster.nats
        document: dict[str, Any] = {
            "schema": NODE_SCHEMA,
            "cluster": self.cluster.name,
            "id": node.id,
            "nodes": [one.id for one in self.cluster.nodes],
            "urls": list(self.urls),
            "role": node.role,
            "capabilities": list(node.capabilities),
            "agents": node.agents,
            "replicas": self.replicas,
            "engine": {"name": self.cluster.name, "home": home},
            **asdict(self.cluster.timing),
        }
        weights = {one.id: one.agents for one in self.cluster.nodes}
        if len(set(weights.values())) > 1:
            document["weights"] = weights
        if not nats.urls or nats.credentials is not None:
            document["credentials"] = CREDENTIALS
        if self.has_tls or nats.ca is not None:
            document["ca"] = CA
        if nats.cert is not None and nats.key is not None:
            document |= {"cert": CERT, "key": KEY}
        return document

    def server(self, node: str) -> dict[str, Any] | None:
        """The `server.json` of a node; None where it has none."""
        place = self.place_of(node)
        if place is None:
            return None
        document: dict[str, Any] = {
            "name": node,
            "cluster": self.cluster.name,
            "folder": FOLDER,
            "host": place.host if is_loopback(place.host) else _everywhere(place.host),
            "port": place.port,
            "credentials": CREDENTIALS,
        }
        if self.has_tls:
            document |= {"ca": CA, "cert": CERT, "key": KEY}
        if len(self.places) > 1:
            document |= {"peer_port": place.peer_port, "address": place.host}
            document["peers"] = [other.peer for other in self.places]
        return document


def decided(cluster: Cluster, found: Mapping[str, Any]) -> tuple[str, ...]:
    """The nodes that were given servers before, by the `fabric.json` of any node. Raises ConfigError."""
    is_own, servers = bool(found.get("is_own")), tuple(str(node) for node in found.get("servers") or ())
    if is_own != (not cluster.nats.urls):
        stands = f"servers of its own on {', '.join(servers)}" if is_own else "servers of yours"
        said = f"the cluster has {stands}, and what is kept stands there: take the nodes down, and give it another folder"
        raise cluster.wrong(said, "nats")
    missing = [node for node in servers if node not in {one.id for one in cluster.nodes}]
    if missing:
        said = f"{missing[0]} is missing: it has a server, which keeps what the cluster must not lose"
        raise cluster.wrong(said, "nodes")
    return servers


def lay_out(cluster: Cluster, hosts: Mapping[str, str], ready: Collection[str], before: tuple[str, ...]) -> Layout:
    """The servers of a cluster.

    hosts: of each node, where others reach it.  ready: the nodes that can have one now.  before: those that were decided on
    earlier; empty where none were.  Raises Unformed where too few are there to decide, ConfigError.
    """
    nats = cluster.nats
    if nats.urls:
        return Layout(cluster, ())
    chosen = before or _chosen(cluster, ready)
    _check_hosts(cluster, hosts, chosen)
    places: list[Place] = []
    for node in chosen:
        host = hosts[node]
        shift = sum(place.host == host for place in places)
        places.append(Place(node, host, nats.port + shift, nats.peer_port + shift))
    return Layout(cluster, tuple(places))


def _chosen(cluster: Cluster, ready: Collection[str]) -> tuple[str, ...]:
    """The nodes that get a server, the first time."""
    count = cluster.nats.servers or (THREE if len(cluster.nodes) >= THREE else 1)
    order = sorted(cluster.nodes, key=lambda node: ORDER[node.role])
    there = [node.id for node in order if node.id in ready]
    if order[0].id not in there or len(there) * 2 < len(order):
        missing = ", ".join(node.id for node in order if node.id not in ready)
        raise Unformed(f"a cluster is begun with its primary and half of its nodes; it waits for {missing}")
    if len(there) < count:
        missing = ", ".join(node.id for node in order if node.id not in ready)
        said = f"a cluster of {len(order)} is begun with {count} servers; it waits for {missing}"
        raise Unformed(f"{said}, or for nats: {{servers: 1}}")
    return tuple(there[:count])


def _check_hosts(cluster: Cluster, hosts: Mapping[str, str], chosen: tuple[str, ...]) -> None:
    """Raises ConfigError where a node could not reach a server."""
    near = [node for node in chosen if is_loopback(hosts[node])]
    far = [node.id for node in cluster.nodes if not is_loopback(hosts[node.id])]
    if near and far:
        said = f"{near[0]} is reached at {hosts[near[0]]}, which {far[0]} cannot reach: give it a host"
        raise cluster.wrong(said, "nodes")


def is_loopback(host: str) -> bool:
    """Whether a host is this very machine, wherever it is asked."""
    return host in ("localhost", "::1") or host.startswith("127.")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _everywhere(host: str) -> str:
    return "::" if ":" in host else "0.0.0.0"  # noqa: S104 - credentials and TLS are needed there
