"""What people and programs wrote for others becomes a backlog that can be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from sprints.backlog import read_backlog
from tests.unit.engine.cli.conftest import Sprint

TODO = "# The app\n- [ ] Write it @dev !high ~90s ^write\n- [x] Name it\n- [ ] Try it @qa\n"
JUNIT = (
    '<testsuite><testcase classname="m" name="a"><failure message="no">why</failure></testcase><testcase name="b"/></testsuite>'
)


@pytest.mark.parametrize(("form", "text", "ids"), [("todo", TODO, ["write", "try-it"]), ("junit", JUNIT, ["mend-m-a"])])
def test_a_file_becomes_a_backlog_in_yaml_and_json(
    sprint: Sprint, tmp_path: Path, form: str, text: str, ids: list[str]
) -> None:
    (tmp_path / "file").write_text(text)
    code, out, error = sprint("import", form, "file")
    assert code == 0
    assert error.startswith(f"{len(ids)} task{'s' if len(ids) > 1 else ''}; say which kinds")
    backlog = read_backlog(yaml.safe_load(out))
    assert list(backlog.items) == ids
    assert read_backlog(json.loads(sprint("import", form, "file", "--json")[1])) == backlog


def test_roles_and_methods_are_those_that_are_said(sprint: Sprint, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(TODO)
    document = json.loads(sprint("import", "todo", "file", "--role", "maker", "--method", "make", "--json")[1])
    assert [(task["role"], task["method"]) for task in document["tasks"]] == [("dev", "make"), ("qa", "make")]
    (tmp_path / "file").write_text("- [ ] do\n")
    document = json.loads(sprint("import", "todo", "file", "--role", "maker", "--json")[1])
    assert (document["name"], document["roles"]) == ("file", {"maker": {"kind": "maker", "agents": 10}})


@pytest.mark.parametrize(
    ("words", "content", "said"),
    [
        (("foo", "file"), b"", "write todo or junit"),
        (("todoo", "file"), b"", "todo"),
        (("todo", "none"), b"", "none cannot be read"),
        (("todo", "file"), b"nothing\n", "there is no task"),
        (("todo", "file"), b"- [ ] a\n\xff", "line 2: not UTF-8"),
        (("todo", "file"), b"- [ ] a !soon\n", "line 1: '!soon' is no priority"),
        (("junit", "file"), b"", "not XML"),
        (("junit", "file"), b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "document type"),
        (("todo",), b"", "needs FILE"),
    ],
)
def test_what_cannot_be_one_is_said(sprint: Sprint, tmp_path: Path, words: tuple[str, ...], content: bytes, said: str) -> None:
    (tmp_path / "file").write_bytes(content)
    code, out, error = sprint("import", *words)
    assert (code, out) == (2, "")
    assert said in error
