"""A long page on a terminal goes through a pager, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Commands, Terminal, commands


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """Commands with a pager that leaves a mark."""
    with commands(tmp_path) as made:
        pager = tmp_path / "pager"
        pager.write_text("#!/bin/sh\necho paged; cat\n")
        pager.chmod(0o755)
        made.environ |= {"PAGER": f"'{pager}'"}
        yield made


def test_a_page_that_is_longer_than_the_terminal_is_paged(engine: Commands) -> None:
    terminal = Terminal(engine, "help", "tasks")
    assert terminal.end() == 0
    assert terminal.seen.startswith("paged")
    assert "\x1b[1mUsage\x1b[0m" in terminal.seen


@pytest.mark.parametrize(
    ("words", "term"), [(("help", "version"), "xterm"), (("help", "tasks"), "dumb"), (("tasks", "--help"), "xterm")]
)
def test_a_short_page_a_dumb_terminal_and_an_option_show_it_at_once(
    engine: Commands, words: tuple[str, ...], term: str
) -> None:
    terminal = Terminal(engine, *words, term=term)
    assert terminal.end() == 0
    assert "paged" not in terminal.seen
    assert "Usage" in terminal.seen


def test_in_a_pipe_there_is_neither_a_pager_nor_a_colour(engine: Commands) -> None:
    shown = engine("help", "tasks").stdout
    assert shown.startswith("engine tasks: ")
    assert "\x1b" not in shown
    assert "\x1b[1mUsage" in engine("help", "tasks", FORCE_COLOR="1").stdout


@pytest.mark.parametrize("pager", ["/no/such/pager", "'", ""])
def test_a_pager_that_cannot_be_started_is_no_reason_to_show_nothing(engine: Commands, pager: str) -> None:
    engine.environ |= {"PAGER": pager}
    terminal = Terminal(engine, "help", "tasks")
    assert terminal.end() == 0
    assert "Usage" in terminal.seen
    assert "Traceback" not in terminal.seen
