"""`engine breaker` against a daemon: what an operator sees, holds open, and lets go."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.support.commands import Commands, commands

POOLS = """\
durability: {durability}
agents: 40
breaker: {{in_a_row: 3, open: 20s, jitter: 0%}}
kinds:
  sour: {folder}/sour.py:Sour
pools:
  p1: {{agents: 20}}
  p2: {{agents: 20, weight: 2}}
"""
SOUR = """
import os

from engine import Agent, Context, task


class Sour(Agent):
    seen: int = 0

    def fail(self) -> None:
        raise RuntimeError("sour")

    def see(self) -> int:
        self.seen += 1
        return self.seen

    def pid(self) -> int:
        return os.getpid()

    def call(self, target: str, ctx: Context) -> bool:
        with ctx.outside(target):
            return True

    @task(max_run_s=5)
    def call_apart(self, target: str, ctx: Context) -> bool:
        with ctx.outside(target):
            return True

    def fail_at(self, target: str, ctx: Context) -> None:
        with ctx.outside(target):
            raise OSError("no route")
"""


def begin(engine: Commands, durability: str) -> None:
    (engine.folder / "sour.py").write_text(SOUR)
    (engine.folder / "pools.yaml").write_text(POOLS.format(durability=durability, folder=engine.folder))
    assert engine("spawn", "--kind", "counter=20,sour=20").returncode == 0


def states(engine: Commands) -> dict[tuple[str, str | None], tuple[str, str]]:
    found = engine.document("breaker")
    assert found["schema"] == "engine.breaker/v1"
    return {(one["pool"], one["kind"]): (one["state"], one["mode"]) for one in found["breakers"]}


@pytest.mark.parametrize("durability", ["memory", "sync"])
@pytest.mark.timeout(180)
def test_what_an_operator_holds_open_takes_nothing_until_it_is_let_go(tmp_path: Path, durability: str) -> None:
    with commands(tmp_path) as engine:
        begin(engine, durability)
        assert states(engine)["p1", None] == ("closed", "auto")
        opened = engine("breaker", "open", "--pool", "p1")
        assert (opened.returncode, opened.stdout) == (0, "pool p1: open, forced open\n")
        assert "engine breaker auto" in opened.stderr
        tasks = "\n".join('{"kind": "counter", "method": "add", "args": [1]}' for _ in range(100))
        done = engine("run", "-", stdin=tasks)
        assert done.returncode == 0, done.stderr
        named = [engine("ask", f"counter/{key}", "get") for key in (0, 19)]
        assert sorted(one.returncode for one in named) == [0, 3]
        (refused,) = [one for one in named if one.returncode]
        assert "held open by an operator" in refused.stderr
        assert engine("breaker", "open").returncode == 0
        nobody = engine("ask", "counter", "get", "--json")
        assert nobody.returncode == 3
        assert '"CircuitOpen"' in nobody.stderr
        assert '"retry_after_s"' in nobody.stderr
        accepted = engine("submit", "-", "--json", stdin='{"kind": "counter", "method": "add", "args": [1]}')
        assert accepted.returncode == 0, accepted.stderr
        (waiting,) = engine.document("tasks", "ls")["tasks"]
        assert waiting["state"] == "queued"
        stats = engine.document("stats")["breakers"]
        assert (stats["open"], stats["forced"]) == (2, 2)
        assert engine("breaker", "auto").returncode == 0
        assert engine("ask", "counter", "get").returncode == 0
        result = engine("tasks", "result", waiting["id"], "--wait", "20s")
        assert result.returncode == 0, result.stderr
        assert "breaker.opened" in engine("events").stdout
        assert set(states(engine).values()) == {("closed", "auto")}


@pytest.mark.timeout(180)
def test_a_kind_that_fails_is_cut_off_from_its_kind_address_and_no_other(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        begin(engine, "memory")
        failed = [engine("ask", "sour", "fail").returncode for _ in range(8)]
        assert set(failed) == {1, 3}
        assert failed[-1] == 3
        found = states(engine)
        assert [found[pool, "sour"][0] for pool in ("p1", "p2")] == ["open", "open"]
        assert [found[pool, None][0] for pool in ("p1", "p2")] == ["closed", "closed"]
        refused = engine("ask", "sour", "see")
        assert refused.returncode == 3
        assert "sour in pool p" in refused.stderr
        assert engine("ask", "sour/3", "see").stdout == "1\n"
        assert engine("ask", "counter", "get").returncode == 0
        table = engine("breaker", "--kind", "sour")
        assert table.returncode == 0
        assert "calls failed one after the other" in table.stdout
        closed = engine("breaker", "close", "--kind", "sour")
        assert closed.stdout.count("closed, forced closed") == 2
        assert engine("ask", "sour", "see").returncode == 0


@pytest.mark.parametrize("durability", ["memory", "sync"])
@pytest.mark.timeout(180)
def test_a_target_outside_is_held_in_every_worker_also_in_one_that_starts_later(tmp_path: Path, durability: str) -> None:
    with commands(tmp_path) as engine:
        begin(engine, durability)
        target = "https://api.example.com/ö"
        opened = engine("breaker", "open", "--target", target)
        assert opened.stdout == f"{target} in pool p1: open, forced open\n{target} in pool p2: open, forced open\n"
        pids = [int(engine("ask", f"sour/{key}", "pid").stdout) for key in (0, 19)]
        assert len(set(pids)) == 2, "one agent in each pool"
        os.kill(pids[0], signal.SIGKILL)
        while engine("ask", "sour/0", "pid").stdout.strip() in ("", str(pids[0])):
            pass
        for agent, method in (("sour/0", "call"), ("sour/19", "call"), ("sour/19", "call_apart")):
            refused = engine("ask", agent, method, json.dumps(target), "--json")
            assert refused.returncode == 3, refused.stdout
            assert '"CircuitOpen"' in refused.stderr
            assert '"retry_after_s"' in refused.stderr
        assert engine("ask", "sour/0", "call", '"other.example.com"').stdout == "true\n"
        shown = engine.document("breaker", "--target", target)["outside"]
        assert [(one["worker"], one["state"], one["mode"]) for one in shown] == [
            ("p1", "open", "forced open"), ("p2", "open", "forced open"),
        ]  # fmt: skip
        assert "forced open" in engine("breaker").stdout
        assert len(engine.document("stats")["breakers"]["outside"]) == 2
        assert engine("breaker", "close", "--target", target, "--pool", "p1").returncode == 0
        assert engine("ask", "sour/0", "call", json.dumps(target)).stdout == "true\n"
        for _ in range(10):
            assert engine("ask", "sour/0", "fail_at", json.dumps(target)).returncode == 1
        assert engine("ask", "sour/0", "call", json.dumps(target)).stdout == "true\n"
        assert engine("ask", "sour/19", "call", json.dumps(target)).returncode == 3
        assert engine("breaker", "auto").returncode == 0
        assert engine("ask", "sour/19", "call", json.dumps(target)).stdout == "true\n"
        assert engine.document("breaker")["outside"] == []
        wrong = engine("breaker", "open", "--target", "")
        assert wrong.returncode == 2
        assert "1 to 200 printable characters" in wrong.stderr
        both = engine("breaker", "open", "--target", "a", "--kind", "sour")
        assert both.returncode == 2
        assert "not of both" in both.stderr


@pytest.mark.timeout(180)
def test_a_breaker_that_there_is_not_is_named(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        begin(engine, "memory")
        for words in (("open", "--pool", "p3"), ("ls", "--pool", "p3")):
            wrong = engine("breaker", *words)
            assert wrong.returncode == 2
            assert "no pool 'p3'" in wrong.stderr
        wrong = engine("breaker", "opne")
        assert wrong.returncode == 2
        assert "did you mean 'open'" in wrong.stderr or "open" in wrong.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("failure_rate: 150%", "is not between 0.001 and 1"),
        ("faliure_rate: 50%", "failure_rate"),
        ("probes: 0", "is not between 1 and"),
        ("open: soon", "soon"),
    ],
)
def test_a_breaker_section_that_cannot_be_meant_is_refused(tmp_path: Path, line: str, said: str) -> None:
    with commands(tmp_path) as engine:
        (tmp_path / "pools.yaml").write_text(f"breaker: {{{line}}}\npools: {{p1: {{agents: 10}}}}\n")
        refused = engine("doctor")
        started = engine("start")
        assert started.returncode == 2, refused.stdout
        assert said in started.stderr
        assert "pools.yaml:1" in started.stderr
