"""`engine cluster sprint` on two hosts: placed through a node, done on both, looked at through any that answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.clusters import write
from tests.support.commands import Commands
from tests.support.nodes import MAKER
from tests.support.sshhosts import Hosts
from tests.support.tinywheels import tiny
from tests.support.voyages import OLD, backlog, hook

#: Two engines, a server, gateways and drivers share a small machine with other tests.
pytestmark = pytest.mark.timeout(400)

ITEMS = 12


def two(engine: Commands, there: Hosts, folder: Path) -> list[Path]:
    """Two hosts that are one cluster, with agents that make files; the folders of the nodes."""
    made = [there.add() for _ in range(2)]
    for at, host in enumerate(made):
        host.home = folder / f"h{at}"
        host.home.mkdir()
    timing = {"heartbeat_s": 0.5, "suspicious_s": 2, "offline_s": 4, "leader_lease_s": 3, "leader_check_s": 0.5}
    write(engine, there, [host.port for host in made], more={"timing": timing})
    done = engine("cluster", "up", "--wheelhouse", str(tiny(folder / "wheels")), timeout_s=200)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "code").mkdir()
    (folder / "code" / "maker.py").write_text(MAKER)
    words = ("cluster", "spawn", "--use", "maker:Maker", "--path", str(folder / "code"), "--count", "20")
    spawned = engine(*words)
    assert spawned.returncode == 0, spawned.stdout + spawned.stderr
    return [folder / f"h{at}" / "c" for at in range(2)]


def test_a_backlog_is_placed_worked_on_and_shown(engine: Commands, there: Hosts, tmp_path: Path) -> None:
    file = tmp_path / "app.json"
    row = backlog(tmp_path, ITEMS, [hook(tmp_path)])
    try:
        nodes = two(engine, there, tmp_path)
        file.write_text(json.dumps(row | {"roles": {"maker": {"kind": "stranger", "agents": 1}}}))
        refused = engine("cluster", "sprint", "run", str(file), timeout_s=100)
        assert (refused.returncode, "no node has agents of the kind stranger" in refused.stderr) == (2, True), refused.stderr

        file.write_text(json.dumps(row))
        done = engine("cluster", "sprint", "run", str(file), "--json", timeout_s=200)
        assert done.returncode == 1, done.stderr  # some items have no evidence
        told = json.loads(done.stdout)
        [sprint] = told["sprints"]
        assert (told["error"], sprint["phase"], sprint["verdicts"]) == (None, "ended", {"done": ITEMS, "unproven": 1 + OLD})
        [release] = sprint["releases"]
        assert (tmp_path / "ships").read_text().split() == [release["release"]]
        files = [node / "releases" / "current" / "files" for node in nodes]
        assert [len(list(one.iterdir())) for one in files if one.exists()] == [ITEMS]

        listed = json.loads(engine("cluster", "sprint", "ls", "--json", timeout_s=100).stdout)
        assert listed["sprints"] == [sprint]
        shown = engine("cluster", "sprint", "show", sprint["id"], timeout_s=100)
        assert "claimed: unproven, it answered and had no effect" in shown.stdout
        unknown = engine("cluster", "sprint", "settle", sprint["id"], timeout_s=100)
        assert (unknown.returncode, sprint["id"] in unknown.stderr) == (2, True)
        assert engine("cluster", "sprint", "mend", timeout_s=100).returncode == 2

        left = row | {"tasks": [task for task in row["tasks"] if task["method"] != "claim"]}
        file.write_text(json.dumps(left | {"name": "app"}))
        again = engine("cluster", "sprint", "run", str(file), timeout_s=200)
        assert (again.returncode, again.stdout) == (0, "nothing of app is left to do\n"), again.stderr
        stats = json.loads(engine("cluster", "stats", "--json").stdout)["fabric"]
        assert stats["driver"]["node"] in ("n1", "n2")
    finally:
        stopped = engine("cluster", "stop", "--emergency", timeout_s=200)
    assert stopped.returncode == 0, stopped.stderr
