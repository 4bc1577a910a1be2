"""Sprints of a cluster on real parts: its agents on all nodes take part, and who leads may be killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.nodes import clusters
from tests.support.voyages import backlog, harbours, hook

pytestmark = pytest.mark.timeout(400)

NAMES = ("n1", "n2", "n3")


async def test_a_sprint_runs_on_all_nodes_and_ships_once(tmp_path: Path) -> None:
    async with clusters(tmp_path, NAMES, 3) as cluster, harbours(cluster) as harbour:
        order = await harbour.place(backlog(tmp_path, 30, [hook(tmp_path)]))
        try:
            ended = await harbour.ended(order)
        finally:
            for node in cluster.nodes.values():
                print(node.name, node.driven)
        assert ended.error is None
        events = await harbour.events()
        verdicts = {event["item"]: event["verdict"] for event in events if event["e"] == "receipt"}
        print([e for e in events if e["e"] == "receipt" and e["verdict"] != "done"])
        assert verdicts == {f"i{at}": "done" for at in range(30)} | {"claimed": "unproven"}
        assert [event["items"] for event in events if event["e"] == "shipped"] != []
        assert (tmp_path / "ships").read_text().split() == ["0001-" + events[0]["id"]]
        assert sorted(cluster.runs()) == sorted(f"f{at}" for at in range(30))
