"""`engine cluster spawn`, `stats`, `ps`, `logs` and `stop` on hosts with real engines, one of them down."""

from __future__ import annotations

import json
import signal
from collections import Counter

from tests.support.clusters import install, write
from tests.support.commands import Commands
from tests.support.processes import ended_within
from tests.support.sshhosts import Hosts


def test_two_engines_and_a_dead_host_are_one_swarm(engine: Commands, there: Hosts) -> None:
    made = [there.add(), there.add()]
    for host in made:
        install(engine, host)
    write(engine, there, [host.port for host in made])
    try:
        assert engine("cluster", "stats").returncode == 1
        spawned = engine.document("cluster", "spawn", "counter", "--count", "31")
        assert [node["agents"] for node in spawned["nodes"]] == [16, 15]
        again = engine("cluster", "spawn", "--count", "31")
        assert "spawned 0 agents on 2 nodes; 31 in all" in again.stdout

        stats = engine.document("cluster", "stats")
        assert stats["agents"]["total"] == sum(one["stats"]["agents"]["total"] for one in stats["by_node"]) == 31
        assert stats["agents"]["kinds"] == {"counter": 31}
        assert stats["nodes"] == {"total": 2, "answered": 2, "missing": 0}

        tasks = [{"kind": "counter", "method": "ping"}] * 40 + [
            {"node": "n2", "id": "x", "agent": "counter/0", "method": "nothing"}
        ]
        engine.file("tasks.jsonl", *tasks, {"agent": "counter/1", "method": "ping"}, {"kind": "counter"}, "no task")
        run = engine("cluster", "run", "tasks.jsonl", "--json")
        sums = json.loads(run.stdout)
        results = sums["results"]
        assert run.returncode == 1
        assert Counter(line["node"] for line in results if line["ok"]) == {"n1": 20, "n2": 20}
        assert sorted(line["id"] for line in results if line["ok"]) == list(range(40))
        assert [line["node"] for line in results if line.get("id") == "x"] == ["n2"]
        assert sorted(line["line"] for line in results if "line" in line) == [42, 43, 44]
        assert (sums["ok"], sums["not_ok"], sums["unanswered"], sums["bad_lines"]) == (40, 2, 0, 2)

        write(engine, there, [*(host.port for host in made), there.closed_port()])
        lost = engine("cluster", "run", "-", "--json", stdin='{"kind": "counter", "method": "ping"}\n' * 30)
        assert lost.returncode == 1
        assert len(json.loads(lost.stdout)["results"]) == 20
        assert json.loads(lost.stdout)["unanswered"] == 10
        done = engine("cluster", "stats", "--json")
        assert done.returncode == 1
        stats = json.loads(done.stdout)
        assert (stats["agents"]["total"], stats["nodes"]["missing"]) == (31, 1)
        assert [one["state"] for one in stats["by_node"]] == ["running", "running", "unreachable"]

        workers = json.loads(engine("cluster", "ps", "--json").stdout)["workers"]
        assert [(one["node"], one["state"]) for one in workers] == [("n1", "running"), ("n2", "running")]
        pids = [*(one["stats"]["pid"] for one in stats["by_node"][:2]), *(one["pid"] for one in workers)]
        logs = json.loads(engine("cluster", "logs", "--json", "--event", "engine.*").stdout)["lines"]
        assert {line["node"] for line in logs} == {"n1", "n2"}
        assert [line["ts"] for line in logs] == sorted(line["ts"] for line in logs)

        watch = engine.start("cluster", "stats", "--watch", "0.3", "--json")
        assert watch.stdout is not None
        told = [json.loads(watch.stdout.readline())]
        while len(told) < 3 or "connecting" in {node["state"] for node in told[-3]["by_node"]}:
            told.append(json.loads(watch.stdout.readline()))
        told = told[-3:]
        assert {one["agents"]["total"] for one in told} == {31}
        assert told[1]["time_s"] > told[0]["time_s"]
        assert told[2]["by_node"][2]["state"] == "unreachable"
        watch.send_signal(signal.SIGINT)
        assert watch.wait(timeout=30) == 130

        write(engine, there, [made[0].port, there.add("mute").port], connect_timeout_s=600)
        watch = engine.start("cluster", "stats", "--watch", "0.3", "--json")
        assert watch.stdout is not None
        states = [node["state"] for node in json.loads(watch.stdout.readline())["by_node"]]
        assert states == ["running", "connecting"]
        watch.send_signal(signal.SIGINT)
        assert watch.wait(timeout=60) == 130
    finally:
        write(engine, there, [host.port for host in made])
        stopped = engine("cluster", "stop", "--emergency", "--json")
    assert stopped.returncode == 0, stopped.stderr
    assert [node["was_running"] for node in json.loads(stopped.stdout)["nodes"]] == [True, True]
    assert "on 2 nodes none ran" in engine("cluster", "stop").stdout
    assert ended_within(pids, 20)


def test_a_node_on_which_nothing_is_installed_says_so(engine: Commands, there: Hosts) -> None:
    host = there.add()
    host.home = engine.folder / "empty"
    write(engine, there, [host.port])
    done = engine("cluster", "ps", "--json")
    assert done.returncode == 1
    node = json.loads(done.stdout)["nodes"][0]
    assert (node["state"], node["mend"]) == ("missing", "engine cluster up")
    assert engine("cluster", "stop").returncode == 0


def test_more_agents_than_the_nodes_may_have_are_refused_before_any_is_asked(engine: Commands, there: Hosts) -> None:
    host = there.add()
    write(engine, there, [host.port])
    refused = engine("cluster", "spawn", "--count", "101")
    assert refused.returncode == 2
    assert "may have 100 agents" in refused.stderr
    assert host.heard == []


#: A class of agents, in two versions.
TILL = "from engine import Agent\n\n\nclass Till(Agent):\n    sold: int = 0\n\n    def price(self) -> int:\n        return {}\n"


def test_every_node_gets_the_code_of_its_agents_and_a_newer_one_later(engine: Commands, there: Hosts) -> None:
    made = [there.add(), there.add()]
    for host in made:
        install(engine, host)
    write(engine, there, [host.port for host in made])
    for name, price in (("one", 3), ("two", 4)):
        (engine.folder / name).mkdir()
        (engine.folder / name / "shop.py").write_text(TILL.format(price))
        (engine.folder / name / ".secret").write_text("x")

    def prices() -> list[str]:
        homes = [str(host.home / "c" / "home") for host in made if host.home is not None]
        return [engine("--name", "swarm", "ask", "till/0", "price", ENGINE_HOME=home).stdout for home in homes]

    try:
        refused = engine("cluster", "spawn", "--use", "shop:Till", "--count", "4")
        assert refused.returncode == 2
        assert "--path" in refused.stderr
        spawned = engine.document("cluster", "spawn", "--use", "shop:Till", "--path", "one", "--count", "4")
        assert [node["agents"] for node in spawned["nodes"]] == [2, 2]
        assert prices() == ["3\n", "3\n"]
        deployed = engine("cluster", "deploy", "shop", "--path", "two", "--json")
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        assert prices() == ["4\n", "4\n"]
        assert engine("cluster", "deploy", "rollback").returncode == 0
        assert prices() == ["3\n", "3\n"]
        assert made[0].home is not None
        assert {file.name for file in (made[0].home / "c" / "code").rglob("*") if file.is_file()} >= {"shop.py"}
        assert list((made[0].home / "c" / "code").rglob(".secret")) == []
    finally:
        assert engine("cluster", "stop", "--emergency").returncode == 0
