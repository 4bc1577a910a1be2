"""The files of a beginning are files that the engine takes, and names are checked before one is written."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from engine.cli.misuse import Misuse
from engine.cli.starter import FLAVOURS, agent_file, class_of, first_files, kind_of, proof_file
from engine.config import load_alone

#: Where a file is to be written.
HERE = Path("/nowhere")


@pytest.mark.parametrize(
    ("name", "kind", "made"),
    [
        ("price_watcher", "price_watcher", "PriceWatcher"),
        ("PriceWatcher", "price_watcher", "PriceWatcher"),
        ("price-watcher", "price_watcher", "PriceWatcher"),
        ("Scout2", "scout2", "Scout2"),
        ("HTTPProbe", "http_probe", "HttpProbe"),
    ],
)
def test_a_name_is_a_kind_and_a_class(name: str, kind: str, made: str) -> None:
    assert kind_of(name, HERE) == kind
    assert class_of(kind) == made
    assert kind_of(made, HERE) == kind


@pytest.mark.parametrize(
    "name",
    [
        "",
        "9lives",
        "a b",
        "../x",
        "x/y",
        "a.b",
        "ünder",
        "class",
        "json",
        "counter",
        "engine",
        "agent",
        "_x",
        "a" * 41,
        "x__y",
        "-x",
        "None",
        "true",
        "Log",
        "Context",
        "pytest",
        "orjson",
        "conftest",
    ],
)
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(Misuse, match="cannot name an agent"):
        kind_of(name, HERE)


def test_a_name_whose_file_stands_there_already_is_no_other_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clerk_of_mine.py").write_text("")
    (tmp_path / "notes_of_mine").mkdir()  # a folder of data, which Python would take for a package
    monkeypatch.syspath_prepend(str(tmp_path))
    assert kind_of("clerk_of_mine", tmp_path) == "clerk_of_mine"
    assert kind_of("notes_of_mine", tmp_path) == "notes_of_mine"
    with pytest.raises(Misuse, match="try clerk_of_mine_agent"):
        kind_of("clerk_of_mine", tmp_path / "staff")


def test_the_first_files_can_be_used(tmp_path: Path) -> None:
    for name, text in first_files().items():
        (tmp_path / name).write_text(text)
        assert all(len(line) <= 128 for line in text.splitlines())
    config = load_alone(tmp_path / "pools.yaml")
    assert config.default_kind == "account"
    assert config.kinds["account"] == f"{tmp_path}/agent.py:Account"
    methods = {line["method"] for line in map(json.loads, first_files()["tasks.jsonl"].splitlines())}
    tree = ast.parse(first_files()["agent.py"])
    assert methods <= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_agent_is_python_with_a_docstring_for_all_of_it(flavour: str) -> None:
    for text in (agent_file("scout", flavour), proof_file("scout")):
        tree = ast.parse(text)
        assert ast.get_docstring(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                assert node.name == "Scout"
                assert ast.get_docstring(node)
