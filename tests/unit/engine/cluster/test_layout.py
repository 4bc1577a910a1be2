"""Which nodes have a server, and what each node is told: decided once, refused where it could not work."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from engine.cluster.clusterfile import Cluster, read_cluster
from engine.cluster.layout import Layout, Unformed, decided, lay_out
from engine.cluster.nodefile import read_node_file
from engine.cluster.server import spec_of
from engine.errors import ConfigError, Unavailable

FOUR = [
    "{id: n1, address: a}",
    "{id: n2, address: b, role: backup}",
    "{id: n3, address: c, role: primary}",
    "{id: n4, address: d}",
]
FAR = {"n1": "10.0.0.1", "n2": "10.0.0.2", "n3": "10.0.0.3", "n4": "10.0.0.4"}
NEAR = dict.fromkeys(FAR, "127.0.0.1")


def cluster(folder: Path, nodes: list[str], more: str = "") -> Cluster:
    file = folder / "cluster.yaml"
    file.write_text(f"{more}nodes:\n" + "".join(f"  - {node}\n" for node in nodes))
    return read_cluster(file)


def servers(made: Layout) -> list[str]:
    return [place.node for place in made.places]


def test_three_nodes_have_three_servers_the_primary_first_then_backups_then_workers(tmp_path: Path) -> None:
    made = lay_out(cluster(tmp_path, FOUR), FAR, list(FAR), ())
    assert servers(made) == ["n3", "n2", "n1"]
    assert made.urls == ("tls://10.0.0.3:4222", "tls://10.0.0.2:4222", "tls://10.0.0.1:4222")
    assert (made.replicas, made.place_of("n4")) == (3, None)


def test_two_nodes_have_one_server_and_so_has_a_cluster_that_says_so(tmp_path: Path) -> None:
    two = lay_out(cluster(tmp_path, [FOUR[0], FOUR[2]]), FAR, ["n1", "n3"], ())
    assert (servers(two), two.replicas) == (["n3"], 1)
    assert servers(lay_out(cluster(tmp_path, FOUR, "nats: {servers: 1}\n"), FAR, ["n3", "n4"], ())) == ["n3"]


def test_servers_on_one_host_take_the_next_ports(tmp_path: Path) -> None:
    made = lay_out(cluster(tmp_path, FOUR, "nats: {port: 5000, peer_port: 7000}\n"), NEAR, list(NEAR), ())
    assert [(place.port, place.peer_port) for place in made.places] == [(5000, 7000), (5001, 7001), (5002, 7002)]
    assert made.urls[0] == "nats://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("ready", "said"), [(["n1", "n2", "n4"], "waits for n3"), (["n3"], "n2, n1, n4"), (["n3", "n1"], "3 servers")]
)
def test_a_cluster_is_begun_with_its_primary_half_of_it_and_a_node_for_each_server(
    tmp_path: Path, ready: list[str], said: str
) -> None:
    with pytest.raises(Unformed, match=said):
        lay_out(cluster(tmp_path, FOUR), FAR, ready, ())


def test_what_was_decided_stays_though_others_would_be_chosen_now(tmp_path: Path) -> None:
    made = lay_out(cluster(tmp_path, FOUR), FAR, ["n4"], ("n1",))
    assert servers(made) == ["n1"]
    assert decided(made.cluster, made.record({})) == ("n1",)
    without = cluster(tmp_path, FOUR[1:])
    with pytest.raises(ConfigError, match="n1 is missing: it has a server"):
        decided(without, made.record({}))
    theirs = cluster(tmp_path, FOUR, "nats: {url: 'nats://h:4222'}\n")
    with pytest.raises(ConfigError, match="servers of its own on n1"):
        decided(theirs, made.record({}))


def test_a_server_that_other_nodes_could_not_reach_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"n3 is reached at 127\.0\.0\.1, which n1 cannot reach: give it a host"):
        lay_out(cluster(tmp_path, FOUR), FAR | {"n3": "127.0.0.1"}, list(FAR), ())


@pytest.mark.parametrize(("hosts", "host"), [(FAR, "0.0.0.0"), (NEAR, "127.0.0.1"), (dict.fromkeys(FAR, "fd00::1"), "::")])
def test_what_nodes_are_told_is_what_their_programs_read(tmp_path: Path, hosts: dict[str, str], host: str) -> None:
    made = lay_out(cluster(tmp_path, FOUR, "timing: {task_lease_s: 7}\n"), hosts, list(FAR), ())
    (tmp_path / "node.json").write_bytes(orjson.dumps(made.node(made.cluster.nodes[1], "/h/home")))
    node = read_node_file(tmp_path / "node.json")
    assert (node.id, node.role, node.nodes, node.urls) == ("n2", "backup", ("n1", "n2", "n3", "n4"), made.urls)
    assert (node.replicas, node.task_lease_s, node.home, node.credentials) == (
        3,
        7.0,
        Path("/h/home"),
        tmp_path / "credentials.json",
    )
    (tmp_path / "server.json").write_bytes(orjson.dumps(made.server("n2")))
    spec = spec_of(tmp_path / "server.json")
    assert (spec.host, spec.address, len(spec.peers), spec.cert is not None) == (host, hosts["n2"], 3, made.has_tls)
    assert made.server("n4") is None


def test_nodes_are_told_what_each_may_have_where_that_differs(tmp_path: Path) -> None:
    for extra, wanted in (("", {}), (", agents: 1_000", {"n1": 2_500, "n2": 1_000})):
        made = lay_out(
            cluster(tmp_path, ["{id: n1, address: a, role: primary}", f"{{id: n2, address: b{extra}}}"]), FAR, FAR, ()
        )
        (tmp_path / "node.json").write_bytes(orjson.dumps(made.node(made.cluster.nodes[0], "/h/home")))
        node = read_node_file(tmp_path / "node.json")
        assert (node.agents, node.weights) == (2_500, wanted)


def test_all_certificates_of_servers_are_believed_and_a_missing_one_is_named(tmp_path: Path) -> None:
    made = lay_out(cluster(tmp_path, FOUR), FAR, list(FAR), ())
    assert made.bundle({"n1": "1", "n2": "2", "n3": "3"}) == "321"
    with pytest.raises(Unavailable, match=re.escape("the server on n1 is not known")):
        made.bundle({"n2": "2", "n3": "3"})
    assert lay_out(made.cluster, NEAR, list(FAR), ()).bundle({}) is None
