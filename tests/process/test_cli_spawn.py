"""Spawning from the command line: the engine starts by itself, grows, and refuses what cannot be, with nothing left over."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Commands, commands
from tests.support.processes import ended_within

SCOUT = """
from engine import Agent

class Scout(Agent):
    seen: int = 0

    def see(self, what: str, times: int = 1) -> int:
        self.seen += times
        return self.seen

    def fail(self, text: str) -> None:
        raise ValueError(text)

    def whoami(self) -> str:
        return self.id

class Other(Agent):
    def see(self) -> None:
        pass
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """The command line, with nothing running."""
    (tmp_path / "scout.py").write_text(SCOUT)
    with commands(tmp_path) as made:
        yield made


def test_spawn_starts_the_engine_and_says_what_it_did_and_what_comes_next(engine: Commands) -> None:
    done = engine("spawn", "--count", "5000")
    assert done.returncode == 0
    started, spawned = done.stdout.splitlines()
    assert started.startswith("started the engine (pid ")
    assert "with 2 workers in " in started
    assert spawned.startswith("spawned 5,000 counter agents on 2 workers in ")
    assert "/s" in spawned
    assert "of memory each" in spawned
    assert done.stderr.startswith("next: engine ask counter/0 add 2\n")
    assert engine("ask", "counter/4999", "ping").stdout == '"pong"\n'


def test_repeating_a_count_changes_nothing_and_says_so(engine: Commands) -> None:
    engine("spawn", "--count", "5000")
    again = engine("spawn", "--count", "5000")
    assert (again.returncode, again.stdout) == (0, "there are 5,000 counter agents already: nothing changed\n")
    fewer = engine("spawn", "--count", "10")
    assert fewer.stdout == "there are 5,000 counter agents, more than 10: nothing changed, none is taken away\n"
    more = engine("spawn", "--add", "7")
    assert more.stdout.endswith("; 5,007 in all\n")
    assert engine.document("stats")["agents"]["kinds"] == {"counter": 5_007}


def test_json_has_the_measured_facts_and_nothing_else_is_printed(engine: Commands) -> None:
    done = engine("spawn", "--count", "500", "--json")
    said = json.loads(done.stdout)
    assert done.stderr == ""
    assert said["schema"] == "engine.spawn/v1"
    assert said["started"]["seconds"] > 0
    (spawned,) = said["spawned"]
    assert (spawned["kind"], spawned["added"], spawned["total"], spawned["workers"]) == ("counter", 500, 500, 2)
    assert spawned["agents_per_s"] > 0
    assert spawned["agent_bytes"] >= 0
    assert engine.document("spawn", "--count", "500")["started"] is None


def test_kinds_of_a_file_are_loaded_and_divided_by_largest_remainder(engine: Commands) -> None:
    done = engine("spawn", "--use", "scout.py:Scout", "scout.py:Other", "--count", "10", "--kind", "scout=33.3%,other=66.7%")
    assert done.returncode == 0, done.stderr
    assert engine.document("stats")["agents"]["kinds"] == {"scout": 3, "other": 7}
    assert engine("spawn", "--kind", "scout=5,other=7").returncode == 0
    assert engine.document("stats")["agents"]["kinds"] == {"scout": 5, "other": 7}


def test_the_kind_of_one_class_need_not_be_named_and_keys_may_be_words(engine: Commands) -> None:
    done = engine("spawn", "--use", "scout.py:Scout", "--key", "a", "b.c", "a")
    assert "spawned 2 scout agents" in done.stdout
    assert engine("ask", "scout/b.c", "see", "it", "3").stdout == "3\n"


def test_a_module_of_the_current_folder_is_found(engine: Commands) -> None:
    assert engine("spawn", "scout", "--use", "scout:Scout", "--count", "3").returncode == 0
    assert engine("ask", "scout/2", "see", "--named", '{"what": "x", "times": 4}').stdout == "4\n"


def test_a_kind_of_pools_yaml_is_the_default_where_it_says_so(engine: Commands) -> None:
    text = (engine.folder / "pools.yaml").read_text()
    (engine.folder / "pools.yaml").write_text(f"default_kind: scout\nkinds: {{scout: scout.py:Scout}}\n{text}")
    assert "spawned 20 scout agents" in engine("spawn", "--count", "20").stdout


def test_a_kind_that_does_not_import_shows_its_own_traceback_and_no_engine_stays(engine: Commands) -> None:
    (engine.folder / "broken.py").write_text("def helper():\n    return 1 / 0\n\nhelper()\n")
    done = engine("spawn", "--use", "broken.py:Broken", "--count", "3")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "line 2, in helper" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert "pools/registry.py" not in done.stderr
    assert "importlib" not in done.stderr
    assert engine("ps").returncode == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--count", "1000000000"], "limit of 10,000"),
        (["--count", "10001"], "limit of 10,000"),
        (["nothing", "--count", "5"], "no kind 'nothing'"),
        (["countre", "--count", "5"], "did you mean counter?"),
        (["--count", "5", "-f", "missing.yaml"], "missing.yaml"),
        (["--use", "scout.py:Nobody", "--count", "5"], "no such class"),
        (["--use", "scout.py:Scout", "scout.py:Other", "--count", "5"], "of which kind"),
        (["--count", "5", "--name", "Not A Name"], "is not a name"),
    ],
)
def test_what_cannot_be_is_refused_with_code_2_and_no_engine_is_left_running(
    engine: Commands, words: list[str], said: str
) -> None:
    done = engine("spawn", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert engine("ps").returncode == 3


def test_a_full_engine_refuses_more_and_spawns_none_of_several_kinds(engine: Commands) -> None:
    engine("spawn", "--use", "scout.py:Scout", "--count", "100")
    done = engine("spawn", "--kind", "scout=6000,counter=6000")
    assert done.returncode == 2
    assert "limit of 10,000" in done.stderr
    assert engine.document("stats")["agents"]["total"] == 100


def test_two_spawns_at_once_make_one_engine_and_both_kinds_of_agents(engine: Commands) -> None:
    first, second = engine.start("spawn", "--count", "100"), engine.start("spawn", "--use", "scout.py:Scout", "--count", "50")
    outs = [process.communicate(timeout=60) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outs
    assert sum(b"started the engine" in out for out, _ in outs) == 1
    assert engine.document("stats")["agents"]["kinds"] == {"counter": 100, "scout": 50}


def test_names_keep_engines_apart(engine: Commands) -> None:
    engine("spawn", "--count", "10")
    engine("spawn", "--count", "20", "--name", "other")
    assert engine.document("stats")["agents"]["total"] == 10
    assert engine.document("stats", "--name", "other")["agents"]["total"] == 20
    assert json.loads(engine("stats", "--json", ENGINE_NAME="other").stdout)["agents"]["total"] == 20
    assert engine("stop", "--name", "other").returncode == 0
    assert engine("ps").returncode == 0


def test_the_socket_is_for_this_user_alone(engine: Commands) -> None:
    engine("start")
    run = engine.home / "run" / "engine"
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    assert stat.S_IMODE((run / "control.sock").stat().st_mode) == 0o600


def test_the_socket_of_a_killed_engine_is_healed_by_the_next_spawn(engine: Commands) -> None:
    engine("spawn", "--count", "10")
    pids = engine.pids()
    os.kill(pids[0], signal.SIGKILL)
    assert ended_within(pids, 5)
    done = engine("stats")
    assert done.returncode == 3
    assert "engine spawn" in done.stderr
    assert "started the engine" in engine("spawn", "--count", "10").stdout


def test_a_warm_spawn_makes_the_objects(engine: Commands) -> None:
    assert engine("spawn", "--count", "200", "--warm").returncode == 0
    assert engine.document("stats")["agents"]["live"] == 200


def test_state_is_kept_by_default_and_taken_up_by_the_next_spawn(engine: Commands) -> None:
    assert engine("spawn", "--count", "100").returncode == 0
    assert engine("ask", "counter/17", "add", "5").stdout.strip() == "5"
    assert engine.document("stats")["durability"] == "sync"
    assert engine("stop").returncode == 0
    again = engine("spawn", "--count", "100")
    assert "there are 100 counter agents already: nothing changed" in again.stdout
    assert engine("ask", "counter/17", "add", "2").stdout.strip() == "7"


SLOW = """\
import time
from engine import Agent

time.sleep(20)

class Slow(Agent):
    pass
"""


def test_an_engine_that_starts_while_its_spawn_is_interrupted_is_ended(engine: Commands) -> None:
    (engine.folder / "slow.py").write_text(SLOW)
    (engine.folder / "pools.yaml").write_text("pools:\n  p1: {agents: 10}\nkinds:\n  slow: slow.py:Slow\n")
    spawning = engine.start("spawn", "--kind", "slow", "--count", "5")
    deadline_s = time.monotonic() + 20
    while not (found := list(engine.home.rglob("daemon.lock"))) or not found[0].read_text().strip():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    pid = int(found[0].read_text())
    spawning.send_signal(signal.SIGINT)
    assert spawning.wait(timeout=10) == 130
    assert ended_within([pid], 5.0)


def test_agents_with_skills_get_the_tasks_that_want_them_over_a_restart_until_they_are_removed(engine: Commands) -> None:
    assert engine("spawn", "--use", "scout.py:Scout", "--count", "10").returncode == 0
    assert engine("spawn", "--kind", "scout", "--add", "2", "--skill", "draw").returncode == 0
    assert engine("spawn", "--kind", "scout", "--key", "zoe", "--skill", "draw", "read").returncode == 0

    def agents_of(*skills: str, count: int = 6) -> set[str]:
        line = {"kind": "scout", "method": "see", "args": ["x"], "skills": skills}
        done = engine("submit", engine.file("tasks.jsonl", *[line] * count))
        assert done.returncode == 0
        ids = [json.loads(line)["task"] for line in done.stdout.splitlines()]
        for name in ids:
            assert engine("tasks", "result", name, "--wait", "30").returncode == 0
        return {engine.document("tasks", "show", name)["task"]["agent"] for name in ids}

    assert agents_of("draw") == {"scout/10", "scout/11", "scout/zoe"}
    assert agents_of("read", "draw") == {"scout/zoe"}
    lines = [{"id": at, "kind": "scout", "method": "whoami", "skills": ["draw"]} for at in range(30)]
    lines += [{"id": 30 + at, "kind": "scout", "method": "whoami", "sticky": "s"} for at in range(5)]
    done = engine("run", engine.file("run.jsonl", *lines, {"id": "no", "method": "whoami", "skills": ["fly"]}))
    assert done.returncode == 1
    told = {row["id"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert {told[at]["value"] for at in range(30)} == {"scout/10", "scout/11", "scout/zoe"}
    assert len({told[30 + at]["value"] for at in range(5)}) == 1
    assert told["no"]["error"]["type"] == "UnknownKind"
    assert engine("stop").returncode == 0
    assert engine("start").returncode == 0
    assert agents_of("draw") == {"scout/10", "scout/11", "scout/zoe"}
    assert engine("agents", "rm", "scout/11", "scout/zoe", "--yes").returncode == 0
    assert engine("spawn", "--kind", "scout", "--add", "1").returncode == 0
    assert agents_of("draw") == {"scout/10"}


@pytest.mark.parametrize("skill", ["", " ", "x" * 101])
def test_what_is_no_skill_is_refused_before_anything_is_spawned(engine: Commands, skill: str) -> None:
    done = engine("spawn", "--count", "10", "--skill", skill)
    assert done.returncode == 2
    assert done.stderr.startswith("engine: --skill: a skill is a word of 1 to 100 characters, got ")
    assert engine("stats").returncode != 0
