"""The cluster on real sshd, each as a host of its own: two in short, and what takes longer than a run of all tests may."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clusters import write
from tests.support.commands import Commands
from tests.support.processes import ended_within
from tests.support.sshd import Sshd, sshd, why_not
from tests.support.tinywheels import tiny

#: Set by `make cluster-test`.
VARIABLE = "ENGINE_CLUSTER_TEST"
WHY_NOT = why_not()
TOO_LONG = WHY_NOT or ("" if VARIABLE in os.environ else "it takes a minute: make cluster-test")

pytestmark = [pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "-"), pytest.mark.timeout(600)]
longer = pytest.mark.skipif(bool(TOO_LONG), reason=TOO_LONG or "-")


class Files:
    """What `write` asks of hosts."""

    def __init__(self, folder: Path) -> None:
        self.identity = folder / "id"
        self.known = folder / "known_hosts"


@pytest.fixture
def nodes(engine: Commands) -> Iterator[list[Sshd]]:
    with sshd(engine.folder, 2) as made:
        write(engine, Files(engine.folder), [one.port for one in made], user="root")
        try:
            yield made
        finally:
            engine("cluster", "stop", "--emergency")


def joined(engine: Commands, nodes: list[Sshd], servers: list[str]) -> list[int]:
    """See that two nodes are one cluster, which does tasks; returns the processes that join them."""
    fabric = engine.document("cluster", "stats")["fabric"]
    assert {node: member["state"] for node, member in fabric["members"].items()} == {"n1": "online", "n2": "online"}
    assert fabric["leader"]["node"] in ("n1", "n2")
    assert engine("cluster", "spawn", "--count", "20", timeout_s=200).returncode == 0
    engine.file("tasks.jsonl", *[{"kind": "counter", "method": "add", "args": [1]}] * 500)
    sums = json.loads(engine("cluster", "run", "tasks.jsonl", "--json", timeout_s=200).stdout)
    assert (sums["way"], sums["sent"], sums["ok"], sum(sums["by_node"].values())) == ("fabric", 500, 500, 500)
    processes = engine.document("cluster", "ps")["fabric"]
    wanted = {(node, name) for node in ("n1", "n2") for name in ("attendant", "gateway", "driver")} | {
        (node, "server") for node in servers
    }
    assert {(one["node"], one["process"]) for one in processes} == wanted
    for node in nodes:
        assert (node.home / "c" / "credentials.json").stat().st_mode & 0o777 == 0o600
    return [one["pid"] for one in processes]


def test_two_hosts_are_joined_do_tasks_and_leave_nothing_behind(engine: Commands, nodes: list[Sshd], tmp_path: Path) -> None:
    wheels = str(tiny(tmp_path / "wheels"))
    done = engine("cluster", "up", "--wheelhouse", wheels, "--json", timeout_s=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["fabric"]["servers"] == ["n1"]
    pids = joined(engine, nodes, ["n1"])
    stopped = engine("cluster", "stop", "--json", timeout_s=200)
    assert stopped.returncode == 0, stopped.stderr
    assert ended_within(pids, 20)
    assert all(node.sessions_end(within_s=20) for node in nodes)


@longer
def test_two_bare_hosts_are_brought_up_and_typed_again_nothing_changes(engine: Commands, nodes: list[Sshd]) -> None:
    done = engine("cluster", "up", "--json", timeout_s=200)
    assert done.returncode == 0, done.stderr
    up = json.loads(done.stdout)
    assert [(node["is_installed"], node["is_started"]) for node in up["nodes"]] == [(True, True)] * 2
    assert {node["version"] for node in up["nodes"]} == {up["version"]}
    assert all(abs(node["skew_s"]) < 30 for node in up["nodes"])

    stats = engine.document("cluster", "stats")
    pids = [node["stats"]["pid"] for node in stats["by_node"]]
    for node, pid in zip(nodes, pids, strict=True):
        root = node.home / "c"
        assert str(root / "versions" / up["version"] / "lib") in Path(f"/proc/{pid}/maps").read_text()
        assert root.stat().st_mode & 0o777 == 0o700
        assert "agents: 210\n" in (root / "pools.yaml").read_text()

    again = json.loads(engine("cluster", "up", "--json", timeout_s=200).stdout)
    told = [(node["is_installed"], node["is_started"], node["copied_bytes"]) for node in again["nodes"]]
    assert told == [(False, False, 0)] * 2
    assert [node["stats"]["pid"] for node in engine.document("cluster", "stats")["by_node"]] == pids

    alive = joined(engine, nodes, ["n1"])

    # What a command that was killed left is gone on with: a wheel that is there in part, and an environment that is not whole.
    assert engine("cluster", "stop").returncode == 0
    assert ended_within([*pids, *alive], 20)
    root = nodes[0].home / "c"
    (root / "versions" / up["version"] / "whole").unlink()
    wheel = max((root / "wheels").iterdir(), key=lambda file: file.stat().st_size)
    size, half = wheel.stat().st_size, wheel.stat().st_size // 2
    (root / "wheels" / f"{hashlib.sha256(wheel.read_bytes()).hexdigest()}.part").write_bytes(wheel.read_bytes()[:half])
    wheel.unlink()
    mended = json.loads(engine("cluster", "up", "--json", timeout_s=200).stdout)["nodes"]
    assert [(node["is_installed"], node["copied_bytes"]) for node in mended] == [(True, size - half), (False, 0)]
    assert sum(node["agents"] for node in engine.document("cluster", "spawn", "--count", "20")["nodes"]) == 20
    stats = engine.document("cluster", "stats")
    assert (stats["agents"]["kinds"], len(stats["versions"])) == ({"counter": 20}, 1)
    pids = [node["stats"]["pid"] for node in stats["by_node"]]
    assert engine("cluster", "stop", "--emergency").returncode == 0
    assert ended_within(pids, 20)
    words = [
        "env",
        f"ENGINE_HOME={root / 'home'}",
        str(root / "current" / "bin" / "engine"),
        "--name",
        "swarm",
        "doctor",
        "--json",
    ]
    doctor = json.loads(
        json.loads(engine("cluster", "exec", "--nodes", "n1", "--json", "--", *words).stdout)["nodes"][0]["out"]
    )
    assert {check["verdict"] for check in doctor["checks"] if check["name"] in ("daemon", "socket", "fabric")} <= {"ok"}
    assert "no engine 'swarm' runs" in str(doctor["checks"])


@longer
def test_exec_on_20_real_hosts_leaves_nothing_running_behind(engine: Commands, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    with sshd(folder, 20) as made:
        (folder / "known_hosts").write_text("".join(one.line() for one in made if one is not made[11]))
        (folder / "h2" / "keys").write_text("")
        write(engine, Files(folder), [one.port for one in made], user="root")
        script = "import os, sys, time; print(1, flush=True); time.sleep(600 if os.environ['HOME'].endswith('/h7/home') else 0)"
        words = ["exec", "-j", "4", "--timeout", "15s", "--json", "--", "python3", "-c", script]
        done = engine("cluster", *words, timeout_s=200)
        assert done.returncode == 1, done.stderr
        told = {node["node"]: node["state"] for node in json.loads(done.stdout)["nodes"]}
        bad = {node: state for node, state in told.items() if state != "done"}
        assert bad == {"n3": "refused", "n8": "timeout", "n12": "untrusted"}
        assert len(told) - len(bad) == 17
        assert made[7].sessions_end(within_s=20)
