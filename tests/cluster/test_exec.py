"""`engine cluster exec` on hosts that are well, and on every bad one: each has its own outcome, and none stops another."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.support.clusters import write
from tests.support.commands import Commands
from tests.support.sshhosts import Host, Hosts


def ran(engine: Commands, *words: str, code: int) -> dict[str, Any]:
    """What exec says of each node, by its id."""
    done = engine("cluster", "exec", "--json", *words)
    assert done.returncode == code, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "engine.cluster.exec/v1"
    return {node["node"]: node for node in document["nodes"]}


def test_of_20_hosts_one_refuses_one_hangs_one_is_unknown_and_the_other_17_succeed(engine: Commands, there: Hosts) -> None:
    ways = ["ok"] * 20
    ways[2], ways[7] = "refuse", "stall"
    made = [there.add(way, is_known=at != 11) for at, way in enumerate(ways)]
    write(engine, there, [host.port for host in made])
    told = ran(engine, "-j", "4", "--timeout", "8s", "--", "echo", "a b", "$HOME;", code=1)
    states = {node: one["state"] for node, one in told.items() if one["state"] != "done"}
    assert states == {"n3": "refused", "n8": "timeout", "n12": "untrusted"}
    assert {one["out"] for one in told.values() if one["state"] == "done"} == {"a b $HOME;\n"}
    assert told["n12"]["mend"] == "engine cluster trust n12"
    assert made[11].heard == made[2].heard == []
    assert made[7].is_signalled.wait(20)
    assert made[7].signals[0] == "TERM"
    assert 1 < there.most_at_once <= 4


def test_what_several_print_alike_is_shown_once(engine: Commands, there: Hosts) -> None:
    made = [there.add() for _ in range(3)]
    write(engine, there, [host.port for host in made])
    done = engine("cluster", "exec", "--nodes", "n[1-2]", "--", "echo", "one")
    assert (done.returncode, done.stdout) == (0, "n1, n2 (2 nodes)\none\n")
    assert "n1 done in" in done.stderr
    assert "(2 of 2)" in done.stderr
    by_node = engine("cluster", "exec", "-q", "--by-node", "--nodes", "@worker", "--", "echo", "one")
    assert (by_node.stdout, by_node.stderr) == ("n2: one\nn3: one\n", "")


def test_a_command_that_fails_is_told_with_its_code_and_what_it_said(engine: Commands, there: Hosts) -> None:
    write(engine, there, [there.add().port])
    told = ran(engine, "--", "ls", "/nowhere/at/all", code=1)["n1"]
    assert (told["state"], told["code"], told["reason"]) == ("failed", 2, "ended with 2")
    assert "/nowhere/at/all" in told["err"]


@pytest.mark.parametrize("words", [("-c", "echo", "x"), ("-a", "x", "echo", "x"), ("",), ("nosuchcommand", "-c")])
def test_what_is_no_command_is_named_in_the_words_that_were_typed(
    engine: Commands, there: Hosts, words: tuple[str, ...]
) -> None:
    write(engine, there, [there.add().port])
    told = ran(engine, "--", *words, code=1)["n1"]
    assert (told["state"], told["code"], told["out"], told["err"]) == ("failed", 127, "", f"there is no command '{words[0]}'\n")


@pytest.mark.parametrize(("way", "state"), [("flood", "flooded"), ("cut", "lost")])
def test_a_host_that_floods_or_goes_away_leaves_the_others_alone(engine: Commands, there: Hosts, way: str, state: str) -> None:
    write(engine, there, [there.add(way).port, there.add().port])
    told = ran(engine, "--", "echo", "well", code=1)
    assert (told["n1"]["state"], told["n2"]["state"], told["n2"]["out"]) == (state, "done", "well\n")
    assert len(told["n1"]["out"]) <= 8 * 1024 * 1024


def test_a_host_that_takes_the_connection_and_says_nothing_is_given_up(engine: Commands, there: Hosts) -> None:
    write(engine, there, [there.add("mute").port, there.closed_port()], connect_timeout_s=1)
    told = ran(engine, "--", "true", code=3)
    assert {one["state"] for one in told.values()} == {"unreachable"}
    assert "within 1 s" in told["n1"]["reason"]
    assert "Connect" in told["n2"]["reason"]


def test_a_key_that_has_changed_is_refused_with_the_mend_and_never_replaced(engine: Commands, there: Hosts) -> None:
    host = there.add(is_known=False)
    there.known.write_text(host.line(asyncssh.generate_private_key("ssh-ed25519")))
    before = there.known.read_text()
    write(engine, there, [host.port])
    told = ran(engine, "--", "true", code=3)["n1"]
    assert told["state"] == "untrusted"
    assert "not the one that is known" in told["reason"]
    assert "ssh-keygen -R" in told["mend"]
    refused = engine("cluster", "trust", "n1", "--yes")
    assert refused.returncode == 1
    assert "another key is known" in refused.stdout
    assert (there.known.read_text(), host.heard) == (before, [])


@pytest.mark.parametrize("said", ["UserKnownHostsFile none", "StrictHostKeyChecking no", "UserKnownHostsFile /dev/null"])
def test_no_configuration_of_ssh_turns_the_checking_of_host_keys_off(engine: Commands, there: Hosts, said: str) -> None:
    host = there.add(is_known=False)
    config = engine.folder / "config"
    config.write_text(f"Host *\n  {said}\n")
    write(engine, there, [host.port], config=str(config))
    cluster = json.loads((engine.folder / "cluster.yaml").read_text())
    del cluster["ssh"]["known_hosts"]
    (engine.folder / "cluster.yaml").write_text(json.dumps(cluster))
    assert ran(engine, "--", "true", code=3)["n1"]["state"] == "untrusted"
    assert host.heard == []


def test_a_jump_host_is_gone_through_and_its_key_is_checked_too(engine: Commands, there: Hosts, tmp_path: Path) -> None:
    jump, host = there.add("jump"), there.add()
    config = engine.folder / "config"
    config.write_text(
        f"Host inner\n  HostName 127.0.0.1\n  Port {host.port}\n  User ada\n  ProxyJump ada@127.0.0.1:{jump.port}\n"
    )
    write(engine, there, [host.port], config=str(config))
    cluster = json.loads((engine.folder / "cluster.yaml").read_text())
    cluster["nodes"][0]["address"] = "inner"
    (engine.folder / "cluster.yaml").write_text(json.dumps(cluster))
    assert ran(engine, "--", "echo", "in", code=0)["n1"]["out"] == "in\n"
    assert jump.jumps == 1
    there.known.write_text(host.line())
    assert ran(engine, "--", "true", code=3)["n1"]["state"] == "untrusted"
    assert jump.jumps == 1


def test_ctrl_c_ends_the_commands_on_all_hosts(engine: Commands, there: Hosts) -> None:
    made: list[Host] = [there.add("stall") for _ in range(3)]
    write(engine, there, [host.port for host in made])
    process = engine.start("cluster", "exec", "-j", "2", "--json", "--", "sleep", "600")
    assert sum(host.is_stalled.wait(40) for host in made[:2]) == 2
    os.kill(process.pid, signal.SIGINT)
    assert process.stdout is not None
    told = json.loads(process.stdout.read())
    assert process.wait(timeout=40) == 130
    assert {node["state"] for node in told["nodes"]} == {"interrupted"}
    assert all(host.is_signalled.wait(20) for host in made[:2])
    assert made[2].heard == []


def test_trust_shows_the_fingerprint_and_writes_it_once(engine: Commands, there: Hosts) -> None:
    host = there.add(is_known=False)
    write(engine, there, [host.port])
    asked = engine("cluster", "trust", "n1")
    assert asked.returncode == 2
    fingerprint = host.key.get_fingerprint()
    assert fingerprint in asked.stderr
    assert engine("cluster", "trust", "n1", "--fingerprint", "SHA256:other").returncode == 1
    assert not there.known.exists()
    trusted = engine("cluster", "trust", "n1", "--fingerprint", fingerprint)
    assert trusted.returncode == 0
    assert there.known.read_text() == host.line()
    assert there.known.stat().st_mode & 0o777 == 0o600
    again = engine("cluster", "trust", "n1", "--yes")
    assert "trusted already" in again.stdout
    assert there.known.read_text() == host.line()
    assert ran(engine, "--", "echo", "in", code=0)["n1"]["out"] == "in\n"


def behind(engine: Commands, there: Hosts, host: Host, jump: str) -> None:
    """A cluster of one node behind others."""
    config = engine.folder / "config"
    config.write_text(f"Host inner\n  HostName 127.0.0.1\n  Port {host.port}\n  User ada\n  ProxyJump {jump}\n")
    write(engine, there, [host.port], config=str(config), more={"nodes": [{"id": "n1", "address": "inner", "role": "primary"}]})


def test_trust_asks_for_the_hosts_on_the_way_first(engine: Commands, there: Hosts) -> None:
    outer, jump, host = (there.add(way, is_known=False) for way in ("jump", "jump", "ok"))
    behind(engine, there, host, f"ada@127.0.0.1:{outer.port},ada@127.0.0.1:{jump.port}")
    told = ran(engine, "--", "true", code=3)["n1"]
    assert (
        told["reason"] == f"ada@127.0.0.1:{outer.port}, on the way there: no host key is known of 127.0.0.1 port {outer.port}"
    )
    assert told["mend"] == "engine cluster trust n1"
    one = engine("cluster", "trust", "n1", "--fingerprint", outer.key.get_fingerprint())
    assert (one.returncode, there.known.read_text()) == (1, outer.line())
    nodes = engine.document("cluster", "trust", "n1", "--yes")["nodes"]
    assert [(one["host"], one["fingerprint"], one["is_new"]) for one in nodes] == [
        (f"127.0.0.1 port {made.port}", made.key.get_fingerprint(), True) for made in (jump, host)
    ]
    assert there.known.read_text() == outer.line() + jump.line() + host.line()
    assert ran(engine, "--", "echo", "in", code=0)["n1"]["out"] == "in\n"


def test_trust_never_takes_a_revoked_key_and_knows_one_of_several_again(engine: Commands, there: Hosts) -> None:
    revoked, several = there.add(is_known=False), there.add(others=["ecdsa-sha2-nistp256"])
    with there.known.open("a") as known:
        known.write(f"@revoked {revoked.line()}")
    before = there.known.read_text()
    write(engine, there, [revoked.port, several.port])
    closed = engine("cluster", "trust", "n1", "--yes")
    assert closed.returncode == 1
    assert "not trusted: it is revoked in" in closed.stdout
    again = engine("cluster", "trust", "n2", "--yes")
    assert (again.returncode, "trusted already" in again.stdout) == (0, True)
    assert there.known.read_text() == before
