"""Every block of the guide, of the README and of the pages behind it is typed, in order, and shows what the page says."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import ROOT, commands
from tests.support.documents import Block, Reader, blocks_of, pattern_of
from tests.support.readme import SHELL, Given, piece_of

GUIDE, README = ROOT / "docs" / "guide.md", ROOT / "README.md"
#: What is read one after the other, by the same person.
PAGES = [README, *(ROOT / "docs" / f"{name}.md" for name in ("agents", "tasks", "sprints", "running", "observability"))]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Somebody in an empty folder."""
    with commands(tmp_path) as made:
        one = Reader(tmp_path / "w", made.environ)
        try:
            yield one
        finally:
            one.close()


def test_what_is_expected_may_leave_out_what_differs_each_time() -> None:
    assert re.fullmatch(pattern_of(["took ... s", "...", "end"]), "took 5 s\na\nb\nend\n")
    assert re.fullmatch(pattern_of(["...", "end"]), "end\n")
    assert not re.fullmatch(pattern_of(["took ... s"]), "took 5 s\nmore\n")
    assert not re.fullmatch(pattern_of(["2"]), "3\n")


@pytest.mark.timeout(240)
def test_the_guide_leads_a_newcomer_to_an_agent_of_their_own(reader: Reader) -> None:
    blocks = blocks_of(GUIDE, "console", "python")
    name = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"]
    assert any(
        f"pip install {name}" in command
        for block in blocks
        for command, _ in (block.steps if block.language == "console" else [])
    )
    for block in blocks:
        if block.language == "python":
            reader.write(block)
        else:
            reader.read(block)


def typed_before(reader: Reader, block: Block) -> Given:
    """Do what a block takes for granted; returns that."""
    first = block.steps[0][0]
    given = next((given for begin, given in SHELL.items() if first.startswith(begin)), Given({}))
    for name, text in given.files.items():
        (reader.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (reader.folder / name).write_text(text)
    for line in given.typed:
        code, shown = reader.type(line)
        assert code == 0, f"{line}: {shown}"
    return given


@pytest.mark.timeout(400)
def test_the_readme_and_its_pages_say_what_happens(reader: Reader) -> None:
    assert reader.type("python3 -m venv --without-pip .venv")[0] == 0
    reader.install()
    (reader.folder / "examples").symlink_to(ROOT / "examples")
    (reader.folder / "README.md").symlink_to(README)
    (reader.folder / "pools.yaml").write_text("pools:\n  p1: {agents: 5000}\n  p2: {agents: 5000}\n")
    for number, block in enumerate(block for page in PAGES for block in blocks_of(page, "console", "python")):
        if block.language == "console":
            reader.read(block, typed_before(reader, block), has_hints=False)
        elif "\nasync def test_" in block.text:
            (reader.folder / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
            (reader.folder / "test_block.py").write_text(block.text)
            code, shown = reader.type("python -m pytest -q -p no:cacheprovider test_block.py")
            assert code == 0, shown
        elif "__file__" in block.text:
            (reader.folder / "app.py").write_text(block.text)
            (reader.folder / "work").mkdir()
        else:
            name = f"block_{number}.py"
            (reader.folder / name).write_text(piece_of(block.text))
            code, shown = reader.type(f"python {name}")
            assert code == 0, f"line {block.line}: {shown}"
            said = re.findall(r"print\(.*\)  # (\d+)$", block.text, re.MULTILINE)
            assert shown.split()[: len(said)] == said
