"""The file of a cluster: its nodes, and how they are reached.

Owns the keys of cluster.yaml and what each may be, so that whatever is wrong is named with its file, line and key before any
host is asked. What a node is stands in `node`; nothing here opens a connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from engine import units
from engine.cluster.lease import Term
from engine.cluster.membership import Patience
from engine.cluster.node import ROLES, Address, Node, parse_address, valid_id
from engine.document import Branch, Form, Leaf, Row, read_document
from engine.document import Node as Written
from engine.errors import ConfigError
from engine.paths import valid_name
from engine.setting import nearest_of

__all__ = ["FILE", "Cluster", "Nats", "Ssh", "Timing", "read_cluster"]

#: The file that is read where none is named.
FILE = "cluster.yaml"
#: Nodes of a cluster at most: past it one machine that starts them all is the wrong tool.
NODES = 1_000
#: Seconds that reaching a host may take, and a command on it, unless the file says otherwise; and the most that it may say.
CONNECT_S, COMMAND_S, MOST_S = 10.0, 600.0, 86_400.0
#: Agents of a node that says nothing of them, and at most.
AGENTS, AGENTS_MOST = 2_500, 100_000_000
#: Capabilities of a node at most.
CAPABILITIES = 64

FORM = Form("cluster file", "name: swarm", 1024 * 1024, 8)
KEYS = ("name", "folder", "pools", "ssh", "nats", "timing", "nodes")
SSH_KEYS = ("config", "known_hosts", "identity", "connect_timeout_s", "command_timeout_s")
NODE_KEYS = ("id", "address", "host", "role", "agents", "cpu", "ram", "capabilities")
OWN_KEYS, THEIR_KEYS = ("port", "peer_port", "servers"), ("url", "credentials", "ca", "cert", "key", "replicas")
#: Servers that keep what is written: one, or three that outvote a lost one.
SERVERS = (1, 3)
#: Addresses of servers of the user's own at most.
URLS = 16

_CAPABILITY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_URL = re.compile(r"(?:nats|tls)://[A-Za-z0-9_.:\[\]-]{1,255}")
_HOST = re.compile(r"[A-Za-z0-9_:](?:[A-Za-z0-9_.:-]{0,251}[A-Za-z0-9_:])?")
_FOLDER = re.compile(r"(?:~/|/)[A-Za-z0-9_./+-]{1,200}")
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
        return Cluster(
            file=self._file,
            name=name,
            folder=self._value(top, "", "folder", _folder, f"~/.local/share/engine/cluster/{name}"),
            pools=self._value(top, "", "pools", self._there, None),
            ssh=self._ssh(),
            nats=self._nats(),
            timing=self._timing(),
            nodes=self._nodes(),
        )

    def _ssh(self) -> Ssh:
        ssh = self._section("ssh", "{identity: ~/.ssh/id_ed25519}")
        if ssh is None:
            return Ssh()
        self._check_keys(ssh, "ssh.", SSH_KEYS)
        return Ssh(
            config=self._value(ssh, "ssh.", "config", self._there, None),
            known_hosts=self._value(ssh, "ssh.", "known_hosts", self._path, None),
            identity=self._value(ssh, "ssh.", "identity", self._there, None),
            connect_timeout_s=self._value(ssh, "ssh.", "connect_timeout_s", _seconds, CONNECT_S),
            command_timeout_s=self._value(ssh, "ssh.", "command_timeout_s", _seconds, COMMAND_S),
        )

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
        return Nats(
            port=self._value(nats, "nats.", "port", _port, 4222),
            peer_port=self._value(nats, "nats.", "peer_port", _port, 6222),
            servers=self._value(nats, "nats.", "servers", _servers, None),
            urls=self._urls(nats),
            credentials=self._value(nats, "nats.", "credentials", self._there, None),
            ca=self._value(nats, "nats.", "ca", self._there, None),
            cert=self._value(nats, "nats.", "cert", self._there, None),
            key=self._value(nats, "nats.", "key", self._there, None),
            replicas=self._value(nats, "nats.", "replicas", _servers, 1),
        )

    def _urls(self, nats: Branch) -> tuple[str, ...]:
        """One url, or a list of them."""
        written = nats.items.get("url")
        if written is None:
            return ()
        found = written.items if isinstance(written, Row) else [written]
        if not 1 <= len(found) <= URLS:
            raise self._wrong(f"is one, or a list of up to {URLS}", "nats.url", written.line)
        return tuple(dict.fromkeys(self._text(one, "nats.url", _url) for one in found))

    def _timing(self) -> Timing:
        timing = self._section("timing", "{heartbeat_s: 10}")
        if timing is None:
            return Timing()
        keys = tuple(field.name for field in fields(Timing))
        self._check_keys(timing, "timing.", keys)
        default = Timing()
        said = {key: self._value(timing, "timing.", key, _seconds, float(getattr(default, key))) for key in keys}
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
            host=self._value(item, prefix, "host", _host, None),
            role=self._value(item, prefix, "role", _role, "worker"),
            agents=self._value(item, prefix, "agents", _agents, AGENTS),
            cpu=self._value(item, prefix, "cpu", _cpu, None),
            ram_bytes=self._value(item, prefix, "ram", _ram, None),
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
        return tuple(dict.fromkeys(self._text(one, key, _capability) for one in row.items))

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
        except (ValueError, ConfigError) as refused:
            raise self._wrong(str(refused).removeprefix("name: "), key, node.line) from refused

    def _path(self, text: str) -> Path:
        return self._file.absolute().parent / Path(text).expanduser()

    def _there(self, text: str) -> Path:
        path = self._path(text)
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
        return path

    def _wrong(self, message: str, key: str, line: int | None) -> ConfigError:
        return ConfigError(message, key=key, file=self._file, line=line)


def _role(text: str) -> str:
    if text not in ROLES:
        nearest = nearest_of(text, ROLES)
        said = f", did you mean {nearest}?" if nearest else f"; there are {', '.join(ROLES)}"
        raise ValueError(f"{text!r:.40} is no role{said}")
    return text


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= 65_535):
        raise ValueError(f"{text!r:.20} is no port: a number from 1 to 65535")
    return int(text)


def _servers(text: str) -> int:
    if text not in [str(number) for number in SERVERS]:
        raise ValueError(f"{text!r:.20} is neither 1 nor 3")
    return int(text)


def _url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise ValueError(
            f"{text!r:.80} is no address of a server: write nats://host:port or tls://host:port; secrets stand apart"
        )
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError(f"{text!r:.80} is no host: write a name or an address")
    return text


def _agents(text: str) -> int:
    number = units.parse_count(text)
    if not 1 <= number <= AGENTS_MOST:
        raise ValueError(f"{number:,} is not between 1 and {AGENTS_MOST:,}")
    return number


def _cpu(text: str) -> str:
    units.parse_cpu_share(text, 1_000_000)  # how many cores the node has is known there
    return text


def _ram(text: str) -> int:
    number = units.parse_size_bytes(text)
    if not number:
        raise ValueError("0 bytes are no memory")
    return number


def _seconds(text: str) -> float:
    seconds = units.parse_seconds(text)
    if not 0 < seconds <= MOST_S:
        raise ValueError(f"{text} is not above 0 and up to {MOST_S:,.0f} seconds")
    return seconds


def _capability(text: str) -> str:
    if not _CAPABILITY.fullmatch(text):
        raise ValueError(f"{text!r:.80} is no capability: up to 64 small letters, digits, '-' and '_'")
    return text


def _folder(text: str) -> str:
    if not _FOLDER.fullmatch(text) or ".." in text.split("/"):
        raise ValueError(f"{text!r:.80} is no folder for every node: a whole path, or one that begins with ~/, without blanks")
    return text.rstrip("/")
