"""The file of a cluster: its nodes, and how they are reached.

Owns the keys of cluster.yaml and what each may be, so that whatever is wrong is named with its file, line and key before any
host is asked. What a node is stands in `node`; nothing here opens a connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from engine.cluster import clustervalue
from engine.cluster.lease import Term
from engine.cluster.membership import Patience
from engine.cluster.node import Address, Node, parse_address, valid_id
from engine.document import Branch, Form, Leaf, Row, read_document
from engine.document import Node as Written
from engine.errors import ConfigError, UnsafePath
from engine.paths import valid_name
from engine.setting import nearest_of

__all__ = ["FILE", "Cluster", "Nats", "Ssh", "Timing", "read_cluster"]

#: The file that is read where none is named.
FILE = "cluster.yaml"
#: Nodes of a cluster at most: past it one machine that starts them all is the wrong tool.
NODES = 1_000
#: Seconds that reaching a host may take, and a command on it, unless the file says otherwise.
CONNECT_S, COMMAND_S = 10.0, 600.0
#: Agents of a node that says nothing of them.
AGENTS = 2_500
#: Capabilities of a node at most.
CAPABILITIES = 64

FORM = Form("cluster file", "name: swarm", 1024 * 1024, 8)
KEYS = ("name", "folder", "pools", "ssh", "nats", "timing", "nodes")
SSH_KEYS = ("config", "known_hosts", "identity", "connect_timeout_s", "command_timeout_s")
NODE_KEYS = ("id", "address", "host", "role", "agents", "cpu", "ram", "capabilities")
OWN_KEYS, THEIR_KEYS = ("port", "peer_port", "servers"), ("url", "credentials", "ca", "cert", "key", "replicas")
#: Addresses of servers of the user's own at most.
URLS = 16

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Ssh:
    """How hosts are reached. config, known_hosts, identity: files in place of those in ~/.ssh; None for these."""

    config: Path | None = None
    known_hosts: Path | None = None
    identity: Path | None = None
    connect_timeout_s: float = CONNECT_S
    command_timeout_s: float = COMMAND_S


@dataclass(frozen=True, slots=True)
class Nats:
    """What joins the nodes.

    port, peer_port: of the servers that the cluster starts.  servers: how many, None for three where there are three nodes.
    urls: those of the user's own servers; empty to start some. The other fields are for these.
    """

    port: int = 4222
    peer_port: int = 6222
    servers: int | None = None
    urls: tuple[str, ...] = ()
    credentials: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    replicas: int = 1


@dataclass(frozen=True, slots=True)
class Timing:
    """When silence means something, in seconds: of a node, of who has a task, of who leads. Raises ConfigError."""

    heartbeat_s: float = 10.0
    suspicious_s: float = 30.0
    offline_s: float = 60.0
    task_lease_s: float = 30.0
    leader_lease_s: float = 10.0
    leader_check_s: float = 3.0

    def __post_init__(self) -> None:
        Patience(self.heartbeat_s, self.suspicious_s, self.offline_s)
        Term(self.leader_lease_s, self.leader_check_s, 0.0)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a file says. folder: where each node keeps its environment and its data; `~/` is the home of its user there.

    pools: a pools.yaml for every node, None to have one made from what each node may take.
    """

    file: Path
    name: str
    folder: str
    pools: Path | None
    ssh: Ssh
    nats: Nats
    timing: Timing
    nodes: tuple[Node, ...]

    def wrong(self, message: str, key: str, line: int | None = None) -> ConfigError:
        """The error that names this file."""
        return ConfigError(message, key=key, file=self.file, line=line)


def read_cluster(file: Path) -> Cluster:
    """The cluster in a file. Raises ConfigError with file, line and key."""
    return _Reading(file, read_document(file, FORM)).cluster()


class _Reading:
    """A document on its way to a cluster."""

    def __init__(self, file: Path, document: Branch) -> None:
        self._file = file
        self._document = document

    def cluster(self) -> Cluster:
        top = self._document
        self._check_keys(top, "", KEYS)
        name = self._value(top, "", "name", valid_name, "swarm")
        cluster = Cluster(
            file=self._file,
            name=name,
            folder=self._value(top, "", "folder", clustervalue.folder, f"~/.local/share/engine/cluster/{name}"),
            pools=self._value(top, "", "pools", self._file_of(clustervalue.check_pools), None),
            ssh=self._ssh(),
            nats=self._nats(),
            timing=self._timing(),
            nodes=self._nodes(),
        )
        self._check_servers(cluster)
        return cluster

    def _ssh(self) -> Ssh:
        ssh = self._section("ssh", "{identity: ~/.ssh/id_ed25519}")
        if ssh is None:
            return Ssh()
        self._check_keys(ssh, "ssh.", SSH_KEYS)
        return Ssh(
            config=self._value(ssh, "ssh.", "config", self._there, None),
            known_hosts=self._value(ssh, "ssh.", "known_hosts", self._path, None),
            identity=self._value(ssh, "ssh.", "identity", self._file_of(clustervalue.check_identity), None),
            connect_timeout_s=self._value(ssh, "ssh.", "connect_timeout_s", clustervalue.seconds, CONNECT_S),
            command_timeout_s=self._value(ssh, "ssh.", "command_timeout_s", clustervalue.seconds, COMMAND_S),
        )

    def _check_servers(self, cluster: Cluster) -> None:
        """Raises ConfigError where there are more servers than nodes, or those on one host could not have their ports."""
        nats, there = cluster.nats, len(cluster.nodes)
        most = max(clustervalue.SERVERS)
        count = nats.servers or (most if there >= most else 1)
        section = self._section("nats", "")
        if section is None or nats.urls:
            return
        if count > there:
            said = f"{count} servers are for as many nodes; there {'is' if there == 1 else 'are'} {there}"
            raise self._wrong(said, "nats.servers", section.line)
        if max(nats.port, nats.peer_port) + count - 1 > clustervalue.PORTS or abs(nats.port - nats.peer_port) < count:
            said = f"port and peer_port are up to {clustervalue.PORTS - count + 1:,}, and {count} apart"
            raise self._wrong(f"{said}: another server on a host takes the next of each", "nats", section.line)

    def _section(self, key: str, example: str) -> Branch | None:
        section = self._document.items.get(key)
        if section is not None and not isinstance(section, Branch):
            raise self._wrong(f"is a mapping, such as {example}", key, section.line)
        return section

    def _nats(self) -> Nats:
        nats = self._section("nats", "{port: 4222}")
        if nats is None:
            return Nats()
        self._check_keys(nats, "nats.", (*OWN_KEYS, *THEIR_KEYS))
        is_theirs = "url" in nats.items
        for key in nats.items:
            if key in (OWN_KEYS if is_theirs else THEIR_KEYS):
                said = "is for servers that the cluster starts: there is a url" if is_theirs else "is for servers of your own"
                raise self._wrong(f"{said}", f"nats.{key}", nats.lines[key])
        for one, other in (("cert", "key"), ("key", "cert")):
            if one in nats.items and other not in nats.items:
                raise self._wrong(f"it is used with nats.{other}, which is missing", f"nats.{one}", nats.lines[one])
        return Nats(
            port=self._value(nats, "nats.", "port", clustervalue.port, 4222),
            peer_port=self._value(nats, "nats.", "peer_port", clustervalue.port, 6222),
            servers=self._value(nats, "nats.", "servers", clustervalue.servers, None),
            urls=self._urls(nats),
            credentials=self._value(nats, "nats.", "credentials", self._file_of(clustervalue.check_credentials), None),
            ca=self._value(nats, "nats.", "ca", self._file_of(clustervalue.check_certificates), None),
            cert=self._value(nats, "nats.", "cert", self._file_of(clustervalue.check_certificates), None),
            key=self._value(nats, "nats.", "key", self._there, None),
            replicas=self._value(nats, "nats.", "replicas", clustervalue.servers, 1),
        )

    def _urls(self, nats: Branch) -> tuple[str, ...]:
        """One url, or a list of them."""
        written = nats.items.get("url")
        if written is None:
            return ()
        found = written.items if isinstance(written, Row) else [written]
        if not 1 <= len(found) <= URLS:
            raise self._wrong(f"is one, or a list of up to {URLS}", "nats.url", written.line)
        return tuple(dict.fromkeys(self._text(one, "nats.url", clustervalue.url) for one in found))

    def _timing(self) -> Timing:
        timing = self._section("timing", "{heartbeat_s: 10}")
        if timing is None:
            return Timing()
        keys = tuple(field.name for field in fields(Timing))
        self._check_keys(timing, "timing.", keys)
        default = Timing()
        said = {key: self._value(timing, "timing.", key, clustervalue.seconds, float(getattr(default, key))) for key in keys}
        try:
            return Timing(**said)
        except ConfigError as wrong:
            raise self._wrong(str(wrong), "timing", timing.line) from wrong

    def _nodes(self) -> tuple[Node, ...]:
        row = self._document.items.get("nodes")
        if not isinstance(row, Row) or not row.items:
            raise self._wrong("a cluster has nodes: write a list of them", "nodes", row.line if row else None)
        if len(row.items) > NODES:
            raise self._wrong(f"more than {NODES:,} nodes", "nodes", row.line)
        nodes: list[Node] = []
        for at, item in enumerate(row.items):
            node = self._node(item, f"nodes[{at}]")
            self._check_twins(node, nodes, f"nodes[{at}]")
            nodes.append(node)
        leads = [node for node in nodes if node.role == "primary"]
        if len(leads) != 1:
            said = f"{leads[1].id} is a second primary, {leads[0].id} is the first" if leads else "no node has the role primary"
            raise self._wrong(f"{said}: a cluster has one", "nodes", leads[1].line if leads else row.line)
        return tuple(nodes)

    def _node(self, item: Written, path: str) -> Node:
        if not isinstance(item, Branch):
            raise self._wrong("a node is a mapping, such as {id: n1, address: ada@10.0.0.1}", path, item.line)
        prefix = f"{path}."
        self._check_keys(item, prefix, NODE_KEYS)
        for key in ("id", "address"):
            if key not in item.items:
                raise self._wrong(f"a node has its {key}", path, item.line)
        return Node(
            id=self._value(item, prefix, "id", valid_id, ""),
            address=self._value(item, prefix, "address", parse_address, Address("")),
            host=self._value(item, prefix, "host", clustervalue.host, None),
            role=self._value(item, prefix, "role", clustervalue.role, "worker"),
            agents=self._value(item, prefix, "agents", clustervalue.agents, AGENTS),
            cpu=self._value(item, prefix, "cpu", clustervalue.cpu, None),
            ram_bytes=self._value(item, prefix, "ram", clustervalue.ram, None),
            capabilities=self._capabilities(item, prefix),
            line=item.line,
        )

    def _check_twins(self, node: Node, before: list[Node], path: str) -> None:
        for other in before:
            if other.id == node.id:
                raise self._wrong(f"{node.id!r} is the id of another node, in line {other.line}", f"{path}.id", node.line)
            if other.address == node.address:
                said = f"{node.address} is the address of {other.id} too, in line {other.line}"
                raise self._wrong(said, f"{path}.address", node.line)

    def _capabilities(self, item: Branch, prefix: str) -> tuple[str, ...]:
        row = item.items.get("capabilities")
        key = f"{prefix}capabilities"
        if row is None:
            return ()
        if not isinstance(row, Row):
            raise self._wrong("is a list, such as [audit, render]", key, row.line)
        if len(row.items) > CAPABILITIES:
            raise self._wrong(f"more than {CAPABILITIES}", key, row.line)
        return tuple(dict.fromkeys(self._text(one, key, clustervalue.capability) for one in row.items))

    def _check_keys(self, branch: Branch, prefix: str, known: tuple[str, ...]) -> None:
        for key in branch.items:
            if key not in known:
                raise ConfigError(
                    f"there is no such key; there are {', '.join(known)}",
                    key=f"{prefix}{key}", file=self._file, line=branch.lines[key], nearest=nearest_of(key, known),
                )  # fmt: skip

    def _value(self, branch: Branch, prefix: str, key: str, read: Callable[[str], Value], default: Value) -> Value:
        node = branch.items.get(key)
        return default if node is None else self._text(node, f"{prefix}{key}", read)

    def _text(self, node: Written, key: str, read: Callable[[str], Value]) -> Value:
        if not isinstance(node, Leaf) or not node.text:
            raise self._wrong("takes one value", key, node.line)
        try:
            return read(node.text)
        except (ValueError, ConfigError, UnsafePath) as refused:
            raise self._wrong(str(refused).removeprefix("name: "), key, node.line) from refused

    def _path(self, text: str) -> Path:
        return self._file.absolute().parent / Path(text).expanduser()

    def _there(self, text: str) -> Path:
        path = self._path(text)
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
        return path

    def _file_of(self, check: Callable[[Path], None]) -> Callable[[str], Path]:
        """Reads the path of a file that is there, and is what it should be."""

        def read(text: str) -> Path:
            path = self._there(text)
            check(path)
            return path

        return read

    def _wrong(self, message: str, key: str, line: int | None) -> ConfigError:
        return ConfigError(message, key=key, file=self._file, line=line)
