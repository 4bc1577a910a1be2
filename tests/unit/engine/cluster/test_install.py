"""An engine that runs gets what it may take by a start anew, unless its agents would be gone with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.cluster.clusterfile import read_cluster
from engine.cluster.install import Installation
from engine.cluster.remote import Done
from engine.cluster.wheelhouse import Wheelhouse


class Heard:
    """A node that says what it is asked for, and does nothing."""

    def __init__(self, durability: str) -> None:
        self.durability = durability
        self.orders: list[dict[str, Any]] = []
        self.verbs: list[str] = []

    async def place(self, folder: str) -> str:
        return folder

    async def run(self, words: Sequence[str], *, stdin: bytes = b"") -> Done:
        verb = words[words.index("--name") + 2]
        self.verbs.append(verb)
        return Done(0, json.dumps({"durability": self.durability}).encode(), b"")

    async def checked(self, words: Sequence[str], *, stdin: bytes = b"") -> bytes:
        self.orders.append(json.loads(words[-1]))
        return b'{"ok": true, "was_running": true}'


@pytest.mark.parametrize(
    ("durability", "is_changed", "verbs", "told"),
    [
        ("sync", False, ["stats", "wait"], {"is_started": False, "needs_restart": False}),
        ("sync", True, ["stats", "stop", "start", "wait"], {"is_started": True, "needs_restart": False}),
        ("memory", True, ["stats", "wait"], {"is_started": False, "needs_restart": True}),
    ],
)
async def test_what_an_engine_may_take_is_changed_by_a_start_anew(
    tmp_path: Path, durability: str, is_changed: bool, verbs: list[str], told: dict[str, bool]
) -> None:
    pools, file = tmp_path / "pools.yaml", tmp_path / "cluster.yaml"
    pools.write_text("agents: 5\npools: {p1: {agents: 5}}\n")
    file.write_text("pools: pools.yaml\nfolder: /c\nnodes: [{id: n1, address: h, role: primary}]\n")
    cluster, said = read_cluster(file), list[str]()
    wheels = Wheelhouse((), {}, is_built=True)
    installation = Installation(cluster, cluster.nodes[0], wheels, said.append)
    installation._facts = {"current": wheels.version, "pools": "other" if is_changed else pools.read_text()}
    node: Any = Heard(durability)
    assert await installation.start(node) == told
    assert node.verbs == verbs
    [switch] = [order for order in node.orders if order["do"] == "switch"]
    assert switch["is_kept"] == told["needs_restart"]
    assert any("in memory alone" in line for line in said) == told["needs_restart"]
