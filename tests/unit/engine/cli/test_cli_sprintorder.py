"""A sprint is told something by its id, or the one that runs; who means none of them is asked which."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

import pytest

from engine.cli import sprintorder
from tests.unit.engine.cli.conftest import Sprint


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the engine was asked; the first entry is what it says that runs."""
    asked: list[Any] = [[]]

    def request(_options: Namespace, verb: str, **facts: Any) -> Any:
        if verb == "sprint-status":
            return asked[0]
        asked.append((verb, facts))
        return None

    monkeypatch.setattr(sprintorder, "request", request)
    return asked


@pytest.mark.parametrize("action", ["pause", "resume", "abort"])
def test_the_one_that_runs_is_meant_where_none_is_named(sprint: Sprint, asked: list[Any], action: str) -> None:
    asked[0] = [{"sprint": "sp-20261121-007", "phase": "exec"}, {"sprint": "", "backlog": "about to begin"}]
    code, out, _ = sprint(action)
    assert (code, out.startswith("sp-20261121-007 ")) == (0, True)
    assert json.loads(sprint(action, "sp-20261121-001", "--json")[1]) == {
        "schema": "engine.sprint/v1",
        "id": "sp-20261121-001",
        "asked": action,
    }
    assert asked[1:] == [(f"sprint-{action}", {"sprint": each}) for each in ("sp-20261121-007", "sp-20261121-001")]


def test_none_and_more_than_one_are_asked_about(sprint: Sprint, asked: list[Any]) -> None:
    assert sprint("pause") == (2, "", "engine: pause which sprint? no sprint runs; write its id\n")
    asked[0] = [{"sprint": "sp-20261121-001", "phase": "exec"}, {"sprint": "sp-20261121-002", "phase": "ship"}]
    assert "sp-20261121-001, sp-20261121-002 run; write its id" in sprint("abort")[2]
    assert len(asked) == 1


def test_without_an_engine_it_is_said(sprint: Sprint) -> None:
    code, _, error = sprint("pause", "sp-20261121-001")
    assert (code, "no engine named" in error) == (3, True)
