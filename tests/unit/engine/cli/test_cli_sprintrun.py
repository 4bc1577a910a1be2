"""The end of a campaign is shown sprint by sprint, and its code says whether all is done and shipped."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.cli import sprintrun
from engine.errors import NotRunning
from pools.errors import LinkClosed
from sprints.archive import Archive
from tests.support.bygone import kept
from tests.support.sprinting import document


@pytest.fixture(autouse=True)
def over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine says that nothing runs any more."""

    def request(_options: Namespace, verb: str, **_facts: Any) -> Any:
        return [] if verb == "sprint-status" else None

    monkeypatch.setattr(sprintrun, "request", request)


def followed(folder: Path, *rows: Mapping[str, Any], is_json: bool = True) -> int:
    """The code of a campaign that has ended: the last of these."""
    ids = kept(folder, *rows, archive=folder / "sprints")
    options = Namespace(json=is_json, quiet=True, no_color=True, color=None)
    return sprintrun._follow(options, Archive(str(folder / "sprints")), ids[-1])


def test_all_that_was_planned_is_done_and_shipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert followed(tmp_path, document({"id": "bad"}, name="other"), document({"id": "a"}, {"id": "b", "after": ["a"]})) == 0
    (told,) = map(json.loads, capsys.readouterr().out.splitlines())  # that of another campaign is none of it
    assert (told["schema"], told["state"], told["verdicts"]) == ("engine.sprint/v1", "done", {"done": 2})


@pytest.mark.parametrize(
    "row",
    [
        document({"id": "a"}, {"id": "bad"}),
        document({"id": "a"}, {"id": "bad", "after": ["a"]}),
        document({"id": "a"}, ship={"hooks": [{"command": ["false"]}]}),
    ],
)
def test_what_failed_or_was_not_shipped_ends_with_1(tmp_path: Path, row: Mapping[str, Any]) -> None:
    assert followed(tmp_path, row) == 1


@pytest.mark.parametrize("error", [NotRunning("gone"), LinkClosed("it ended the connection")])
def test_an_engine_that_went_away_is_waited_for_and_then_told_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    away = [error, error]

    def request(_options: Namespace, _verb: str, **_facts: Any) -> str:
        if away:
            raise away.pop()
        return "back"

    monkeypatch.setattr(sprintrun, "request", request)
    monkeypatch.setattr(sprintrun, "LOOK_S", 0.001)
    options = Namespace(json=False, quiet=False, no_color=True, color=None)
    assert sprintrun._patiently(options, "sprint-status") == "back"
    assert capsys.readouterr().err.count("it is gone; waiting up to 30 s") == 1
    monkeypatch.setattr(sprintrun, "PATIENCE_S", 0.01)
    away += [error] * 1_000
    with pytest.raises(NotRunning, match="goes on when it starts again: engine start"):
        sprintrun._patiently(options, "sprint-status")


def test_agents_of_one_kind_are_those_of_all_its_roles_together() -> None:
    from sprints.backlog import read_backlog

    roles = {"x": {"kind": "k", "agents": 2}, "y": {"kind": "k", "agents": 3}, "z": {"kind": "other", "agents": 1}}
    orders = sprintrun._orders(read_backlog(document({"id": "a", "role": "x"}, roles=roles)))
    assert [tuple(order)[:2] for order in orders] == [("k", 5), ("other", 1)]


def test_where_nothing_is_left_it_is_said_in_both_forms(capsys: pytest.CaptureFixture[str]) -> None:
    sprintrun._show_nothing(Namespace(json=False), "app")
    assert capsys.readouterr().out == "nothing of app is left to do\n"
    sprintrun._show_nothing(Namespace(json=True), "app")
    assert json.loads(capsys.readouterr().out) == {
        "schema": "engine.sprint/v1",
        "backlog": "app",
        "id": None,
        "state": "nothing left",
    }
