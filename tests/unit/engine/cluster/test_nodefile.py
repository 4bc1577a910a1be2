"""A node's file: what it says, and what is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.cluster.nodefile import NodeFile, read_node_file
from engine.errors import ConfigError

LEAST: dict[str, Any] = {"cluster": "c", "id": "n1", "nodes": ["n1", "n2"], "urls": ["nats://127.0.0.1:4222"]}


def written(folder: Path, **facts: Any) -> Path:
    file = folder / "node.json"
    file.write_bytes(orjson.dumps(LEAST | facts))
    return file


def test_the_least_that_a_file_says_is_enough(tmp_path: Path) -> None:
    file = written(tmp_path, agents=None, schema="engine.cluster.node/v1")
    node = read_node_file(file)
    assert node == NodeFile(file, "c", "n1", ("n1", "n2"), ("nats://127.0.0.1:4222",))
    assert node.joined == tmp_path / "joined.json"
    assert (node.patience.heartbeat_s, node.patience.suspicious_s, node.patience.offline_s) == (10.0, 30.0, 60.0)
    assert (node.term.lease_s, node.term.check_s) == (10.0, 3.0)


def test_a_primary_leads_before_a_backup_and_a_backup_before_a_worker(tmp_path: Path) -> None:
    extra_s = [read_node_file(written(tmp_path, role=role)).term.extra_s for role in ("primary", "backup", "worker")]
    assert extra_s == [0.0, 3.0, 6.0]


def test_paths_stand_beside_the_file(tmp_path: Path) -> None:
    node = read_node_file(
        written(tmp_path, credentials="secret.json", ca="/etc/ca.pem", engine={"name": "swarm", "home": "home"})
    )
    assert (node.credentials, node.ca, node.home) == (tmp_path / "secret.json", Path("/etc/ca.pem"), tmp_path / "home")
    assert node.engine == "swarm"
    assert node.access.credentials == tmp_path / "secret.json"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"rolle": "worker"}, "rolle: a node has no such field"),
        ({"role": "leader"}, "role: primary or worker or backup is expected, got 'leader'"),
        ({"id": "N 1"}, "id: 'N 1' is not a name"),
        ({"id": 1}, "id: a name is expected"),
        ({"id": "n3"}, "nodes: 'n3' is not among them"),
        ({"nodes": ["n1", "n1"]}, "nodes: a list of texts, each once"),
        ({"nodes": ["n1", "a.b"]}, "nodes: 'a.b' is not a name"),
        ({"urls": []}, "urls: it is missing"),
        ({"urls": "nats://x"}, "urls: a list of texts"),
        ({"cluster": None}, "cluster: it is missing"),
        ({"capabilities": ["any"]}, "capabilities: a list without 'any'"),
        ({"replicas": 2}, "replicas: 1 or 3 is expected"),
        ({"replicas": True}, "replicas: 1 or 3 is expected"),
        ({"weights": {"n1": 0}}, "weights: an object of whole numbers from 1"),
        ({"weights": [1]}, "weights: an object of whole numbers from 1"),
        ({"weights": {"n9": 1}}, "weights: they are of nodes: n1, n2"),
        ({"room": -1}, "room: a whole number from 0"),
        ({"task_lease_s": 0}, "task_lease_s: a number of seconds"),
        ({"engine": "engine"}, "engine: an object with name and home is expected"),
        ({"engine": {"name": "N 1"}}, "engine.name: 'N 1' is not a name"),
        ({"engine": {"home": 5}}, "home: a path is expected"),
        ({"schema": "engine.cluster.node/v2"}, "schema: this form is engine.cluster.node/v1"),
        ({"credentials": 5}, "credentials: a path is expected"),
        ({"heartbeat_s": 40}, "patience: seconds grow"),
        ({"leader_check_s": 9}, "lease: a lease is looked at"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, facts: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_node_file(written(tmp_path, **facts))
    assert said in str(refused.value)


@pytest.mark.parametrize(("text", "said"), [("{", "not JSON"), ("[]", "an object")])
def test_a_file_that_is_no_object_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = written(tmp_path)
    file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_node_file(file)
