"""A backlog is counted, and what is wrong with it is named with its line and key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.sprinting import document
from tests.unit.engine.cli.conftest import Sprint


def test_what_it_holds_and_what_a_first_sprint_would_take(sprint: Sprint, tmp_path: Path) -> None:
    row = document(*({"id": f"t{at}"} for at in range(90)), {"id": "c", "check": {"expr": "a"}}, sprint={"shape": "waves"})
    (tmp_path / "app.json").write_text(json.dumps(row))
    code, out, _ = sprint("check", "app.json")
    assert code == 0
    assert out.splitlines() == [
        "app.json is a backlog",
        "  app: 91 tasks in 1 role, for 4 agents",
        "  a sprint of 900 s takes 40 tasks",
        "  90 tasks with neither check nor artifacts: proven by effects alone",
        "    Quick Wins: 180 s, 1 agent, 8 tasks",
        "    Core Features: 480 s, 2 agents, 24 tasks",
        "    Polish & Test: 180 s, 1 agent, 6 tasks",
        "    Ship & Learn: 60 s, 1 agent, 2 tasks",
    ]
    facts = json.loads(sprint("check", "app.json", "--json")[1])
    assert (facts["schema"], facts["file"], facts["tasks"], facts["unproven"]) == ("engine.sprint/v1", "app.json", 91, 90)
    assert facts["sprint"] == {"shape": "waves", "seconds": 900.0, "capacity": 40, "takes": 40}


HEAD = "schema: engine.backlog/v1\nname: x\nroles: {r: {kind: k, agents: 1}}\ntasks:"
CIRCLE = "\n  - {id: a, role: r, method: m, after: [b]}\n  - {id: b, role: r, method: m, after: [a]}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "app.yaml:1: schema: is missing"),
        (f"{HEAD} []\n", "app.yaml:4: tasks: there is no task"),
        (f"{HEAD}{CIRCLE}", "app.yaml:5: tasks[0].after: these tasks wait for each other: a -> b -> a"),
        (f"{HEAD}\n  - {{id: a, role: q, method: m}}\n", "app.yaml:5: tasks[0].role: there is no role 'q'; there are r"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_key(sprint: Sprint, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "app.yaml").write_text(text)
    code, out, error = sprint("check", "app.yaml")
    assert (code, out) == (2, "")
    assert said in error
    failure = json.loads(sprint("check", "app.yaml", "--json")[2])
    assert (failure["schema"], failure["exit_code"]) == ("engine.error/v1", 2)


def test_what_cannot_be_read_is_named(sprint: Sprint, tmp_path: Path) -> None:
    assert "none.yaml" in sprint("check", "none.yaml")[2]
    assert sprint("check", str(tmp_path))[0] == 2
    assert sprint("check")[0] == 2
    assert sprint("check", "a", "b")[0] == 2
