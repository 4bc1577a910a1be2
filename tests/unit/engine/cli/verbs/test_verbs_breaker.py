"""`engine breaker` shows the breakers as the engine tells them, and hands on what an operator says."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError, Namespace
from random import Random
from typing import Any

import pytest

from engine.cli.misuse import Misuse, action_of
from engine.cli.verbs import breaker
from pools.breaker import BreakerSpec
from pools.breakers import Breakers
from tests.support.clocks import Clock


class Setup:
    """The verb before the breakers of two pools."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        clock = Clock()
        self.breakers = Breakers(
            BreakerSpec(), ["p1", "p2"], clock=clock.s, chance=Random(1), on_change=lambda _name, _text: None
        )
        self.breakers.record(0, "scout", None, 5, ["ValueError"] * 5)
        monkeypatch.setattr(breaker, "request", self._request)
        monkeypatch.setattr(breaker, "environment", dict[str, str])

    def _request(self, _options: Namespace, verb: str, **facts: Any) -> Any:
        if verb == "force-breaker":
            return self.breakers.force(**facts)
        if verb == "kinds":
            return {"scout": {}, "counter": {}}
        assert (verb, facts) == ("breakers", {})
        return {"breakers": self.breakers.facts(), "outside": self.breakers.outside()}

    def heard(self, worker: str, target: str, state: str = "open", mode: str = "auto") -> None:
        facts = {"state": state, "mode": mode, "retry_after_s": 2.0 if state == "open" else None, "why": "5 calls failed"}
        self.breakers.heard(worker, {"target": target, "event": None, "facts": facts})

    def run(self, action: str = "ls", **facts: Any) -> str:
        wanted: dict[str, Any] = {
            "pool": None,
            "kind": None,
            "target": None,
            "json": False,
            "quiet": False,
            "no_color": True,
            "name": "engine",
        }
        assert breaker.run(Namespace(action=action, **(wanted | facts))) == 0
        return self.capsys.readouterr().out


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Setup:
    return Setup(monkeypatch, capsys)


def test_each_breaker_has_a_row_and_says_why_it_is_open(setup: Setup) -> None:
    shown = setup.run()
    assert [line.split()[:3] for line in shown.splitlines()[1:]] == [
        ["p1", "-", "closed"], ["p2", "-", "closed"], ["p1", "scout", "open"],
    ]  # fmt: skip
    assert "5 calls failed one after the other" in shown
    assert [line.split()[0] for line in setup.run(kind="scout").splitlines()[1:]] == ["p1"]


@pytest.mark.parametrize("action", ["ls", "open", "auto"])
def test_a_kind_that_is_misspelt_holds_nothing_open(setup: Setup, action: str) -> None:
    with pytest.raises(Misuse, match="no kind 'scuot' is loaded, did you mean scout"):
        setup.run(action, kind="scuot")
    assert not setup.breakers.isolated


def test_targets_outside_stand_below_by_worker_and_can_be_asked_for_alone(setup: Setup) -> None:
    setup.heard("p1.0", "a.example")
    setup.heard("p2", "a.example", "closed", "forced closed")
    setup.heard("p2", "b.example", "open", "forced open")
    assert [line.split()[:2] for line in setup.run().splitlines()[-3:]] == [
        ["a.example", "p1.0"], ["a.example", "p2"], ["b.example", "p2"],
    ]  # fmt: skip
    alone = setup.run(target="a.example").splitlines()
    assert [line.split() for line in alone[1:]] == [
        ["a.example", "p1.0", "open", "auto", "2.0", "s", "5", "calls", "failed"],
        ["a.example", "p2", "closed", "forced", "closed", "-", "5", "calls", "failed"],
    ]
    shown = json.loads(setup.run(pool="p1", json=True))
    assert [one["worker"] for one in shown["outside"]] == ["p1.0"]
    assert {one["pool"] for one in shown["breakers"]} == {"p1"}


def test_a_target_that_nobody_holds_back_from_is_told_so(setup: Setup) -> None:
    assert breaker.run(Namespace(action="ls", pool=None, kind=None, target="c", json=False, quiet=False, no_color=True)) == 0
    assert "called as ever" in setup.capsys.readouterr().err


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"pool": "p2"}, "pool p2: open, forced open\n"),
        ({"pool": "p1", "kind": "scout"}, "scout in pool p1: open, forced open\n"),
        ({"target": "a"}, "a in pool p1: open, forced open\na in pool p2: open, forced open\n"),
    ],
)
def test_what_was_done_is_said_and_how_to_take_it_back(setup: Setup, facts: dict[str, str], said: str) -> None:
    assert setup.run("open", **facts) == said
    shown = json.loads(setup.run("auto", json=True, **facts))
    assert shown["schema"] == "engine.breaker/v1"
    assert {(one["state"], one["mode"]) for one in shown["breakers"]} == {("closed", "auto")}


def test_a_pool_or_an_action_that_there_is_not_is_named_with_what_may_be_meant(setup: Setup) -> None:
    with pytest.raises(Misuse, match=r"no pool 'p3'.*there are: p1, p2"):
        setup.run(pool="p3")
    with pytest.raises(ArgumentTypeError, match=r"'opne'.*open"):
        action_of(breaker.ACTIONS)("opne")
