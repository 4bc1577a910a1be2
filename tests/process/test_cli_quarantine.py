"""`engine agents quarantine` over a real engine: a sick agent is listed, shown and let out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import Commands, commands

SICK = """
import os
import time
from typing import ClassVar

from pools.agent import Agent


class Sick(Agent):
    restart_kind: ClassVar[str] = "temporary"
    total: int = 0

    def stall(self) -> None:
        time.sleep(60)

    def add(self, x: int) -> int:
        self.total += x
        return self.total
"""


@pytest.mark.timeout(180)
def test_a_sick_agent_is_listed_shown_and_let_out(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        (tmp_path / "sick.py").write_text(SICK)
        assert engine("spawn", "--use", "sick.py:Sick", "--count", "10").returncode == 0
        _empty_at_first(engine)
        hung = engine("ask", "sick/3", "stall")
        assert hung.returncode == 1
        assert "it ran for too long without an end" in hung.stderr
        listed = engine.document("agents", "quarantine", "ls")
        assert listed["schema"] == "engine.quarantine/v1"
        [entry] = listed["agents"]
        assert (entry["agent"], entry["status"], entry["method"]) == ("sick/3", "parked", "stall")
        assert "in stall" in entry["stack"]
        assert "sick/3" in engine("agents", "quarantine").stdout
        shown = engine("agents", "quarantine", "show", "sick/3")
        assert shown.returncode == 0
        assert shown.stdout.startswith("sick/3: parked, severity 5 (replace)")
        assert "in stall" in shown.stdout
        assert engine.document("agents", "quarantine", "show", "sick/3") == {"schema": listed["schema"], **entry}
        refused = engine("ask", "sick/3", "add", "1")
        assert refused.returncode == 1
        assert "engine agents quarantine show sick/3" in refused.stderr
        page = engine.document("agents", "sick")
        assert [one["status"] for one in page["agents"] if one["agent"] == "sick/3"] == ["quarantined"]
        healing = engine.document("stats")["healing"]
        assert (healing["found"], healing["sick"]) == ({"hung": 1, "parked": 1}, 1)
        assert "sick/3 stall" in engine("events").stdout
        released = engine("agents", "quarantine", "release", "sick/3")
        assert (released.returncode, released.stdout) == (0, "sick/3 is as the others again\n")
        assert engine("ask", "sick/3", "add", "1").stdout == "1\n"
        assert engine("ask", "sick/4", "add", "1").stdout == "1\n"
        _refused_where_it_makes_no_sense(engine)


def _empty_at_first(engine: Commands) -> None:
    done = engine("agents", "quarantine", "ls")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no agent was found sick" in done.stderr
    assert engine.document("agents", "quarantine") == {"schema": "engine.quarantine/v1", "agents": []}


def _refused_where_it_makes_no_sense(engine: Commands) -> None:
    for words, text in (
        (("release", "sick/3"), "not in quarantine"),
        (("release", "sick/99"), "not in quarantine"),
        (("release", "nonsense"), "kind/key"),
        (("show", "sick/99"), "nothing was found of 'sick/99'"),
        (("show",), "which agent"),
        (("relase", "sick/3"), "release"),
    ):
        done = engine("agents", "quarantine", *words)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert text in done.stderr
        assert "Traceback" not in done.stderr


def test_without_an_engine_that_is_said(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        for words in (("ls",), ("show", "a/1"), ("release", "a/1")):
            done = engine("agents", "quarantine", *words)
            assert done.returncode == 3
            assert "engine" in done.stderr
            assert "Traceback" not in done.stderr


def test_the_help_tells_of_it_with_examples(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        said = engine("agents", "--help").stdout
    assert "engine agents quarantine ls|show AGENT|release AGENT" in said
    assert "engine agents quarantine release counter/17" in said
    assert "On trial" in said
