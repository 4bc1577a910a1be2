"""What is shown of a cluster: who was never heard is not left out."""

from __future__ import annotations

from argparse import Namespace

from engine.cli.clusterstats import fabric_line, table_lines
from engine.cluster.membership import Member
from engine.cluster.records import Heartbeat, NodeInfo
from engine.cluster.sums import summed
from engine.cluster.view import members_of


def heard(node: str) -> Member:
    info = NodeInfo(node, "a", "worker", ("counter",), (), 100, "1")
    return Member(Heartbeat(info, 1, 3, 10, False, 2, 1.0), "online", 0.5, 0.25)


def test_nodes_that_were_not_heard_are_silent_and_others_that_were_stand_behind() -> None:
    found = members_of(("n2", "n1"), {"n1": heard("n1"), "n9": heard("n9")})
    assert [(node, member["state"]) for node, member in found.items()] == [("n2", "silent"), ("n1", "online"), ("n9", "online")]
    assert found["n1"] == {
        "state": "online", "role": "worker", "running": 3, "room": 10, "superseded": 2, "version": "1", "silent_s": 0.5,
        "skew_s": 0.25,
    }  # fmt: skip
    assert found["n2"].keys() == found["n1"].keys()


def test_what_joins_the_nodes_is_said_in_a_line() -> None:
    fabric = {
        "is_up": True,
        "leader": {"node": "n1", "token": 7},
        "members": members_of(("n1", "n2"), {"n1": heard("n1")}),
        "streams": {"tasks": {"messages": 4, "replicas": {"wanted": 3, "there": 2}}},
        "superseded": 2,
    }
    line = "fabric: n1 leads with token 7; n1 online; n2 silent; 4 envelopes waiting on 2 of 3 servers; 2 superseded"
    assert fabric_line(fabric) == line
    assert table_lines(Namespace(no_color=True), {**summed("swarm", 1.0, []), "fabric": fabric})[-1] == line
    unknown = {**fabric, "leader": None, "streams": {"tasks": None}}
    assert fabric_line(unknown).startswith("fabric: nobody leads; n1 online; n2 silent; the servers do not say what waits")
    assert fabric_line({"is_up": False, "reason": "n1: no server answers"}) == "the fabric is away: n1: no server answers"
