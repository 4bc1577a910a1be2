"""The attendant of a node: what cannot run is given up with the reason, and nothing outlives its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.cluster import fabriconnode
from engine.cluster.checkup import check_fabric
from tests.support.commands import ROOT
from tests.support.fabric import free_ports, secret
from tests.support.processes import ended_within

pytestmark = pytest.mark.timeout(300)

ENVIRON = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}


def until(is_so: Callable[[], bool], within_s: float = 90.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


#: Runs a hook that goes on without it.
HOOKED = """
import json, sys
from sprints.hook import Hook
from sprints.leash import run_leashed
run_leashed(Hook(tuple(json.loads(sys.argv[2]))), sys.argv[1], {}, word=sys.argv[3])
"""


class Folder:
    """The folder of a node whose engine does not run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        secret(root).rename(root / "credentials.json")
        [self.port] = free_ports(1)
        self.put("server.json", name="n1", cluster="c", folder="server", port=self.port, credentials="credentials.json")
        self.node = {"id": "n1", "cluster": "c", "nodes": ["n1"], "urls": [f"nats://127.0.0.1:{self.port}"]}
        self.node |= {"credentials": "credentials.json", "engine": {"name": "swarm", "home": str(root / "home")}}
        self.put("node.json", **self.node)

    def put(self, file: str, **facts: Any) -> None:
        (self.root / file).write_bytes(orjson.dumps(facts))

    def start(self, module: str, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-P", "-m", f"engine.cluster.{module}", *words], env=ENVIRON)

    def hook(self) -> subprocess.Popen[bytes]:
        """A hook that was begun by a driver which is killed at once, with something that it has started."""
        command = ["sh", "-c", "(setsid sleep 1000 & echo $! >> all); echo $$ >> all; mv all pids; sleep 1000"]
        words = [str(self.root), orjson.dumps(command).decode(), str(self.root / "hooks" / "sp-20261121-001-7-0")]
        driver = subprocess.Popen([sys.executable, "-P", "-c", HOOKED, *words], env=ENVIRON)
        until(lambda: (self.root / "pids").exists())
        driver.kill()
        return driver

    def ward(self, name: str) -> dict[str, Any]:
        told = fabriconnode.document_of(self.root / "attendant.json") or {}
        return dict(told.get(name) or {})

    def check(self) -> tuple[str, str]:
        [found] = check_fabric({"ENGINE_HOME": str(self.root / "home")})
        return found.verdict, found.said

    def leave(self, *, is_emergency: bool = False) -> dict[str, Any]:
        return fabriconnode.leave({"root": str(self.root), "is_emergency": is_emergency})


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    made.leave(is_emergency=True)


def test_what_cannot_run_is_given_up_with_its_reason_and_runs_once_that_is_mended(folder: Folder) -> None:
    folder.put("node.json", **folder.node, role="nobody")
    detached = folder.start("attendant", str(folder.root), "--detach")
    assert detached.wait(timeout=60) == 0
    until(lambda: folder.ward("gateway").get("state") == "given up" and (folder.root / "server" / "serving.json").exists())
    assert "role: primary or worker or backup is expected" in folder.ward("gateway")["said"]
    assert folder.check()[0] == "bad"
    waited = fabriconnode.wait({"root": str(folder.root), "within_s": 60.0})
    assert (waited["joined"], "is expected" in waited["reason"]) == (None, True)
    server = folder.ward("server")["pid"]

    folder.put("node.json", **folder.node)
    pid = fabriconnode.attendant_of(folder.root)
    assert pid
    os.kill(pid, signal.SIGHUP)
    until(lambda: "not joined: NotRunning" in folder.ward("gateway").get("said", ""))
    assert folder.ward("server")["pid"] == server
    assert folder.check()[0] == "warn"

    second = folder.start("attendant", str(folder.root))
    assert second.wait(timeout=60) != 0
    assert fabriconnode.attendant_of(folder.root) == pid

    pids = [
        pid,
        server,
        folder.ward("gateway")["pid"],
        folder.ward("driver")["pid"],
        json.loads((folder.root / "server" / "serving.json").read_text())["pid"],
    ]
    assert fabriconnode.left_over(folder.root) == sorted(pids)
    os.kill(pid, signal.SIGSTOP)  # also one that stands still ends all in order
    assert folder.leave() == {"was_running": True, "left_over": []}
    assert ended_within(pids, 20)
    assert (folder.root / "attendant.log").read_text().endswith("the attendant ends\n")
    assert folder.check() == ("ok", f"nothing of it runs from {folder.root}")
    assert folder.leave() == {"was_running": False, "left_over": []}


def test_what_runs_without_an_attendant_is_found_and_ended(folder: Folder) -> None:
    strays = [folder.start("server", str(folder.root / "server.json")), folder.start("gateway", str(folder.root / "node.json"))]
    hook, pids = folder.hook(), folder.root / "pids"
    try:
        until(lambda: (folder.root / "server" / "serving.json").exists() and pids.exists())
        (folder.root / "fabric.json").write_text("{}")
        verdict, said = folder.check()
        assert verdict == "bad"
        assert all(str(stray.pid) in said for stray in strays)
        nats = json.loads((folder.root / "server" / "serving.json").read_text())["pid"]
        assert set(folder.leave()["left_over"]) >= {*(stray.pid for stray in strays), nats}
        assert ended_within([nats, *map(int, pids.read_text().split())], 20)
        assert folder.check()[0] == "ok"
    finally:
        for stray in (*strays, hook):
            stray.kill()
            stray.wait(timeout=20)


def test_a_second_server_at_a_port_is_given_up_and_a_port_of_ones_own_is_free(folder: Folder) -> None:
    order = {"root": str(folder.root), "host": "127.0.0.1", "ports": [folder.port]}
    assert fabriconnode.ports(order) == {"taken": []}
    attendant = folder.start("attendant", str(folder.root))
    try:
        until(lambda: (folder.root / "server" / "serving.json").exists())
        assert fabriconnode.ports(order) == {"taken": []}
        other = folder.root / "other"
        other.mkdir()
        assert fabriconnode.ports(order | {"root": str(other)}) == {"taken": [folder.port]}
        twin = Folder(other)
        twin.put("server.json", name="n1", cluster="c", folder="server", port=folder.port, credentials="credentials.json")
        second = twin.start("attendant", str(other))
        try:
            until(lambda: twin.ward("server").get("state") == "given up")
            assert "address already in use" in twin.ward("server")["said"]
        finally:
            twin.leave(is_emergency=True)
            second.wait(timeout=20)
    finally:
        folder.leave(is_emergency=True)
        attendant.wait(timeout=20)
