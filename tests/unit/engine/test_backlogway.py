"""A backlog is given as a file or as what stands in one; its classes in files are those beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.backlogway import given_backlog, handed_over, references_of
from sprints.errors import BadBacklog

ROW = {
    "schema": "engine.backlog/v1",
    "name": "app",
    "use": ["kinds/maker.py:Maker", "package.module:Other"],
    "roles": {"maker": {"kind": "maker", "agents": 1}},
    "tasks": [{"id": "a", "role": "maker", "method": "make"}],
}


def test_a_file_stands_in_its_folder_and_a_document_where_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "app.json"
    file.write_text(json.dumps(ROW))
    read, folder = given_backlog(file, None)
    assert (read.name, folder) == ("app", tmp_path.resolve())
    assert given_backlog(str(file), tmp_path / "other")[1] == tmp_path.resolve() / "other"
    monkeypatch.chdir(tmp_path)
    assert given_backlog(ROW, None) == (read, tmp_path.resolve())
    assert references_of(read, folder, ["more.py:More"]) == [
        f"{tmp_path.resolve()}/kinds/maker.py:Maker",
        "package.module:Other",
        f"{tmp_path.resolve()}/more.py:More",
    ]
    with pytest.raises(BadBacklog, match="tasks"):
        given_backlog(ROW | {"tasks": []}, None)


def test_what_is_handed_over_is_the_same_backlog_for_its_owner_alone(tmp_path: Path) -> None:
    read, _ = given_backlog(ROW, tmp_path)
    file = Path(handed_over(tmp_path / "sprints", read))
    assert file.parent == tmp_path / "sprints"
    assert file.stat().st_mode & 0o777 == 0o600
    assert given_backlog(orjson.loads(file.read_bytes()), tmp_path)[0] == read


@pytest.mark.parametrize(
    "task",
    [
        {"args": [float("nan")]},
        {"args": {"n": 2**64}},
        {"args": [[b"x"]]},
        {"args": [(1,)]},
        {"check": {"expr": "a", "equals": {1: 2}}},
    ],
)
def test_a_value_that_its_ledger_would_change_is_refused(task: dict[str, Any]) -> None:
    with pytest.raises(BadBacklog, match=r"tasks\[0\]\.(args|check): it"):
        given_backlog(ROW | {"tasks": [{**ROW["tasks"][0], **task}]}, None)  # type: ignore[dict-item,index]
