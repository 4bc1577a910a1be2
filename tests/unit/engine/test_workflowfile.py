"""A workflow file is read with types, and its faults are told with key and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigError, WorkflowCycle, exit_code
from engine.workflowfile import read_workflow_file

GOOD = """\
schema: engine.workflow/v1
name: sums
kinds: {adder: adder.py:Adder, counter: pools.counter:Counter}
agents: {adder: 2}
input: {file: {path: data/x.csv}, most: 3, deep: [1, 2.5, true, null]}
steps:
  - {id: a, kind: adder, method: add, args: ["${input.file}", 7, yes]}
  - id: b
    agent: adder/0
    method: add
    args: {x: "${a}"}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "sums.yaml"
    file.write_text(text)
    return file


def test_values_have_their_types_and_places_are_absolute(tmp_path: Path) -> None:
    workflow = read_workflow_file(written(tmp_path, GOOD))
    assert workflow.kinds == {"adder": f"{tmp_path.resolve()}/adder.py:Adder", "counter": "pools.counter:Counter"}
    assert workflow.input == {"file": f"{tmp_path}/data/x.csv", "most": 3, "deep": [1, 2.5, True, None]}
    assert workflow.steps[0].args == ["${input.file}", 7, True]
    assert workflow.steps[1].after == ("a",)


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ("method: add, args", "metod: add, args", 7, "steps.0.metod"),
        ("    agent: adder/0\n", "    agent: adder\n", 9, "steps.1.agent"),
        ("agents: {adder: 2}", "agents: {adder: none}", 4, "agents.adder"),
        ('x: "${a}"', 'x: "${c}"', 8, "steps.1"),
        ("name: sums", "name: sums\nname: twice", 3, "name"),
        ("name: sums", "name: !!python/name:os.system x", 2, "name"),
        ("[1, 2.5", "[2026-99-99, 2.5", None, ""),
        ("schema: engine.workflow/v1\n", "", 1, "schema"),
    ],
)
def test_a_fault_is_told_with_its_key_and_line(tmp_path: Path, old: str, new: str, line: int | None, key: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as refused:
        read_workflow_file(written(tmp_path, GOOD.replace(old, new)))
    assert (refused.value.line, refused.value.key) == (line, key)
    assert exit_code(refused.value) == 2


def test_a_circle_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(WorkflowCycle, match="a after b after a") as refused:
        read_workflow_file(written(tmp_path, GOOD.replace("method: add, args", "method: add, after: b, args")))
    assert exit_code(refused.value) == 2


@pytest.mark.parametrize("text", ["", "- a\n", "a: [\n"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        read_workflow_file(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        read_workflow_file(tmp_path / "nowhere.yaml")
