"""The doctor on a node looks at that node's engine, and finds one that was left."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from engine.cluster.checkup import check_fabric, engine_at


def node(root: Path, name: str = "swarm") -> dict[str, str]:
    """The folder of a cluster with an engine that was started once; the environment of who looks at it."""
    root.chmod(0o700)
    (root / "current").symlink_to("versions/1")
    (root / "pools.yaml").write_text("agents: 5\npools: {node: {agents: 5}}\n")
    (root / "home" / "run" / name).mkdir(parents=True)
    for folder in (root / "home", root / "home" / "run", root / "home" / "run" / name):
        folder.chmod(0o700)
    (root / "home" / "run" / name / "daemon.lock").touch()
    return {"ENGINE_HOME": str(root / "home")}


def test_the_engine_of_a_node_is_known_from_its_folder(tmp_path: Path) -> None:
    assert engine_at({"ENGINE_HOME": str(tmp_path / "home")}) is None
    environ = node(tmp_path)
    assert engine_at(environ) == ("swarm", tmp_path / "pools.yaml")
    (tmp_path / "node.json").write_text(json.dumps({"engine": {"name": "other"}}))
    assert engine_at(environ) == ("other", tmp_path / "pools.yaml")
    assert engine_at({}) is None


def test_an_engine_that_was_left_is_found(tmp_path: Path) -> None:
    environ = node(tmp_path)
    (tmp_path / "fabric.json").write_text("{}")
    assert [check.verdict for check in check_fabric(environ)] == ["ok"]
    descriptor = os.open(tmp_path / "home" / "run" / "swarm" / "daemon.lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        [found] = check_fabric(environ)
    finally:
        os.close(descriptor)
    assert (found.verdict, found.said) == ("bad", "no attendant runs, and its engine was left: swarm runs")


@pytest.mark.parametrize("words", [[], ["--name", "engine"]])
def test_the_doctor_looks_at_the_configuration_and_the_engine_of_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    for name, text in node(tmp_path).items():
        monkeypatch.setenv(name, text)
    for name in ("ENGINE_NAME", "ENGINE_POOLS"):
        monkeypatch.delenv(name, raising=False)
    main([*words, "doctor", "--json"])
    told: dict[str, Any] = {one["name"]: one["said"] for one in json.loads(capsys.readouterr().out)["checks"]}
    assert told["daemon"] == f"no engine {'engine' if words else 'swarm'!r} runs"
    assert (str(tmp_path / "pools.yaml") in told["configuration"]) == (not words)
