"""What `engine agents quarantine` shows of the sick, and what it refuses."""

from __future__ import annotations

import json
import time
from argparse import Namespace
from typing import Any

import pytest

from engine.cli import quarantine
from engine.cli.misuse import Misuse
from pools.healing import Finding, Healing
from pools.quarantine import Quarantine


def record(agent: str = "bad/1", status: str = "parked", stack: str = "File bad.py, line 3 in spin") -> dict[str, Any]:
    """A record as an engine keeps it."""
    kept = Quarantine(lambda _agent, _entry: None)
    healing = Healing()
    for what, task in (("hung", "3.1"), ("killed", "")):
        finding = Finding(what, agent, "spin", task, f"it {what}", stack, "p1.0")
        entry = kept.note(finding, healing.judge(finding, 1.0), 1_700_000_000.0)
    kept.settle(agent, status)
    return entry


class Engine:
    """Answers what the commands ask, and keeps it."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        self.entries = list(entries)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def request(self, _options: Namespace, verb: str, **facts: Any) -> Any:
        self.asked.append((verb, facts))
        if verb == "release":
            return next(entry for entry in self.entries if entry["agent"] == facts["agent"]) | {"status": "released"}
        return self.entries


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine with two sick agents and one that is well again."""
    made = Engine(record("bad/0", "recovered"), record("bad/1"), record("bad/name", "trial", stack=""))
    monkeypatch.setattr(quarantine, "request", made.request)
    return made


def options(*, is_json: bool = False) -> Namespace:
    return Namespace(json=is_json, quiet=False, color=None, name=None, file=None, no_color=True)


def test_without_a_word_the_sick_are_listed(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert quarantine.run(options(), []) == quarantine.run(options(), ["ls"]) == 0
    once, again = capsys.readouterr().out.split("AGENT")[1:]
    assert once == again
    for words in (["bad/0", "recovered"], ["bad/1", "parked", "7", "spin", "it killed"], ["bad/name", "trial"]):
        assert any(all(word in line for word in words) for line in once.splitlines()), words
    assert time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(1_700_000_000)) in once


def test_the_list_as_json_has_every_fact(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert quarantine.run(options(is_json=True), ["ls"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema": "engine.quarantine/v1", "agents": engine.entries}


def test_where_nobody_is_sick_that_is_said_beside_the_output(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.entries = []
    assert quarantine.run(options(), []) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "no agent was found sick\n")


def test_one_record_tells_what_was_found_what_was_tried_and_where_it_was(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert quarantine.run(options(), ["show", "bad/1"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("bad/1: parked, severity 7 (quarantine), in p1.0\n")
    assert "hung      spin [3.1]  it hung" in said.out
    assert "killed    spin  it killed" in said.out
    assert "raise a limit                   parked: give spin @task(max_run_s=...) if it needs the time" in said.out
    assert said.out.endswith("where it was\n  File bad.py, line 3 in spin\n")
    assert "engine agents quarantine release bad/1" in said.err


def test_who_is_well_again_need_not_be_let_out(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert quarantine.run(options(), ["show", "bad/0"]) == 0
    assert capsys.readouterr().err == ""


def test_a_record_without_a_sample_shows_none(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert quarantine.run(options(), ["show", "bad/name"]) == 0
    assert "where it was" not in capsys.readouterr().out


def test_one_record_as_json_is_the_record(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert quarantine.run(options(is_json=True), ["show", "bad/1"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema": "engine.quarantine/v1", **engine.entries[1]}


def test_who_is_released_is_told(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert quarantine.run(options(), ["release", "bad/1"]) == 0
    assert capsys.readouterr().out == "bad/1 is as the others again\n"
    assert quarantine.run(options(is_json=True), ["release", "bad/1"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "released"
    assert engine.asked == [("release", {"agent": "bad/1"})] * 2


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["list"], "there is nothing called 'list' to do"),
        (["shwo", "bad/1"], "did you mean"),
        (["bad/1"], "write ls, show or release"),
        (["ls", "bad/1"], "engine agents quarantine show bad/1"),
        (["show"], "show which agent"),
        (["release"], "release which agent"),
        (["release", "bad/1", "bad/2"], "release which agent"),
        (["show", "bad/99"], "nothing was found of 'bad/99'; see: engine agents quarantine ls"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_mend(words: list[str], text: str, engine: Engine) -> None:
    with pytest.raises(Misuse) as refused:
        quarantine.run(options(), words)
    assert text in str(refused.value)
    assert [verb for verb, _ in engine.asked if verb == "release"] == []
