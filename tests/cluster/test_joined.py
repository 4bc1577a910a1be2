"""`engine cluster up` makes one cluster of nodes: begun once, kept up, gone on with, refused whole where it is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.cluster.placement import place
from tests.support.clusters import rows, write
from tests.support.commands import Commands
from tests.support.fabric import free_ports, secret, servers
from tests.support.processes import ended_within
from tests.support.sshhosts import Host, Hosts
from tests.support.tinywheels import tiny

#: Three engines, servers and gateways share a small machine with other tests.
pytestmark = pytest.mark.timeout(400)


def until(is_so: Callable[[], bool], within_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def up(engine: Commands, wheels: Path, *words: str, code: int = 0) -> dict[str, Any]:
    """What `up` says, its nodes by their ids."""
    done = engine("cluster", "up", "--wheelhouse", str(wheels), "--json", *words, timeout_s=200)
    assert done.returncode == code, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told | {"nodes": {node["node"]: node for node in told["nodes"]}}


def states(told: dict[str, Any]) -> list[str]:
    return [node["state"] for node in told["nodes"].values()]


def seen(engine: Commands, code: int = 0) -> dict[str, Any]:
    """What `stats` says of the fabric."""
    done = engine("cluster", "stats", "--json")
    assert done.returncode == code, done.stderr
    fabric: dict[str, Any] = json.loads(done.stdout)["fabric"]
    assert fabric["is_up"], fabric
    return fabric


def doctor(host: Host, engine: Commands) -> dict[str, Any]:
    """What the doctor finds of the fabric on a node."""
    found = engine("doctor", "--json", ENGINE_HOME=str(host.home) + "/c/home")
    [check] = [one for one in json.loads(found.stdout)["checks"] if one["name"] == "fabric"]
    return dict(check)


class Node:
    """The folder of the cluster on a host."""

    def __init__(self, host: Host) -> None:
        assert host.home is not None
        self.root = host.home / "c"

    def read(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.root / name).read_text())
        return document

    @property
    def pids(self) -> dict[str, int]:
        """The processes of the fabric there; without those that are between two starts."""
        told = self.read("attendant.json")
        found = {"attendant": told["pid"]} | {name: told[name]["pid"] for name in ("gateway", "server", "driver")}
        if (self.root / "server" / "serving.json").exists():
            found["nats"] = self.read("server/serving.json")["pid"]
        return {name: pid for name, pid in found.items() if pid}

    @property
    def joined(self) -> int | None:
        """The gateway that has joined."""
        file = self.root / "joined.json"
        return json.loads(file.read_text())["pid"] if file.exists() else None


def three(there: Hosts, folder: Path) -> list[Host]:
    made = [there.add() for _ in range(3)]
    for at, host in enumerate(made):
        host.home = folder / f"h{at}"
        host.home.mkdir()
    return made


def test_three_nodes_are_one_cluster_though_one_was_dead_at_first(engine: Commands, there: Hosts, tmp_path: Path) -> None:
    made = three(there, tmp_path)
    ports, dead = [host.port for host in made], there.closed_port()
    wheels = tiny(tmp_path / "wheels")
    alive: list[int] = []
    nodes: list[Node] = []
    try:
        write(engine, there, [*ports[:2], dead])
        begun = up(engine, wheels, code=1)
        assert states(begun) == ["unjoined", "unjoined", "unreachable"]
        assert "waits for n3" in begun["nodes"]["n1"]["reason"]
        assert [begun["nodes"][node]["is_started"] for node in ("n1", "n2")] == [True, True]

        write(engine, there, ports)
        told = up(engine, wheels)
        assert told["fabric"]["servers"] == ["n1", "n2", "n3"]
        assert told["fabric"]["replicas"] == 3
        nodes = [Node(host) for host in made]
        before = [node.pids for node in nodes]
        assert [set(pids) for pids in before] == [{"attendant", "driver", "gateway", "server", "nats"}] * 3
        secrets = [node.read("credentials.json") for node in nodes]
        assert secrets[0] == secrets[1] == secrets[2]
        for node in nodes:
            for name in ("node.json", "server.json", "credentials.json", "fabric.json", "attendant.log"):
                assert (node.root / name).stat().st_mode & 0o777 == 0o600
        assert not [line for host in made for line in host.heard if secrets[0]["password"] in line]

        # A host that dies later stops no other, and changes nothing.
        write(engine, there, [*ports[:2], dead])
        told = up(engine, wheels, code=1)
        assert states(told) == ["done", "done", "unreachable"]
        assert [told["nodes"][node]["changed"] for node in ("n1", "n2")] == [[], []]
        assert [node.pids for node in nodes] == before

        stats = seen(engine, code=1)
        assert stats["members"]["n3"]["state"] == "online"
        assert (stats["streams"]["tasks"]["replicas"], stats["superseded"]) == ({"wanted": 3, "there": 3}, 0)
        assert stats["leader"]["node"] in ("n1", "n2", "n3")
        ps = json.loads(engine("cluster", "ps", "--json").stdout)
        told = {(one["node"], one["process"]): (one["pid"], one["state"]) for one in ps["fabric"]}
        wanted = [(at, name) for at in (0, 1) for name in ("attendant", "server", "gateway", "driver")]
        assert told == {(f"n{at + 1}", name): (before[at][name], "running") for at, name in wanted}

        carried(engine)

        # What changed in the file restarts what it concerns.
        write(engine, there, ports, more={"timing": {"heartbeat_s": 0.4, "suspicious_s": 2, "offline_s": 4, "task_lease_s": 3}})
        told = up(engine, wheels)
        assert told["nodes"]["n2"]["changed"] == ["node.json"]
        for old, node in zip(before, nodes, strict=True):
            assert {name for name, pid in node.pids.items() if old[name] != pid} == {"driver", "gateway"}

        # Who is killed is started again; an attendant that is killed takes its own with it, and is found missing.
        for name in ("gateway", "nats", "server"):
            pids = nodes[1].pids
            os.kill(pids[name], signal.SIGKILL)
            until(lambda name=name, pid=pids[name]: nodes[1].pids.get(name, pid) != pid)  # type: ignore[misc]
        until(lambda: nodes[1].joined == nodes[1].pids["gateway"])
        assert "n2 has joined the cluster swarm" in doctor(made[1], engine)["said"]
        pids = nodes[1].pids
        os.kill(pids["attendant"], signal.SIGKILL)
        assert ended_within(list(pids.values()), 20)
        left = doctor(made[1], engine)
        assert (left["verdict"], "its engine was left: swarm runs and its keeper is pid" in left["said"]) == ("bad", True)
        told = up(engine, wheels, "--nodes", "n2")
        assert (told["nodes"]["n2"]["changed"], told["nodes"]["n2"]["is_attended_anew"]) == ([], True)

        watch = engine.start("cluster", "stats", "--watch", "0.3", "--json")
        assert watch.stdout is not None
        while not json.loads(watch.stdout.readline())["fabric"]["is_up"]:
            pass
        watch.send_signal(signal.SIGINT)
        assert watch.wait(timeout=30) == 130

        # Nodes of a cluster run the same.
        newer = tiny(tmp_path / "newer", "two")
        refused = engine("cluster", "up", "--wheelhouse", str(newer), "--nodes", "n2", "--json", timeout_s=200)
        assert refused.returncode == 2
        assert "nodes of a cluster run the same" in refused.stderr
        alive = [pid for node in nodes for pid in node.pids.values()]
    finally:
        write(engine, there, ports)
        stopped = engine("cluster", "stop", "--json", timeout_s=200)
    assert stopped.returncode == 0, stopped.stderr
    assert [node["was_joined"] for node in json.loads(stopped.stdout)["nodes"]] == [True] * 3
    assert ended_within(alive, 20)
    assert "nothing of it runs" in doctor(made[1], engine)["said"]
    assert not [
        name
        for node in nodes
        for name in ("joined.json", "attendant.json", "server/serving.json")
        if (node.root / name).exists()
    ]


def test_a_port_that_is_taken_is_named_before_anything_is_started(engine: Commands, there: Hosts, tmp_path: Path) -> None:
    host = one(there, tmp_path)
    [port] = rows(1)
    write(engine, there, [host.port], more={"nats": {"port": port, "peer_port": port + 2000}})
    with socket.create_server(("127.0.0.1", port)):
        refused = engine("cluster", "up", "--wheelhouse", str(tiny(tmp_path / "wheels")), "--json", timeout_s=200)
    assert refused.returncode == 2, refused.stdout
    assert f"n1 has a program at {port}" in refused.stderr
    root = host.home / "c"
    assert not {file.name for file in root.iterdir()} & {"current", "node.json", "credentials.json", "attendant.lock"}
    stopped = engine("cluster", "stop", "--json")
    assert json.loads(stopped.stdout)["nodes"][0]["was_running"] is False


def carried(engine: Commands) -> None:
    """Tasks flow to the nodes that have their kind, each is answered once, and what cannot be one is said of its line."""
    home = place("counter/0", ("n1", "n2", "n3"))
    assert engine("cluster", "spawn", "--nodes", "n1,n2", "--count", "8", timeout_s=100).returncode == 0
    tasks = [{"kind": "counter", "method": "add", "args": [1]}] * 250
    tasks += [
        {"agent": "counter/0", "method": "add", "args": [1], "id": "mine"},
        {"kind": "nobody", "method": "x", "id": "none"},
    ]
    unable = {"id": "gpu", "kind": "counter", "method": "add", "capability": "gpu"}
    engine.file("tasks.jsonl", *tasks, {"kind": "counter"}, "", "no task", unable)
    done = engine("cluster", "run", "tasks.jsonl", "--json", timeout_s=100)
    assert done.returncode == 1, done.stderr
    sums = json.loads(done.stdout)
    assert sums["way"] == "fabric"
    answers = {line["id"]: line for line in sums["results"] if "id" in line}
    assert [answers[at] for at in range(250) if not answers[at]["ok"]] == []
    assert {answers[at]["node"] for at in range(250)} <= {"n1", "n2"}
    assert answers["mine"]["node"] == home
    assert [answers[name]["error"]["type"] for name in ("none", "gpu")] == ["UnknownKind"] * 2
    assert sorted(line["line"] for line in sums["results"] if "line" in line) == [253, 255]
    assert (sums["sent"], sums["unanswered"], sums["bad_lines"]) == (255, 0, 2)
    stats = json.loads(engine("cluster", "stats", "--json").stdout)
    assert stats["tasks"]["done"] >= 250


def one(there: Hosts, tmp_path: Path) -> Host:
    host = there.add()
    host.home = tmp_path / "h"
    host.home.mkdir()
    return host


def test_between_hosts_of_a_network_servers_prove_who_they_are(engine: Commands, there: Hosts, tmp_path: Path) -> None:
    name = socket.gethostname()
    try:
        socket.getaddrinfo(name, None, socket.AF_INET)
    except OSError:
        pytest.skip(f"this machine does not find itself under its name {name}")
    host = one(there, tmp_path)
    write(engine, there, [host.port])
    document = json.loads((engine.folder / "cluster.yaml").read_text())
    document["nodes"][0]["host"] = name
    (engine.folder / "cluster.yaml").write_text(json.dumps(document))
    wheels = tiny(tmp_path / "wheels")
    try:
        told = up(engine, wheels)
        [url] = told["fabric"]["urls"]
        assert url.startswith(f"tls://{name}:")
        assert seen(engine)["leader"]["node"] == "n1"
        assert ((host.home or tmp_path) / "c" / "key.pem").stat().st_mode & 0o777 == 0o600
        assert up(engine, wheels)["nodes"]["n1"]["changed"] == []
    finally:
        assert engine("cluster", "stop", "--emergency").returncode == 0


async def test_servers_of_ones_own_are_joined_with_their_credentials_and_wrong_ones_start_nothing(
    engine: Commands, there: Hosts, tmp_path: Path
) -> None:
    host = one(there, tmp_path)
    wheels = tiny(tmp_path / "wheels")
    async with servers(tmp_path) as made:
        [server] = made
        right, wrong = server.spec.credentials, secret(tmp_path, "stranger")
        write(engine, there, [host.port], more={"nats": {"url": server.spec.url, "credentials": str(wrong)}})
        refused = await asyncio.to_thread(engine, "cluster", "up", "--wheelhouse", str(wheels), "--json", timeout_s=200)
        assert refused.returncode == 2, refused.stdout + refused.stderr
        assert "refuse these credentials" in refused.stderr
        root = tmp_path / "h" / "c"
        assert not {file.name for file in root.iterdir()} & {
            "current",
            "node.json",
            "credentials.json",
            "trial",
            "attendant.lock",
        }
        bare = server.spec.url.replace("nats:", "tls:")
        nobody = [f"nats://127.0.0.1:{free_ports(1)[0]}"]
        write(engine, there, [host.port], more={"nats": {"url": nobody}})
        refused = await asyncio.to_thread(engine, "cluster", "up", "--wheelhouse", str(wheels), "--json", timeout_s=200)
        assert refused.returncode == 3, refused.stdout + refused.stderr
        theirs = {"url": [server.spec.url], "credentials": str(right)}
        for more, said in (({"replicas": 3}, "replicas > 1 not supported"), ({"url": bare}, "offers no TLS")):
            write(engine, there, [host.port], more={"nats": theirs | more})
            refused = await asyncio.to_thread(engine, "cluster", "up", "--wheelhouse", str(wheels), "--json", timeout_s=200)
            assert (refused.returncode, said in refused.stderr) == (2, True), refused.stdout + refused.stderr
            assert not (root / "current").exists()
        write(engine, there, [host.port], more={"nats": theirs})
        try:
            told = await asyncio.to_thread(up, engine, wheels)
            assert told["fabric"] == {"servers": [], "urls": [server.spec.url], "replicas": 1}
            assert (await asyncio.to_thread(seen, engine))["leader"]["node"] == "n1"
            assert not (root / "server.json").exists()
        finally:
            assert (await asyncio.to_thread(engine, "cluster", "stop", "--emergency")).returncode == 0
