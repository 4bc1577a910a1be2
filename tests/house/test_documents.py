"""Every block of the documents is tried by a test, and what they name is there: files, headings, tests, measurements, targets.

Blocks of `console` and `python` are typed by tests/process/test_documents.py; those of other languages are read here.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path

import pytest
import yaml

from engine.backlogfile import read_backlog_file
from engine.cli.main import VERBS, _split
from engine.cli.manual import parser_of
from engine.cli.taskline import read_submission
from engine.cluster.clusterfile import read_cluster
from engine.config import load_alone
from engine.options import PLAIN
from engine.workflowfile import read_workflow_file
from tests.process.test_documents import GUIDE, PAGES
from tests.support.documents import Block, blocks_of
from tests.support.shelllines import commands_in

ROOT = Path(__file__).resolve().parents[2]
#: Made by the code, which tests of their own compare.
MADE = {"reference-cli.md", "reference-pools.md"}
DOCS = [ROOT / "README.md", *sorted(page for page in (ROOT / "docs").glob("*.md") if page.name not in MADE)]
#: What else leads to files and tests.
EVERY = [*DOCS, ROOT / "ARCHITECTURE.md", *(ROOT / "docs" / name for name in sorted(MADE))]
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def all_blocks() -> Iterator[tuple[Path, Block]]:
    for page in DOCS:
        text, at = page.read_text(), 0
        for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            at = text[: found.start()].count("\n") + 1
            yield page, Block(found[1], found[2], at)


BLOCKS = list(all_blocks())


def is_limits(block: Block, folder: Path) -> None:
    """Part of a pools.yaml."""
    (folder / "scout.py").write_text("")
    (folder / "pools.yaml").write_text(f"kinds: {{scout: 'scout.py:Scout'}}\npools: {{p1: {{}}}}\n{block.text}")
    load_alone(folder / "pools.yaml")


def is_workflow(block: Block, folder: Path) -> None:
    (folder / "w.yaml").write_text(block.text)
    shown, shipped = (read_workflow_file(file) for file in (folder / "w.yaml", ROOT / "examples" / "workflows" / "words.yaml"))
    assert [step.id for step in shown.steps] == [step.id for step in shipped.steps]


def is_backlog(block: Block, folder: Path) -> None:
    (folder / "b.yaml").write_text(block.text)
    assert read_backlog_file(folder / "b.yaml").name == "site"


def is_scraped(block: Block, _folder: Path) -> None:
    (job,) = yaml.safe_load(block.text)["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["127.0.0.1:9464"]}]


def is_task(block: Block, _folder: Path) -> None:
    for line in block.text.splitlines():
        read_submission(line.encode(), PLAIN)


def is_cluster(block: Block, folder: Path) -> None:
    (folder / "cluster.yaml").write_text(block.text)
    assert [node.id for node in read_cluster(folder / "cluster.yaml").nodes] == ["n1", "n2"]


def is_said(block: Block, _folder: Path) -> None:
    """Commands that need hosts: their words are understood."""
    for line in block.text.splitlines():
        verb, words = _split(shlex.split(line, comments=True)[1:])
        assert verb is not None
        parser_of(verb, VERBS[verb]).read(words)


#: How a block that is not typed is read, by how it begins.
READ: dict[str, Callable[[Block, Path], None]] = {
    "limits:": is_limits,
    "schema: engine.workflow/": is_workflow,
    "schema: engine.backlog/": is_backlog,
    "scrape_configs:": is_scraped,
    '{"id"': is_task,
    "name: swarm": is_cluster,
    "engine cluster init": is_said,
    "engine cluster drain": is_said,
    "engine cluster sprint pause": is_said,
}
#: Blocks that show something, by how they begin: pictures, and a line of a log.
SHOWN = (" engine spawn ─┐", "send counter ", "2026-11-22 ", "FOLDER/current ")


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[f"{name_of(page)}:{block.line}" for page, block in BLOCKS])
def test_a_block_is_typed_or_read_by_a_test(page: Path, block: Block, tmp_path: Path) -> None:
    if block.language in ("console", "python"):
        assert page in (GUIDE, *PAGES), "nobody types this page"
        assert block in blocks_of(page, "console", "python")
        return
    if block.text.startswith(SHOWN):
        return
    reader = next((read for begin, read in READ.items() if block.text.startswith(begin)), None)
    if reader is not None:
        reader(block, tmp_path)
        return
    for line in block.text.splitlines():
        assert re.match(r"(\$ |make \w)", line), f"what is this? {line}"


@pytest.mark.parametrize("page", EVERY, ids=name_of)
def test_every_command_of_a_page_is_understood(page: Path) -> None:
    text = page.read_text()
    typed = [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]
    typed += [code for code in re.findall(r"`(engine [a-z][^`]*)`", text) if "…" not in code and "[" not in code]
    for line in typed:
        for words in commands_in(re.sub(r"^(?:[A-Z_]+=\S+ )+", "", line)):
            verb, rest = _split(words)
            if verb is None:
                continue
            assert verb in VERBS, line
            parser_of(verb, VERBS[verb])._check_options(rest)
    for target in re.findall(r"^make (\w+)", text, re.MULTILINE) + re.findall(r"`make (\w+)`", text):
        assert target in TARGETS, f"make {target}"


@pytest.mark.parametrize("page", EVERY, ids=name_of)
def test_what_a_page_leads_to_is_there(page: Path) -> None:
    for place in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)):
        if place.startswith("http"):
            continue
        file, _, heading = place.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), place
        assert not heading or heading in headings(there), place


def headings(page: Path) -> set[str]:
    """The names under which the headings of a page can be led to."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.replace("\\", "").lower()).replace(" ", "-") for one in found}


@pytest.mark.parametrize("page", EVERY, ids=name_of)
def test_the_tests_and_measurements_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text()
    for named in re.findall(r"`(tests/[\w/.]*)(?:::\w+)?`", text):
        assert (ROOT / named).exists(), named
    every = {file.name for file in (ROOT / "tests").rglob("test_*.py")}
    for named in re.findall(r"`(test_\w+\.py)`", text):
        assert named in every, named
    for line in re.findall(r"python -m (bench(?: [\w-]+)*)", text):
        for name in takewhile(lambda word: not word.startswith("-"), shlex.split(line)[1:]):
            assert importlib.util.find_spec(f"bench.{name}") is not None, line
    for named in re.findall(r"`((?:engine|pools|sprints|checkpoints|bench|examples)/[\w/.]+\.\w+)`", text):
        assert (ROOT / named).is_file(), named
