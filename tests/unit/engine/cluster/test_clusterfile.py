"""What a cluster.yaml may say, and where it is named if it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cluster.clusterfile import read_cluster
from engine.cluster.node import Address, Node, chosen, parse_address
from engine.errors import ConfigError, exit_code

TWO = "nodes:\n  - {id: n1, address: a, role: primary}\n"


def read(folder: Path, text: str) -> object:
    file = folder / "cluster.yaml"
    file.write_text(text)
    return read_cluster(file)


def test_a_file_says_nodes_and_how_they_are_reached(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    (tmp_path / "cluster.yaml").write_text(
        "name: shop\nssh: {identity: key, connect_timeout_s: 3, command_timeout_s: 2m}\nnodes:\n"
        "  - {id: n1, address: 'ada@10.0.0.1:2222', role: primary}\n"
        "  - {id: n2, address: h2, agents: 10_000, cpu: 50%, ram: 2GB, capabilities: [gpu, audit, gpu]}\n"
    )
    cluster = read_cluster(tmp_path / "cluster.yaml")
    assert (cluster.name, cluster.folder) == ("shop", "~/.local/share/engine/cluster/shop")
    assert cluster.ssh.identity == tmp_path / "key"
    assert (cluster.ssh.connect_timeout_s, cluster.ssh.command_timeout_s) == (3.0, 120.0)
    assert cluster.nodes == (
        Node("n1", Address("10.0.0.1", "ada", 2222), "primary", 2_500, line=4),
        Node("n2", Address("h2"), "worker", 10_000, "50%", 2_000_000_000, ("gpu", "audit"), line=5),
    )


@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        (TWO + "  - {id: n2, address: b, role: wroker}\n", 3, "nodes[1].role", "did you mean worker?"),
        (TWO + "  - {id: n1, address: b}\n", 3, "nodes[1].id", "id of another node, in line 2"),
        (TWO + "  - {id: n2, address: a}\n", 3, "nodes[1].address", "the address of n1 too"),
        (TWO + "  - {id: n2, address: b, role: primary}\n", 3, "nodes", "a second primary"),
        (TWO + "  - {id: n2}\n", 3, "nodes[1]", "has its address"),
        (TWO + "  - {id: N2, address: b}\n", 3, "nodes[1].id", "is no id"),
        (TWO + "  - {id: n2, address: 'b:70000'}\n", 3, "nodes[1].address", "no port"),
        (TWO + "  - {id: n2, address: '-oProxyCommand=x'}\n", 3, "nodes[1].address", "no address"),
        (TWO + "  - {id: n2, address: b, ramm: 1GB}\n", 3, "nodes[1].ramm", "did you mean 'ram'?"),
        (TWO + "  - {id: n2, address: b, ram: many}\n", 3, "nodes[1].ram", "many"),
        (TWO + "  - {id: n2, address: b, agents: 0}\n", 3, "nodes[1].agents", "between 1"),
        (TWO + "  - {id: n2, address: b, capabilities: gpu}\n", 3, "nodes[1].capabilities", "is a list"),
        (TWO + "  - {id: n2, address: b, host: 'a/b'}\n", 3, "nodes[1].host", "is no host"),
        ("nats: {prot: 1}\n" + TWO, 1, "nats.prot", "did you mean 'port'?"),
        ("nats: {port: 70000}\n" + TWO, 1, "nats.port", "is no port"),
        ("nats: {servers: 2}\n" + TWO, 1, "nats.servers", "neither 1 nor 3"),
        ("nats: 4222\n" + TWO, 1, "nats", "is a mapping"),
        ("nats: {ca: x}\n" + TWO, 1, "nats.ca", "servers of your own"),
        ("nats: {url: 'nats://h:1', port: 1}\n" + TWO, 1, "nats.port", "there is a url"),
        ("nats: {url: 'nats://me:secret@h:1'}\n" + TWO, 1, "nats.url", "secrets stand apart"),
        ("nats: {url: []}\n" + TWO, 1, "nats.url", "is one, or a list"),
        ("nats: {url: 'tls://h:1', credentials: nowhere}\n" + TWO, 1, "nats.credentials", "there is no file"),
        ("nats: {url: 'nats://h:99999'}\n" + TWO, 1, "nats.url", "is no address of a server"),
        ("nats: {url: 'nats://::::'}\n" + TWO, 1, "nats.url", "is no address of a server"),
        ("nats: {url: 'tls://h:1', ca: cluster.yaml}\n" + TWO, 1, "nats.ca", "has no certificate"),
        ("nats: {url: 'tls://h:1', key: cluster.yaml}\n" + TWO, 1, "nats.key", "nats.cert, which is missing"),
        ("nats: {url: 'tls://h:1', credentials: cluster.yaml}\n" + TWO, 1, "nats.credentials", "is open to others"),
        ("nats: {servers: 3}\n" + TWO, 1, "nats.servers", "there is 1"),
        ("nats: {port: 5000, peer_port: 5000}\n" + TWO, 1, "nats", "1 apart"),
        (
            "nats: {port: 65534}\n" + TWO + "  - {id: n2, address: b}\n  - {id: n3, address: c}\n",
            1,
            "nats",
            "are up to 65,533, and 3 apart",
        ),
        (TWO + "  - {id: n2, address: b, ram: 1}\n", 3, "nodes[1].ram", "is less than one worker needs"),
        (TWO + "  - {id: n2, address: b, capabilities: [any]}\n", 3, "nodes[1].capabilities", "every node can"),
        ("ssh: {identity: cluster.yaml}\n" + TWO, 1, "ssh.identity", "is no key of ssh"),
        ("timing: {heartbeats: 1}\n" + TWO, 1, "timing.heartbeats", "no such key"),
        ("timing: {heartbeat_s: 40}\n" + TWO, 1, "timing", "seconds grow"),
        ("timing: {leader_check_s: 8}\n" + TWO, 1, "timing", "below half of lease_s"),
        (TWO + "  - n2\n", 3, "nodes[1]", "is a mapping"),
        ("nodes:\n  - {id: n1, address: a}\n", 2, "nodes", "no node has the role primary"),
        ("name: x\n", None, "nodes", "a cluster has nodes"),
        ("name: x!\n" + TWO, 1, "name", "is not a name"),
        ("folder: here\n" + TWO, 1, "folder", "no folder for every node"),
        ("folder: '~/a;b'\n" + TWO, 1, "folder", "no folder for every node"),
        ("folder: /a/../b\n" + TWO, 1, "folder", "no folder for every node"),
        ("ssh: {identity: nowhere}\n" + TWO, 1, "ssh.identity", "there is no file"),
        ("ssh: {connect_timeout_s: 0}\n" + TWO, 1, "ssh.connect_timeout_s", "not above 0"),
        ("ssh: {password: x}\n" + TWO, 1, "ssh.password", "there is no such key"),
        ("pools: nowhere.yaml\n" + TWO, 1, "pools", "there is no file"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_key(tmp_path: Path, text: str, line: int | None, key: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text)
    assert (refused.value.line, refused.value.key) == (line, key)
    assert said in str(refused.value)
    assert exit_code(refused.value) == 2


def test_the_pools_of_every_node_are_read_before_any_host_is_asked(tmp_path: Path) -> None:
    (tmp_path / "pools.yaml").write_text("agents: 5\nfoo: [1\n")
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, "pools: pools.yaml\n" + TWO)
    assert f"{tmp_path}/pools.yaml:" in str(refused.value)
    (tmp_path / "pools.yaml").write_text("agents: 5\npools: {p1: {agents: 5, cpu: 64}}\n")
    read(tmp_path, "pools: pools.yaml\n" + TWO)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("h", Address("h")),
        ("ada@h", Address("h", "ada")),
        ("h:22", Address("h", None, 22)),
        ("ada@[::1]:2222", Address("::1", "ada", 2222)),
        ("[fe80::1%eth0]", Address("fe80::1%eth0")),
    ],
)
def test_an_address_is_read_and_written_alike(text: str, meant: Address) -> None:
    assert parse_address(text) == meant
    assert str(meant) == text


@pytest.mark.parametrize("text", ["", "@h", "a b", "h:", "h:0", "h:x", "[::1", "[h]", "a@b@c;d", "-x", "-u@h", "h/..", "h\n"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_address(text)


NODES = [Node(f"n{at}", Address(f"h{at}"), "primary" if at == 1 else "worker", 10) for at in range(1, 6)]


@pytest.mark.parametrize(
    ("text", "ids"),
    [(None, "12345"), ("n2", "2"), ("n5,n1", "15"), ("n[2-4]", "234"), ("@worker,n1", "12345"), ("n1,n[1-2],n1", "12")],
)
def test_nodes_are_named_by_lists_ranges_and_roles(text: str | None, ids: str) -> None:
    assert [node.id for node in chosen(NODES, text)] == [f"n{one}" for one in ids]


@pytest.mark.parametrize("text", ["n6", "", "n[4-2]", "n[1-9]", "n[1-999999999]", "@backup", "@boss", "n[01-02]"])
def test_nodes_that_there_are_not_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        chosen(NODES, text)
