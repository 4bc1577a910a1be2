"""The help names every field that a line may have, and the options mean what the fields mean."""

from __future__ import annotations

from argparse import Namespace

import pytest

from engine.cli.misuse import Misuse
from engine.cli.parser import Parser
from engine.cli.taskfields import TABLE, add_defaults, defaults_of
from engine.options import PLAIN, Options
from engine.submission import LINE, WANTED


def read(*words: str) -> Options:
    """The options that words are."""
    parser = Parser(prog="engine submit", add_help=False)
    add_defaults(parser)
    return defaults_of(parser.read(words))


def test_every_field_is_in_the_table_and_nothing_else() -> None:
    named = {word.strip(" ,|") for line in TABLE.splitlines() for word in line[2:17].split()} - {"", "|"}
    assert named | {"deadline_at"} == WANTED | LINE
    assert "deadline_at" in TABLE
    assert max(map(len, TABLE.splitlines())) <= 80


def test_options_are_the_fields_of_all_lines() -> None:
    words = "--priority High --tenant t --tag a --tag b --retries 2 --retry-on ValueError --timeout 2m --delay 1s"
    assert read(*words.split()) == Options(
        priority="high", tenant="t", tags=["a", "b"], retries=2, retry_on="ValueError", timeout_s=120, delay_s=1
    )
    assert read() == PLAIN == defaults_of(Namespace())


@pytest.mark.parametrize("words", [["--priority", "urgent"], ["--retries", "101"], ["--timeout", "-1"], ["--tag", ""]])
def test_a_wrong_one_is_refused(words: list[str]) -> None:
    with pytest.raises(Misuse):
        read(*words)
