"""What all nodes count, as a table."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from engine.cli.clusterstats import table_lines
from engine.cluster.sums import summed


def snapshot(version: str) -> dict[str, Any]:
    tasks = dict.fromkeys(("accepted", "done", "failed", "cancelled", "expired", "open"), 2)
    groups = {"agents": {"total": 3}, "workers": {"running": 1, "total": 1}, "memory_bytes": {"total": 5_000_000}}
    return {**groups, "tasks": tasks, "version": version}


def test_nodes_with_different_versions_are_named() -> None:
    nodes = [
        {"node": name, "state": "running", "reason": None, "stats": snapshot(version)}
        for name, version in (("n1", "0.1.0"), ("n2", "0.2.0"), ("n3", "0.1.0"))
    ]
    nodes.append({"node": "n4", "state": "unreachable", "reason": "no route", "stats": None})
    lines = table_lines(Namespace(no_color=True), summed("swarm", 1.0, nodes))
    assert lines[-1] == "nodes have different versions: 0.1.0 on n1, n3; 0.2.0 on n2; mend: engine cluster up"
    assert lines[-2].split()[:5] == ["all", "3", "of", "4", "9"]
    assert "no route" in lines[-3]
