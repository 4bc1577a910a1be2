"""A kind that lives on some of the nodes alone: the others need not know it, and it moves to where it is wanted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cluster.placement import place
from tests.support.clusters import said, write
from tests.support.commands import Commands
from tests.support.sshhosts import Hosts
from tests.support.tills import TILL
from tests.support.tinywheels import tiny

#: Engines, servers and gateways share a small machine with other tests.
pytestmark = pytest.mark.timeout(600)

TILLS = 20


def tills(engine: Commands) -> dict[str, int]:
    return {node["node"]: node["stats"]["agents"]["kinds"].get("till", 0) for node in said(engine, "stats")["by_node"]}


def pay(engine: Commands, count: int) -> list[dict[str, Any]]:
    """What each till has after one was paid to it."""
    lines = "".join(json.dumps({"agent": f"till/{key}", "method": "pay", "args": [1]}) + "\n" for key in range(count))
    done = engine("cluster", "run", "-", stdin=lines, timeout_s=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_kind_lives_where_it_is_wanted(engine: Commands, there: Hosts, tmp_path: Path) -> None:
    made = [there.add() for _ in range(2)]
    for at, host in enumerate(made):
        host.home = tmp_path / f"h{at}"
        host.home.mkdir()
    (engine.folder / "shop").mkdir()
    (engine.folder / "shop" / "shop.py").write_text(TILL)
    wheels, ports = tiny(tmp_path / "wheels"), [host.port for host in made]
    code = ("--use", "shop:Till", "--path", "shop")
    try:
        write(engine, there, ports[:1])
        alone = said(engine, "spawn", "counter", "--count", "1", "--on", "n1", code=1)
        assert "in no cluster yet" in alone["nodes"][0]["reason"]
        said(engine, "up", "--wheelhouse", str(wheels))
        told = said(engine, "spawn", *code, "--count", str(TILLS), "--on", "n1")
        assert [(node["node"], node["added"]) for node in told["nodes"]] == [("n1", TILLS)]
        write(engine, there, ports)
        said(engine, "up", "--wheelhouse", str(wheels))  # n2 joins without its code
        plan = said(engine, "undrain", "n1")
        assert (plan["nodes"], plan["is_settled"], plan["where"]) == (["n1", "n2"], True, {"till": ["n1"]})
        for on in ("n2", "all", "n1,n2"):
            refused = engine("cluster", "spawn", "till", "--count", str(TILLS), "--on", on)
            assert (refused.returncode, "n2: " in refused.stderr, "it has no kind till" in refused.stderr) == (2, True, True)
        assert tills(engine) == {"n1": TILLS, "n2": 0}
        said(engine, "spawn", *code, "--count", str(TILLS), "--on", "all")
        assert said(engine, "undrain", "n1")["is_settled"]
        wanted = [place(f"till/{key}", ("n1", "n2")) for key in range(TILLS)]
        assert tills(engine) == {"n1": wanted.count("n1"), "n2": wanted.count("n2")}
        assert [row["value"] for row in pay(engine, TILLS)] == [1] * TILLS

        # It moves to where it is wanted, with what it is; the other kinds stay where they are.
        said(engine, "spawn", "counter", "--count", "40")
        counters = {row["node"]: row["stats"]["agents"]["kinds"]["counter"] for row in said(engine, "stats")["by_node"]}
        assert all(counters.values())
        told = said(engine, "spawn", "till", "--count", str(TILLS), "--on", "n2")
        assert [(node["node"], node["added"], node["agents"]) for node in told["nodes"]] == [("n2", 0, TILLS)]
        assert tills(engine) == {"n1": 0, "n2": TILLS}
        assert {row["node"] for row in pay(engine, TILLS)} == {"n2"}
        after = said(engine, "stats")
        assert {row["node"]: row["stats"]["agents"]["kinds"]["counter"] for row in after["by_node"]} == counters
        assert after["fabric"]["plan"]["where"] == {"till": ["n2"]}
        assert [row["added"] for row in said(engine, "spawn", "till", "--count", str(TILLS + 5))["nodes"]] == [0, 5]

        # It is never left without a node, and what makes no sense is told.
        refused = engine("cluster", "drain", "n2")
        assert (refused.returncode, "may have agents of till" in refused.stderr) == (2, True), refused.stderr
        for words in (("--on", "n9"), ("--on", "n1", "--nodes", "n2")):
            assert engine("cluster", "spawn", "till", "--count", "1", *words).returncode == 2
        assert engine("cluster", "stats", "--on", "n1").returncode == 2
        said(engine, "drain", "n1")
        refused = engine("cluster", "spawn", "till", "--count", "1", "--on", "n1")
        assert (refused.returncode, "n1: drained" in refused.stderr) == (2, True), refused.stderr
        assert said(engine, "undrain", "n1")["is_settled"]
        answers = said(engine, "broadcast", "till", "pay", "[1]")["nodes"]
        assert [answer["node"] for answer in answers] == ["n2"]

        # Everywhere again: each node gets its share back, with what it is.
        said(engine, "spawn", "till", "--count", str(TILLS), "--on", "all")
        assert said(engine, "undrain", "n1")["is_settled"]
        assert tills(engine)["n1"] > 0
        assert sum(row["value"] for row in pay(engine, TILLS + 5)) == 3 * TILLS + 5 + 1
        assert said(engine, "stats")["fabric"]["plan"]["where"] == {}
    finally:
        write(engine, there, ports)
        assert engine("cluster", "stop", "--emergency").returncode == 0
