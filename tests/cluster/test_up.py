"""`engine cluster up`: nodes that have nothing get an engine, offline, and run it; what was cut off is gone on with."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.clusters import write
from tests.support.commands import Commands
from tests.support.processes import ended_within
from tests.support.sshhosts import Hosts
from tests.support.tinywheels import tiny

#: An engine, a server and a gateway share a small machine with other tests.
pytestmark = pytest.mark.timeout(400)


def up(engine: Commands, wheels: Path, code: int = 0) -> list[dict[str, Any]]:
    """What `up` says of each node."""
    done = engine("cluster", "up", "--wheelhouse", str(wheels), "--json", timeout_s=200)
    assert done.returncode == code, done.stdout + done.stderr
    nodes: list[dict[str, Any]] = json.loads(done.stdout)["nodes"]
    return nodes


def facts(node: dict[str, Any]) -> tuple[bool, bool]:
    return node["is_installed"], node["is_started"]


@pytest.mark.timeout(180)
def test_a_bare_host_is_brought_up_and_what_was_cut_off_is_gone_on_with(engine: Commands, there: Hosts, tmp_path: Path) -> None:
    host = there.add()
    host.home = tmp_path / "one"
    host.home.mkdir()
    write(engine, there, [host.port])
    wheels = tiny(tmp_path / "wheels")
    root = host.home / "c"
    try:
        (told,) = up(engine, wheels)
        assert facts(told) == (True, True)
        assert abs(told["skew_s"]) < 30
        version = told["version"]
        assert root.stat().st_mode & 0o777 == 0o700
        assert (root / "pools.yaml").read_text().startswith("agents: 210\npools:\n  node:\n    agents: 210\n")
        node = json.loads((root / "node.json").read_text())
        assert (node["id"], node["role"], node["engine"]) == ("n1", "primary", {"name": "swarm", "home": str(root / "home")})
        assert told["joined"] == json.loads((root / "joined.json").read_text())
        pids = fabric_of(root)
        assert engine.document("cluster", "spawn", "--count", "20")["nodes"][0]["agents"] == 20

        # Typed again it changes nothing.
        (told,) = up(engine, wheels)
        assert (*facts(told), told["copied_bytes"]) == (False, False, 0)
        assert (told["changed"], told["is_attended_anew"], fabric_of(root)) == ([], False, pids)

        # It is the node that it was: under no other id, and not as two.
        file = engine.folder / "cluster.yaml"
        text = file.read_text()
        renamed, twin = json.loads(text), json.loads(text)
        renamed["nodes"][0]["id"] = "m1"
        twin["nodes"].append(renamed["nodes"][0] | {"id": "n2", "role": "worker", "address": f"bob@127.0.0.1:{host.port}"})
        for document, said in (
            (renamed, "is the node n1, and has its agents"),
            (twin, "are the same folder on the same machine"),
        ):
            file.write_text(json.dumps(document))
            refused = engine("cluster", "up", "--wheelhouse", str(wheels), timeout_s=200)
            assert (refused.returncode, said in refused.stderr) == (2, True), refused.stdout + refused.stderr
            assert json.loads((root / "node.json").read_text()) == node
            assert fabric_of(root) == pids
        file.write_text(text)

        # What it may take is applied: its engine is started anew with it, and has its agents.
        (before,) = engine.document("cluster", "stats")["by_node"]
        file.write_text(text.replace('"agents": 100', '"agents": 900'))
        (told,) = up(engine, wheels)
        assert (*facts(told), told["needs_restart"]) == (False, True, False)
        assert ended_within([before["stats"]["pid"]], 20)
        assert engine.document("cluster", "stats")["agents"]["total"] == 20
        assert engine.document("cluster", "spawn", "--count", "700")["nodes"][0]["agents"] == 700
        assert facts(up(engine, wheels)[0]) == (False, False)
        pids = fabric_of(root)

        # What was copied wrongly is refused, and copied anew; what is there in part, as a command that was killed leaves it,
        # is gone on with. Another build stops the engine, keeps its agents, and is started in its place.
        newer = tiny(tmp_path / "newer", "two")
        content = next(newer.glob("microagent*.whl")).read_bytes()
        part = root / "wheels" / f"{hashlib.sha256(content).hexdigest()}.part"
        part.write_bytes(b"x" * 100)
        (before,) = engine.document("cluster", "stats")["by_node"]
        assert "copied wrongly" in up(engine, newer, code=1)[0]["reason"]
        part.write_bytes(content[:100])
        (told,) = up(engine, newer)
        assert (*facts(told), told["copied_bytes"]) == (True, True, len(content) - 100)
        assert told["version"] != version
        assert ended_within([before["stats"]["pid"]], 20)
        assert engine.document("cluster", "stats")["agents"]["total"] == 700
        assert len(list((root / "versions").iterdir())) == 2
        assert (root / "current").readlink().name == told["version"]
        assert ended_within(list(pids.values()), 20)
        assert set(pids.values()).isdisjoint(fabric_of(root).values())
        pids = fabric_of(root)
    finally:
        stopped = engine("cluster", "stop", "--emergency")
    assert stopped.returncode == 0, stopped.stderr
    assert ended_within(list(pids.values()), 20)


def fabric_of(root: Path) -> dict[str, int]:
    """The processes of the fabric on a node."""
    told = json.loads((root / "attendant.json").read_text())
    serving = json.loads((root / "server" / "serving.json").read_text())
    return {
        "attendant": told["pid"],
        "gateway": told["gateway"]["pid"],
        "driver": told["driver"]["pid"],
        "server": told["server"]["pid"],
        "nats": serving["pid"],
    }


def test_a_host_without_python_is_named_with_the_mend(engine: Commands, there: Hosts, tmp_path: Path) -> None:
    host = there.add()
    host.home = tmp_path / "none"
    write(engine, there, [host.port])
    (tmp_path / "empty").mkdir()
    refused = engine("cluster", "up", "--wheelhouse", str(tmp_path / "empty"))
    assert refused.returncode == 2
    assert "pip wheel -w" in refused.stderr
    assert host.heard == []
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("sh", "env", "printenv"):
        (commands / name).symlink_to(str(shutil.which(name)))
    there.path = str(commands)
    (node,) = up(engine, tiny(tmp_path / "wheels"), code=1)
    assert (node["state"], node["reason"]) == ("unfit", "there is no python3")
    assert not host.home.exists()


def test_who_is_cut_off_before_it_was_started_has_not_joined(engine: Commands, there: Hosts, tmp_path: Path) -> None:
    made = [there.add(), there.add()]
    for at, host in enumerate(made):
        host.home = tmp_path / f"h{at}"
        host.home.mkdir()
    write(engine, there, [host.port for host in made])
    running = engine.start("cluster", "up", "--wheelhouse", str(tiny(tmp_path / "wheels")), "-j", "1")
    assert running.stderr is not None
    while b"prepared" not in (line := running.stderr.readline()):
        assert line
    running.send_signal(signal.SIGINT)
    out = running.communicate(timeout=60)[0].decode()
    assert running.returncode == 130
    assert [line.split()[2] for line in out.splitlines()[1:3]] == ["interrupted", "interrupted"]
    assert "0 nodes joined" in out
