"""What a node is told of itself and of its cluster, in its `node.json`.

Owns the fields, their defaults and what is said about a wrong one. Whoever sets a node up writes the file, its gateway
reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import orjson

from engine.cluster.access import Access
from engine.cluster.lease import Term
from engine.cluster.membership import Patience
from engine.cluster.records import ROLES
from engine.cluster.subjects import ANY
from engine.errors import ConfigError
from engine.paths import valid_name

__all__ = ["NodeFile", "read_node_file"]

#: The form of the file.
SCHEMA = "engine.cluster.node/v1"
#: Servers that keep what is written, of as many as there are: one, or three that outvote a lost one.
REPLICAS = (1, 3)
#: What a candidate lets others have first, in looks at the lease, by its role: a primary leads where there is one.
EXTRA_LOOKS = {"primary": 0, "backup": 1, "worker": 2}


@dataclass(frozen=True, slots=True)
class NodeFile:
    """A node.

    nodes: over which agents with a name are placed when the cluster begins; from then on its plan counts.
    agents: how many the node may have.
    urls, credentials, ca, cert, key: how it comes to the servers.  replicas: servers that keep what is written.
    engine, home: the name of its engine, and the ENGINE_HOME of that, None for the user's directories.
    room: tasks that it takes from the cluster at once.  task_lease_s: seconds without a sign until its tasks go to others.
    file: this file; `joined.json` and `fence` stand beside it.
    """

    file: Path
    cluster: str
    id: str
    nodes: tuple[str, ...]
    urls: tuple[str, ...]
    role: str = "worker"
    capabilities: tuple[str, ...] = ()
    agents: int = 0
    credentials: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    replicas: int = 1
    engine: str = "engine"
    home: Path | None = None
    room: int = 2_000
    task_lease_s: float = 30.0
    leader_lease_s: float = 10.0
    leader_check_s: float = 3.0
    heartbeat_s: float = 10.0
    suspicious_s: float = 30.0
    offline_s: float = 60.0

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """An environment in which its engine is found."""
        return dict(environ) | ({} if self.home is None else {"ENGINE_HOME": str(self.home)})

    @property
    def access(self) -> Access:
        """How it comes to the servers."""
        return Access(self.urls, self.credentials, self.ca, self.cert, self.key)

    @property
    def patience(self) -> Patience:
        """When silence means something. Raises ConfigError."""
        return Patience(self.heartbeat_s, self.suspicious_s, self.offline_s)

    @property
    def term(self) -> Term:
        """How it takes part in the election. Raises ConfigError."""
        return self.term_as(self.role)

    def term_as(self, role: str) -> Term:
        """The same in another role."""
        return Term(self.leader_lease_s, self.leader_check_s, EXTRA_LOOKS[role] * self.leader_check_s)

    @property
    def joined(self) -> Path:
        """The file that is there while its gateway has joined."""
        return self.file.with_name("joined.json")

    @property
    def fence(self) -> Path:
        """The fence of its machine."""
        return self.file.with_name("fence")


def read_node_file(file: Path) -> NodeFile:
    """What a file says. Raises ConfigError, which names the key, OSError."""
    try:
        document = orjson.loads(file.read_bytes())
    except ValueError as error:
        raise ConfigError(f"it is not JSON: {error}", key="", file=file) from error
    if type(document) is not dict:
        raise ConfigError("it is an object", key="", file=file)
    names = {field.name for field in fields(NodeFile)} - {"file", "home"}
    read: dict[str, Any] = {"file": file}
    schema = document.pop("schema", SCHEMA)
    if schema != SCHEMA:
        raise ConfigError(f"this form is {SCHEMA}, got {schema!r:.80}", key="schema", file=file)
    for key, value in document.items():
        if key not in names:
            raise ConfigError(f"a node has no such field; it has {', '.join(sorted(names))}", key=key, file=file)
        if key == "engine":
            read |= _engine(value, file)
        elif value is not None:
            read[key] = _read(key, value, file)
    for key in ("cluster", "id", "nodes", "urls"):
        if not read.get(key):
            raise ConfigError("it is missing", key=key, file=file)
    node = NodeFile(**read)
    if node.id not in node.nodes:
        raise ConfigError(f"{node.id!r} is not among them", key="nodes", file=file)
    _ = node.patience, node.term
    return node


def _engine(value: Any, file: Path) -> dict[str, Any]:
    """The name and the home of an engine."""
    if type(value) is not dict or not value.keys() <= {"name", "home"} or type(value.get("name", "")) is not str:
        raise ConfigError(f"an object with name and home is expected, got {value!r:.80}", key="engine", file=file)
    found: dict[str, Any] = {"engine": valid_name(value["name"], "engine.name")} if "name" in value else {}
    if value.get("home") is not None:
        found["home"] = _read("home", value["home"], file)
    return found


def _read(key: str, value: Any, file: Path) -> Any:
    def wrong(what: str) -> ConfigError:
        return ConfigError(f"{what} is expected, got {value!r:.80}", key=key, file=file)

    if key in ("cluster", "id"):
        return valid_name(value, key) if type(value) is str else _raise(wrong("a name"))
    if key in ("nodes", "capabilities", "urls"):
        if type(value) is not list or not all(type(each) is str and each for each in value) or len(set(value)) != len(value):
            raise wrong("a list of texts, each once")
        if key != "urls":
            for each in value:
                valid_name(each, key)
        if key == "capabilities" and ANY in value:
            raise wrong(f"a list without {ANY!r}, which every node has,")
        return tuple(value)
    if key in ("credentials", "ca", "cert", "key", "home"):
        return file.parent / value if type(value) is str and value else _raise(wrong("a path"))
    if key == "role":
        return value if value in ROLES else _raise(wrong(" or ".join(ROLES)))
    if key == "replicas":
        return value if value in REPLICAS and type(value) is int else _raise(wrong("1 or 3"))
    if key in ("agents", "room"):
        return value if type(value) is int and 0 <= value < 2**31 else _raise(wrong("a whole number from 0"))
    return float(value) if type(value) in (int, float) and 0 < value <= 86_400 else _raise(wrong("a number of seconds"))


def _raise(error: Exception) -> Any:
    raise error
