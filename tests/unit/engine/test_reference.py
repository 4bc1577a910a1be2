"""The committed pages of reference are what the code says, and nothing that the code has is missing from them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.cli.main import VERBS
from engine.cli.manual import actions_of, page_of
from engine.cli.topics import TOPICS
from engine.keydocs import SECTIONS
from engine.reference import main, pages

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.parametrize("name", ["reference-cli.md", "reference-pools.md"])
def test_the_committed_page_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text() == pages()[name], "write it anew: make docs"
    assert set(pages()) == {"reference-cli.md", "reference-pools.md"}


def test_every_verb_option_action_and_topic_is_on_the_page_of_the_command_line() -> None:
    text = pages()["reference-cli.md"]
    for verb, line in VERBS.items():
        section = text[text.index(f"\n## engine {verb}\n") :].partition("\n## ")[2].partition("\n## ")[0]
        for option in page_of(verb, line).options:
            assert f"`{', '.join(option.names)}" in section
        for action in actions_of(verb):
            assert re.search(rf"\b{action.split()[-1]}\b", section)
    for topic in TOPICS:
        assert f"\n## {topic}\n" in text


def test_every_key_is_on_the_page_of_pools_yaml() -> None:
    text = pages()["reference-pools.md"]
    for section in SECTIONS:
        for key in section.keys:
            assert f"| `{section.path}{key}` |" in text


def test_a_page_that_is_not_what_the_code_says_is_found_and_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "docs")]) == 0
    assert main(["--check", str(tmp_path / "docs")]) == 0
    page = tmp_path / "docs" / "reference-cli.md"
    page.write_text(page.read_text().replace("stop", "halt"))
    assert main(["--check", str(tmp_path / "docs")]) == 1
    assert "make docs" in capsys.readouterr().err
    assert main([str(tmp_path / "docs")]) == 0
    assert page.read_text() == pages()["reference-cli.md"]
