"""`engine cluster spawn`, `drain`, `undrain`, `role` and `broadcast` on nodes that were brought up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.cluster.placement import place
from tests.support.clusters import said, write
from tests.support.commands import Commands
from tests.support.sshhosts import Hosts
from tests.support.tills import TILL
from tests.support.tinywheels import tiny

#: Engines, servers and gateways share a small machine with other tests.
pytestmark = pytest.mark.timeout(600)

BAG = """
class Bag(Agent):
    things: int = 0

    def put(self) -> None:
        self.things += 1
"""


def agents(engine: Commands) -> list[int]:
    return [node["stats"]["agents"]["total"] for node in said(engine, "stats")["by_node"]]


def test_agents_are_on_their_nodes_and_go_where_they_belong(engine: Commands, there: Hosts, tmp_path: Path) -> None:
    made = [there.add() for _ in range(2)]
    for at, host in enumerate(made):
        host.home = tmp_path / f"h{at}"
        host.home.mkdir()
    (engine.folder / "shop").mkdir()
    (engine.folder / "shop" / "shop.py").write_text(TILL + BAG)
    wheels, ports = tiny(tmp_path / "wheels"), [host.port for host in made]
    try:
        write(engine, there, ports[:1])
        said(engine, "up", "--wheelhouse", str(wheels))
        assert [node["agents"] for node in said(engine, "spawn", "counter", "--count", "60")["nodes"]] == [60]
        last = engine("cluster", "drain", "n1")
        assert (last.returncode, "n1 is the last node" in last.stderr) == (2, True), last.stderr

        # A node that is added gets its share, and its share only.
        write(engine, there, ports)
        said(engine, "up", "--wheelhouse", str(wheels))
        plan = said(engine, "undrain", "n1")
        assert (plan["nodes"], plan["is_settled"]) == (["n1", "n2"], True)
        wanted = [sum(place(f"counter/{key}", ("n1", "n2")) == node for key in range(60)) for node in ("n1", "n2")]
        assert agents(engine) == wanted
        again = said(engine, "spawn", "counter", "--count", "60")
        assert [(node["added"], node["agents"]) for node in again["nodes"]] == [(0, count) for count in wanted]

        # So do agents of one's own, whose code every node gets.
        told = said(engine, "spawn", "--use", "shop:Till", "--path", "shop", "--count", "10")
        assert sum(node["added"] for node in told["nodes"]) == 10

        done = engine("cluster", "drain", "n2")
        assert (done.returncode, done.stdout) == (0, "n2 drained: the others have its agents; agents are on n1\n")
        assert agents(engine) == [70, 0]
        fabric = said(engine, "stats")["fabric"]
        assert fabric["members"]["n2"]["state"] == "draining"
        assert (fabric["plan"]["nodes"], fabric["plan"]["drained"], fabric["plan"]["waits_for"]) == (["n1"], ["n2"], [])
        assert said(engine, "undrain", "n2")["nodes"] == ["n1", "n2"]
        assert sum(agents(engine)) == 70

        assert said(engine, "role", "n2", "backup")["roles"] == {"n2": "backup"}
        # What does not fit is refused before anything is spawned or moved.
        said(engine, "spawn", "counter", "--count", "200")
        said(engine, "spawn", "till", "--count", "150")
        full = agents(engine)
        assert sum(full) == 350
        refused = engine("cluster", "spawn", "--use", "shop:Bag", "--path", "shop", "--count", "100")
        said_of = rf"nothing was spawned\..* n2: (\d+) new ones of bag belong there, and \1 more .* it has {full[1]} of 210"
        assert refused.returncode == 2, refused.stdout + refused.stderr
        assert re.search(said_of, refused.stderr), refused.stderr
        unknown = engine("cluster", "spawn", "nobody", "--count", "10")
        assert (unknown.returncode, "it has no kind nobody" in unknown.stderr) == (2, True), unknown.stderr
        refused = engine("cluster", "drain", "n2")
        said_of = rf"n2 is not drained.*: n1: {full[1]} more agents do not fit, it has {full[0]} of 210"
        assert (refused.returncode, re.search(said_of, refused.stderr) is not None) == (2, True), refused.stderr
        assert agents(engine) == full
        assert said(engine, "stats")["fabric"]["plan"]["drained"] == []

        # A node that may have more gets what it weighs, from the other one; its engine has the room.
        write(engine, there, ports, agents=(400, 100))
        told = said(engine, "up", "--wheelhouse", str(wheels))["nodes"]
        assert [node["is_started"] for node in told] == [True, False]
        plan = said(engine, "undrain", "n1")
        assert (plan["is_settled"], plan["weights"], plan["agents"]) == (True, {"n1": 4, "n2": 1}, {"n1": 400, "n2": 100})
        names = [f"{kind}/{key}" for kind, count in (("counter", 200), ("till", 150)) for key in range(count)]
        homes = [place(name, ("n1", "n2"), plan["weights"]) for name in names]
        assert agents(engine) == [homes.count("n1"), homes.count("n2")]

        answers = said(engine, "broadcast", "counter", "ping")["nodes"]
        assert answers == [{"node": node, "ok": True, "value": "pong"} for node in ("n1", "n2")]
        assert said(engine, "stats")["fabric"]["members"]["n2"]["role"] == "backup"
        for words in (("drain", "n9"), ("drain",), ("role", "n1", "king"), ("broadcast", "counter")):
            assert engine("cluster", *words).returncode == 2

        # Who is taken out of the file is a member still, and named.
        write(engine, there, ports[:1])
        assert said(engine, "up", "--wheelhouse", str(wheels))["strangers"] == ["n2"]
        heard = engine("cluster", "forget", "n2")
        assert (heard.returncode, "n2 is heard of: drain it" in heard.stderr) == (2, True), heard.stderr

        # One that is lost for good is forgotten: the others do without it, and nobody else's agents move.
        assert said(engine, "undrain", "n1")["is_settled"]
        [kept] = agents(engine)
        assert 0 < kept < 350
        write(engine, there, ports)
        assert engine("cluster", "stop", "--emergency", "--nodes", "n2").returncode == 0
        write(engine, there, ports[:1], agents=(400,))
        plan = said(engine, "forget", "n2")
        assert (plan["members"], plan["nodes"], plan["is_settled"]) == (["n1"], ["n1"], True)
        assert said(engine, "up", "--wheelhouse", str(wheels))["strangers"] == []
        assert agents(engine) == [kept]
        for kind, count in (("counter", 200), ("till", 150)):
            said(engine, "spawn", kind, "--count", str(count))
        assert said(engine, "stats")["agents"]["kinds"] == {"counter": 200, "till": 150}
    finally:
        write(engine, there, ports)
        assert engine("cluster", "stop", "--emergency").returncode == 0
