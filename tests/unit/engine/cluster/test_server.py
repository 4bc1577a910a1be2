"""What a NATS server is told, and what is refused before one is started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.cluster.server import ServerSpec, config_of, spec_of
from engine.errors import ConfigError, UnsafePath
from tests.support.fabric import secret


def test_every_write_is_synced_and_a_lone_server_has_no_routes(tmp_path: Path) -> None:
    document = config_of(ServerSpec("s1", "c", tmp_path))
    assert document["jetstream"]["sync_interval"] == "always"
    assert document["host"] == "127.0.0.1"
    assert "cluster" not in document
    assert "authorization" not in document


def test_servers_of_a_cluster_know_each_other_and_a_secret_with_any_character_fits_an_address(tmp_path: Path) -> None:
    file = secret(tmp_path, "node", "a/b:c@d e")
    document = config_of(ServerSpec("s1", "c", tmp_path, peer_port=6222, peers=("10.0.0.2:6222",), credentials=file))
    assert document["cluster"]["routes"] == ["nats-route://node:a%2Fb%3Ac%40d%20e@10.0.0.2:6222"]
    assert document["cluster"]["name"] == "c"
    assert document["authorization"] == document["cluster"]["authorization"] == {"user": "node", "password": "a/b:c@d e"}


def test_a_server_that_the_network_can_reach_needs_credentials(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"10\.0\.0\.1 is open to the network: it needs credentials"):
        config_of(ServerSpec("s1", "c", tmp_path, host="10.0.0.1"))
    assert config_of(ServerSpec("s1", "c", tmp_path, host="10.0.0.1", credentials=secret(tmp_path)))


def test_a_secret_that_others_can_read_is_refused_with_the_mend(tmp_path: Path) -> None:
    file = secret(tmp_path)
    file.chmod(0o640)
    with pytest.raises(UnsafePath, match="chmod 600"):
        config_of(ServerSpec("s1", "c", tmp_path, credentials=file))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"user": "a"}', '{"user": 1, "password": "x"}', '{"user": "", "password": ""}']
)
def test_a_secret_without_user_or_password_is_refused(tmp_path: Path, text: str) -> None:
    file = secret(tmp_path)
    file.write_text(text)
    with pytest.raises(ConfigError, match="user and"):
        config_of(ServerSpec("s1", "c", tmp_path, credentials=file))


def test_a_file_of_a_server_is_read_with_paths_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "server.json"
    file.write_bytes(orjson.dumps({"name": "s1", "cluster": "c", "folder": "d", "peers": ["a:1"], "credentials": "x.json"}))
    spec = spec_of(file)
    assert spec == ServerSpec("s1", "c", tmp_path / "d", peers=("a:1",), credentials=tmp_path / "x.json")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "a server has name"),
        ({"name": "s1"}, "a server has name"),
        ({"name": "s1", "cluster": "c", "folder": "d", "prot": 1}, "a server has name"),
        ({"name": "s1", "cluster": "c", "folder": "d", "port": "4222"}, "port: int is expected"),
        ({"name": "s1", "cluster": "c", "folder": "d", "peers": [1]}, "peers: list is expected"),
        ({"name": "s1", "cluster": "c", "folder": "d", "port": True}, "port: int is expected"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, document: Any, said: str) -> None:
    file = tmp_path / "server.json"
    file.write_bytes(orjson.dumps(document))
    with pytest.raises(ConfigError, match=said):
        spec_of(file)
    file.write_text("{")
    with pytest.raises(ConfigError, match="not JSON"):
        spec_of(file)
