"""Four hosts on a network of their own are one swarm of ten thousand agents: an audit, a sprint, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

from examples.audit import source
from examples.audit.inspection import inspect
from tests.support.commands import ROOT, Commands
from tests.support.lan import Lan, lan, why_not

REASON = why_not() if os.environ.get("ENGINE_CLUSTER_TEST") else "it takes some minutes: make cluster-test"

pytestmark = [pytest.mark.skipif(bool(REASON), reason=REASON or "-"), pytest.mark.timeout(600)]

#: The modules that are audited, and how many of them again as a sprint.
MODULES = sorted(Path(asyncio.__file__).parents[1].glob("[a-e]*/*.py"))[:200]
SHIPPED = 40
JUDGE = """
import json
import os
from pathlib import Path

from engine import Agent
from examples.audit import source
from examples.audit.inspection import inspect


class Judge(Agent):
    judged: int = 0

    def judge(self, path: str, name: str) -> dict:
        inspection = inspect(source.read(Path(path)))
        self.judged += 1
        place = Path(os.environ["ENGINE_HOME"]).parent / "work" / f"{name}.json"
        place.parent.mkdir(exist_ok=True)
        place.write_text(json.dumps([[one.line, one.code] for one in inspection.findings]))
        return {"lines": inspection.lines, "findings": len(inspection.findings)}
"""


def audited(module: Path) -> dict[str, int]:
    """What one process finds in a module."""
    read = source.read(module)
    assert isinstance(read, source.Source), module
    inspection = inspect(read)
    return {"lines": inspection.lines, "findings": len(inspection.findings)}


def prepare(engine: Commands, net: Lan) -> None:
    """The cluster's file, the code of its agents, the tasks and the backlog."""
    nodes = [
        {"id": f"n{at}", "address": f"root@{host.address}", "role": "worker" if at > 1 else "primary", "agents": 2500}
        for at, host in enumerate(net.hosts, 1)
    ]
    ssh = {"identity": str(net.identity), "known_hosts": str(net.known)}
    (engine.folder / "cluster.yaml").write_text(json.dumps({"folder": "~/c", "ssh": ssh, "nodes": nodes}))
    code = engine.folder / "code"
    shutil.copytree(ROOT / "examples" / "audit", code / "examples" / "audit", ignore=shutil.ignore_patterns("__pycache__"))
    (code / "judge.py").write_text(JUDGE)
    rows = [{"kind": "judge", "method": "judge", "args": [str(module), f"m{at}"]} for at, module in enumerate(MODULES)]
    engine.file("tasks.jsonl", *rows)
    tasks = [
        {"id": f"m{at}", "role": "judge", "method": "judge", "args": [str(module), f"s{at}"], "artifacts": [f"s{at}.json"]}
        for at, module in enumerate(MODULES[:SHIPPED])
    ]
    roles = {"judge": {"kind": "judge", "agents": 8}}
    backlog = {"schema": "engine.backlog/v1", "name": "audit", "roles": roles, "tasks": tasks}
    (engine.folder / "audit.json").write_text(json.dumps(backlog))


def test_ten_thousand_agents_on_four_hosts_audit_and_ship(engine: Commands, tmp_path: Path) -> None:
    engine.environ["HOME"] = str(tmp_path)
    begun_s = time.monotonic()
    folder = tmp_path / "net"
    folder.mkdir()
    with lan(folder, 4) as net:
        prepare(engine, net)
        try:
            up = engine("cluster", "up", "-j", "4", "--json", timeout_s=280)
            assert up.returncode == 0, up.stdout + up.stderr
            assert len(json.loads(up.stdout)["fabric"]["servers"]) == 3
            words = ("--use", "judge:Judge", "--path", str(engine.folder / "code"), "--count", "10000")
            spawned = engine.document("cluster", "spawn", *words)
            stats = engine.document("cluster", "stats")
            assert stats["agents"]["kinds"] == {"judge": 10_000}, spawned
            assert all(2_150 < node["stats"]["agents"]["total"] < 2_850 for node in stats["by_node"])

            done = engine("cluster", "run", "tasks.jsonl", "--json", timeout_s=200)
            assert done.returncode == 0, done.stderr
            told = json.loads(done.stdout)
            found = [one["value"] for one in told["results"]]
            wanted = [audited(module) for module in MODULES]
            assert Counter(map(str, found)) == Counter(map(str, wanted))
            assert set(told["by_node"]) == {"n1", "n2", "n3", "n4"}

            shipped = engine("cluster", "sprint", "run", "audit.json", "--json", timeout_s=280)
            assert shipped.returncode == 0, shipped.stderr
            [sprint] = json.loads(shipped.stdout)["sprints"]
            assert sprint["verdicts"] == {"done": SHIPPED}
            kept = [host.home / "c" / "releases" / "current" / "files" for host in net.hosts]
            [files] = [one for one in kept if one.exists()]
            for at, module in enumerate(MODULES[:SHIPPED]):
                assert len(json.loads((files / f"s{at}.json").read_text())) == audited(module)["findings"]
            counted = engine.document("cluster", "stats")
            assert counted["tasks"]["done"] >= len(MODULES) + SHIPPED
            makers = {node["node"]: node["stats"]["tasks"]["done"] for node in counted["by_node"]}
            assert all(makers.values()), makers
        finally:
            stopped = engine("cluster", "stop", timeout_s=100)
        assert stopped.returncode == 0, stopped.stderr
        left = {host.address: [pid for pid in host.pids() if pid != host.sshd.process.pid] for host in net.hosts}
        assert not any(left.values()), left
    print(f"4 hosts, 3 servers, 10,000 agents: an audit by {makers} and a sprint in {time.monotonic() - begun_s:.0f} s")
