"""The three backlogs: who works, on what, and what proves it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from engine.backlogfile import read_backlog_file
from examples.app.backlogs import SPRINTS, written
from examples.app.blueprint import COMPONENTS, DELIVERABLES, RECORDS
from sprints.backlog import Backlog

AGENTS = {
    "foundation": {"architects": 20, "scaffolders": 50, "configurers": 30, "documenters": 20, "testers": 80},
    "core": {"frontend": 200, "backend": 200, "database": 50, "integration": 100, "quality": 50},
    "enhancement": {"optimizers": 100, "security": 100, "ux": 100, "testers": 100},
}


@pytest.fixture
def backlogs(tmp_path: Path) -> dict[str, Backlog]:
    return {backlog.name: backlog for backlog in map(read_backlog_file, written(tmp_path))}


def test_each_sprint_has_its_agents_in_their_roles(backlogs: dict[str, Backlog]) -> None:
    assert list(backlogs) == list(SPRINTS) == ["foundation", "core", "enhancement"]
    assert {name: {role: one.agents for role, one in backlog.roles.items()} for name, backlog in backlogs.items()} == AGENTS
    assert [backlog.agents for backlog in backlogs.values()] == [200, 600, 400]


def test_every_role_has_a_task_for_each_of_its_agents(backlogs: dict[str, Backlog]) -> None:
    for name, backlog in backlogs.items():
        tasks = Counter(item.role for item in backlog.items.values())
        assert {role for role, agents in AGENTS[name].items() if tasks[role] < agents} == set()


def test_the_fourteen_deliverables_are_the_features_of_their_sprints(backlogs: dict[str, Backlog]) -> None:
    assert sum(map(len, DELIVERABLES.values())) == 14
    for name, backlog in backlogs.items():
        assert {item.feature for item in backlog.items.values()} == set(DELIVERABLES[name])
        writers = {artifact: item.feature for item in backlog.items.values() for artifact in item.artifacts}
        assert {feature: writers[path] for feature, path in DELIVERABLES[name].items()} == {
            feature: feature for feature in DELIVERABLES[name]
        }


def test_nothing_is_done_without_a_check_and_an_artifact(backlogs: dict[str, Backlog]) -> None:
    items = [item for backlog in backlogs.values() for item in backlog.items.values()]
    assert [item.id for item in items if not item.check or len(item.artifacts) != 1] == []
    kinds = Counter(next(iter(item.check.keys() & {"call", "command", "schema", "expr"})) for item in items if item.check)
    assert set(kinds) == {"call", "command", "schema", "expr"}


def test_the_same_folder_gives_the_same_files(tmp_path: Path) -> None:
    first = [file.read_bytes() for file in written(tmp_path)]
    assert first == [file.read_bytes() for file in written(tmp_path)]
    assert all(json.loads(line) for content in first for line in content.splitlines())


def test_there_are_as_many_kinds_of_records_and_parts_as_roles_are_made_for() -> None:
    assert len(RECORDS) == len(COMPONENTS) == 20
