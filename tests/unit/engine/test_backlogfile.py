"""A backlog's file: values as they are meant, and every fault with its file, line and key."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import backlogfile
from engine.backlogfile import read_backlog_file
from engine.errors import ConfigError
from sprints.backlog import Backlog, Role
from sprints.errors import BacklogCycle, BadBacklog

HEAD = """\
schema: engine.backlog/v1
name: app
roles:
  dev: {kind: coder, agents: 5}
tasks:
"""


def written(tmp_path: Path, text: str | bytes, name: str = "app.yaml") -> Path:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def refused(file: Path) -> str:
    with pytest.raises((BadBacklog, ConfigError)) as wrong:
        read_backlog_file(file)
    return str(wrong.value).replace(str(file), "FILE")


def args_of(tmp_path: Path, text: str) -> Any:
    return read_backlog_file(written(tmp_path, f"{HEAD}  - {{id: a, role: dev, method: run, args: {text}}}\n")).items["a"].args


def test_values_are_what_json_would_make_of_them_and_all_else_is_text(tmp_path: Path) -> None:
    assert args_of(tmp_path, "[1, -2.5, 1e3, true, False, null, ~, x y]") == [1, -2.5, 1000.0, True, False, None, None, "x y"]
    assert args_of(tmp_path, "['1', \"true\", 'null', '']") == ["1", "true", "null", ""]
    assert args_of(tmp_path, "[010, 1_000, 0x10, yes, no, 1:30, .5, 2026-11-21, 25%]") == [
        "010", "1_000", "0x10", "yes", "no", "1:30", ".5", "2026-11-21", "25%",
    ]  # fmt: skip
    assert args_of(tmp_path, "{a: {b: [1, {c: 2}]}}") == {"a": {"b": [1, {"c": 2}]}}


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["C"], exclude_characters="\x85\u2028\u2029\ufeff"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8,
))  # fmt: skip
def test_a_document_in_json_means_what_it_means_in_json(value: Any) -> None:
    import tempfile

    row = {"id": "a", "role": "dev", "method": "run", "args": [value]}
    document = {"schema": "engine.backlog/v1", "name": "app", "roles": {"dev": {"kind": "x", "agents": 1}}, "tasks": [row]}
    with tempfile.TemporaryDirectory() as folder:
        whole = read_backlog_file(written(Path(folder), json.dumps(document), "app.json"))
        lines = read_backlog_file(written(Path(folder), json.dumps(row), "app.jsonl"))
    for found in (whole, lines):
        assert found.items["a"].args == [value]
        assert repr(found.items["a"].args) == repr([value])


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ("  - id: a\n    role: dev\n    method: run\n    priority: hihg\n", "FILE:9: tasks[0].priority: must be one of"),
        (
            "  - id: a\n    role: dev\n    mehtod: run\n",
            "FILE:8: tasks[0].mehtod: there is no such key; did you mean 'method'?",
        ),
        ("  - id: a\n    role: dev\n", "FILE:6: tasks[0].method: is missing"),
        (
            "  - {id: a, role: dev, method: run}\n\n  - id: b\n    role: ops\n    method: run\n",
            "FILE:9: tasks[1].role: there is no",
        ),
        (
            "  - {id: a, role: dev, method: run}\n  - {id: a, role: dev, method: run}\n",
            "FILE:7: tasks[1].id: 'a' is there twice",
        ),
        (
            "  - id: a\n    role: dev\n    method: run\n    after:\n      - x\n",
            "FILE:10: tasks[0].after[0]: there is no task 'x'",
        ),
        ("  - id: a\n    role: dev\n    method: run\n    args: [18446744073709551616]\n", "FILE:9: tasks[0].args[0]: 1844"),
        (
            "  - id: a\n    role: dev\n    method: run\n    args: {x: -1e999}\n",
            "FILE:9: tasks[0].args.x: -1e999 is a number out",
        ),
        ("  - id: a\n    id: b\n", "FILE:7: tasks[0].id: is there twice, first in line 6"),
        ("  - just words\n", "FILE:6: tasks[0]: must be a mapping of keys, not 'just words'"),
        ("  - id: 12\n    role: dev\n    method: run\n", "FILE:6: tasks[0].id: must be a text, not 12"),
        ("  []\n", "FILE:5: tasks: there is no task to do"),
        ("  - [\n", "FILE:7: not YAML: "),
    ],
)
def test_a_fault_is_named_with_its_file_its_line_and_its_key(tmp_path: Path, tasks: str, said: str) -> None:
    assert refused(written(tmp_path, HEAD + tasks)).startswith(said)


def test_an_empty_file_and_one_that_is_none_are_refused(tmp_path: Path) -> None:
    assert refused(written(tmp_path, "")) == "FILE:1: schema: is missing"
    assert refused(written(tmp_path, "", "app.jsonl")) == "FILE:1: tasks: there is no task to do"
    assert refused(tmp_path / "none.yaml").startswith("FILE: cannot be read")
    assert refused(tmp_path / "none.jsonl").startswith("FILE: cannot be read")


def test_a_circle_is_named_where_it_begins(tmp_path: Path) -> None:
    tasks = [{"id": "a", "after": ["b"]}, {"id": "c"}, {"id": "b", "after": ["a"]}]
    lines = "".join(f"{json.dumps({'role': 'dev', 'method': 'run', **task})}\n" for task in tasks)
    with pytest.raises(BacklogCycle) as wrong:
        read_backlog_file(written(tmp_path, f"\n{lines}", "app.jsonl"))
    assert wrong.value.cycle == ("a", "b", "a")
    assert wrong.value.place.endswith("app.jsonl:2")


def lines_of(*values: Any) -> str:
    return "".join(f"{json.dumps(value)}\n" for value in values)


def test_lines_of_tasks_alone_have_the_files_name_and_a_kind_for_each_role(tmp_path: Path) -> None:
    text = lines_of({"id": "a", "role": "dev", "method": "run"}, {"id": "b", "role": "qa", "method": "run", "after": ["a"]})
    found = read_backlog_file(written(tmp_path, text, "shop.jsonl"))
    assert isinstance(found, Backlog)
    assert (found.name, found.roles) == ("shop", {"dev": Role("dev", 10), "qa": Role("qa", 10)})


def test_the_first_line_may_say_what_holds_for_all(tmp_path: Path) -> None:
    head = {
        "schema": "engine.backlog/v1",
        "name": "app",
        "roles": {"dev": {"kind": "coder", "agents": 5}},
        "sprint": {"shape": "waves"},
    }
    task = {"id": "a", "role": "dev", "method": "run"}
    found = read_backlog_file(written(tmp_path, lines_of(head, task), "app.ndjson"))
    assert (found.roles["dev"].kind, found.shape.name) == ("coder", "waves")
    assert refused(written(tmp_path, lines_of(head, {**task, "role": "qa"}), "app.jsonl")).startswith("FILE:2: tasks[0].role")
    assert refused(written(tmp_path, lines_of({**head, "owner": 1}, task), "app.jsonl")).startswith(
        "FILE:1: owner: there is no such"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{oops", "FILE:2: not JSON"),
        ('{"id": "b", "id": "b"}', "FILE:2: the key 'id' is there twice"),
        ('{"id": NaN}', "FILE:2: NaN is not in JSON"),
        ('{"id": "b", "role": "dev", "method": 7}', "FILE:2: tasks[1].method: must be a text"),
        ("[]", "FILE:2: tasks[1]: must be a mapping"),
    ],
)
def test_a_fault_in_a_line_is_named_with_it(tmp_path: Path, line: str, said: str) -> None:
    text = f"{lines_of({'id': 'a', 'role': 'dev', 'method': 'run'})}{line}\n"
    assert refused(written(tmp_path, text, "app.jsonl")).startswith(said)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    for name, said in (("app.yaml", "larger than 33,554,432 bytes"), ("app.jsonl", "a line of more than 16,777,216 bytes")):
        file = written(tmp_path, "", name)
        os.truncate(file, 2**36)  # a hole: it takes no room on the disk
        assert said in refused(file)


def test_aliases_that_grow_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlogfile, "VALUES", 10_000)
    levels = [f"l{at}: &l{at} [{', '.join([f'*l{at - 1}'] * 10)}]" for at in range(1, 6)]
    assert "more than 10,000 values, aliases counted" in refused(written(tmp_path, "\n".join(["l0: &l0 [x]", *levels])))


def test_more_tasks_than_a_backlog_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlogfile, "BACKLOG_ITEMS", 2)
    text = lines_of(*({"id": str(at), "role": "dev", "method": "run"} for at in range(3)))
    assert refused(written(tmp_path, text, "app.jsonl")) == "FILE:3: tasks: more than 2 tasks"


def test_the_backlog_that_the_page_shows_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "sprints.md").read_text()
    shown = page.partition("```yaml\nschema: engine.backlog/v1")[2].partition("```")[0]
    found = read_backlog_file(written(tmp_path, f"schema: engine.backlog/v1{shown}"))
    assert list(found.items) == ["home", "index"]
    wrong = shown.replace("after: [home]", "after: [hme]")
    said = refused(written(tmp_path, f"schema: engine.backlog/v1{wrong}")).replace("FILE", "app.yaml")
    assert said.endswith(": there is no task 'hme'")
    assert said.rpartition(": ")[0] in page


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"schema": "engine.backlog/v1",\n "name": "x",\n "name": "y"}', "FILE:3: name: is there twice"),
        ('{"name": "x",\n "roles": {"r": {"agents": NaN}}}', "FILE:2: roles.r.agents: NaN is not in JSON"),
        ('{"name": "x",\n "roles": {"r": {"agents": 1e999}}}', "FILE:2: roles.r.agents: 1e999 is a number out of range"),
        ('{"name": "x",\n "na', "FILE:2: not JSON: unterminated string starting at character 2"),
        ('{"name":\n "\\ud800"}', "FILE:2: not JSON: "),
        ("[]", "FILE:1: must be a mapping"),
    ],
)
def test_what_is_wrong_in_a_file_of_json_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    assert refused(written(tmp_path, text, "app.json")).startswith(said)


@pytest.mark.parametrize("check", ["{expr: '[[['}", "{schema: {type: 5}}"])
def test_a_check_that_could_never_pass_is_refused_in_every_form(tmp_path: Path, check: str) -> None:
    text = f"{HEAD}  - {{id: a, role: dev, method: run}}\n  - {{id: b, role: dev, method: run, check: {check}}}\n"
    assert refused(written(tmp_path, text)).startswith("FILE:7: tasks[1].check.")
    value = {"expr": "[[["} if "expr" in check else {"schema": {"type": 5}}
    line = json.dumps({"id": "a", "role": "dev", "method": "run", "check": value})
    assert refused(written(tmp_path, f"\n{line}\n", "app.jsonl")).startswith("FILE:2: tasks[0].check.")
    row = {
        "schema": "engine.backlog/v1",
        "name": "a",
        "roles": {"dev": {"kind": "k", "agents": 1}},
        "tasks": [json.loads(line)],
    }
    assert refused(written(tmp_path, json.dumps(row), "app.json")).startswith("FILE:1: tasks[0].check.")
