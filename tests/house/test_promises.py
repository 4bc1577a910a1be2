"""The page of promises: every promise is there, and every test and measurement that it names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "promises.md").read_text()
SECTIONS = {head.split()[0]: text for head, _, text in (part.partition("\n") for part in PAGE.split("\n## ")[1:])}
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
MEASURED = re.findall(r"`python -m bench (\w+)`", PAGE)


def test_every_promise_is_there_with_tests_and_limits() -> None:
    assert list(SECTIONS) == [f"G{number}" for number in range(1, 8)]
    for name, text in SECTIONS.items():
        assert len(re.findall(r"^- `tests/", text, re.MULTILINE)) >= 3, f"{name} names too few tests"
        assert "\nIts limits: " in text, f"{name} does not say where it ends"


@pytest.mark.parametrize(("file", "test"), NAMED, ids=lambda one: one.rpartition("/")[2])
def test_a_test_that_is_named_exists(file: str, test: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == test]
    assert found, f"{file} has no {test}"


def test_the_page_names_no_test_in_another_form() -> None:
    assert len(re.findall(r"`tests/", PAGE)) == len(NAMED)
    assert len(NAMED) > 30


@pytest.mark.parametrize("name", MEASURED)
def test_a_measurement_that_is_named_exists(name: str) -> None:
    assert (ROOT / "bench" / f"{name}.py").is_file()


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{page.name})" in readme, f"README.md does not lead to docs/{page.name}"
