"""The topics of the help fit a narrow terminal, and what they say to type can be typed."""

from __future__ import annotations

import re

import pytest

from engine.cli.main import VERBS, main
from engine.cli.manual import parser_of
from engine.cli.topics import TOPICS, text_of
from engine.layers import OTHER_VARIABLES
from tests.support.shelllines import commands_in


@pytest.mark.parametrize("topic", [*TOPICS, "topics"])
def test_a_topic_is_a_page_of_eighty_columns_whose_commands_are_understood(
    topic: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help", topic]) == 0
    text = capsys.readouterr().out
    assert text == text_of(topic)
    assert text.startswith(f"engine help {topic}: ")
    assert max(map(len, text.splitlines())) <= 80
    for line in text.splitlines():
        if line.startswith("  engine "):
            for words in commands_in(line.strip()):
                parser_of(words[0], VERBS[words[0]]).read(words[1:])


def test_no_topic_is_called_as_a_verb_is() -> None:
    assert not set(TOPICS) & set(VERBS)


def test_a_topic_that_there_is_not_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "exit-code"]) == 2
    assert "did you mean exit-codes?" in capsys.readouterr().err
    assert main(["help", "xyzzy"]) == 2
    assert "engine help topics" in capsys.readouterr().err


def test_every_variable_that_is_no_key_and_every_exit_code_is_told_of() -> None:
    for name in (
        *OTHER_VARIABLES,
        "ENGINE_NAME",
        "NO_COLOR",
        "FORCE_COLOR",
        "TERM",
        "PAGER",
        "XDG_RUNTIME_DIR",
        "XDG_STATE_HOME",
    ):
        assert f"  {name} " in text_of("environment")
    codes = re.findall(r"^  (\d+) ", text_of("exit-codes"), re.MULTILINE)
    assert codes == ["0", "1", "2", "3", "4", "130", "141", "143"]
