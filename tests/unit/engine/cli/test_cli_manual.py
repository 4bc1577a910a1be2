"""Every verb and every action, found by looking: each explains itself, its examples can be typed, its typos are answered."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest

from engine.cli import parser as parsing
from engine.cli.main import VERBS, main
from engine.cli.manual import actions_of, page_of, parser_of
from engine.cli.misuse import Misuse
from tests.support.shelllines import commands_in

ACTIONS = [(verb, action) for verb in VERBS for action in actions_of(verb)]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder and a home in which no engine runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENGINE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(parsing, "_width", lambda: 80)
    for name in ("ENGINE_NAME", "ENGINE_POOLS"):
        monkeypatch.delenv(name, raising=False)


def split(words: list[str]) -> tuple[str, list[str]]:
    """The verb of some words, and the others."""
    from engine.cli.main import _split

    verb, rest = _split(words)
    assert verb is not None
    return verb, rest


def test_commands_are_found_in_a_line_for_a_shell() -> None:
    assert list(commands_in('engine tasks result "$(engine submit a | jq -r .task)" --wait 30s > out && engine stop')) == [
        ["submit", "a"],
        ["tasks", "result", "VALUE", "--wait", "30s"],
        ["stop"],
    ]


@pytest.mark.parametrize("verb", VERBS)
def test_the_page_of_a_verb_has_its_usage_its_text_its_options_and_examples_that_parse(verb: str) -> None:
    page = page_of(verb, VERBS[verb])
    assert page.line == VERBS[verb]
    assert page.usage[0].startswith(f"engine {verb}")
    assert len(page.text) > 40
    assert {"--name", "--output", "--json", "--quiet", "--help"} <= {name for one in page.common for name in one.names}
    assert all(one.help for one in (*page.words, *page.options, *page.common))
    parsed = [words for example in page.examples for words in commands_in(example)]
    assert any(words[:1] == [verb] or verb in words for words in parsed)
    for words in parsed:
        name, rest = split(words)
        parser_of(name, VERBS[name]).read(rest)


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_is_a_page_and_ends_well(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([verb, "--help"], ["help", verb]):
        assert main(words) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == f"engine {verb}: {VERBS[verb]}"
        assert {"Usage", "Options of every verb", "Examples"} <= set(lines)
        assert max(map(len, lines)) <= 80
    assert main(["help", verb, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "engine.help/v1"
    assert said["name"] == verb


@pytest.mark.parametrize(("verb", "action"), ACTIONS)
def test_an_action_is_in_the_usage_of_its_verb_and_answers_help_and_typos(
    verb: str, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = page_of(verb, VERBS[verb])
    for word in action.split():
        assert re.search(rf"\b{word}\b", "\n".join(page.usage)), f"{word} is not in the usage"
    assert main([verb, *action.split(), "--help"]) == 0
    capsys.readouterr()
    assert main([verb, *action.split(), "--helq"]) == 2
    assert "there is no option --helq, did you mean --help?" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_option_of_a_verb_is_answered_with_the_nearest_one(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    for wrong, right in (("--jsno", "--json"), ("--quite", "--quiet"), ("--outptu=json", "--output")):
        assert main([verb, wrong]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert f"did you mean {right}? See: engine {verb} --help" in said.err
    assert main([verb, "-Z"]) == 2
    assert main([verb, "-o", "jsn"]) == 2
    assert "none of table, json, ndjson, did you mean json?" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_a_verb_is_told_what_its_values_are(verb: str) -> None:
    """What a value may be is known to completion: each name that is offered for is one of the verb's own."""
    parser = parser_of(verb, VERBS[verb])
    names = {action.dest for action in parser._actions}
    assert set(parser.offers) <= names


def test_the_module_of_every_verb_has_its_actions_where_completion_looks() -> None:
    for verb in VERBS:
        module = importlib.import_module(f"engine.cli.verbs.{verb}")
        told = {action.partition(" ")[0] for action in actions_of(verb)}
        known = set(getattr(module, "ACTIONS", ()))
        assert known <= told, f"{verb} does {known - told}, of which its ABOUT does not tell"


def test_words_that_are_none_of_a_command_are_one_too_many() -> None:
    with pytest.raises(Misuse, match="one word too many"):
        parser_of("version", VERBS["version"]).read(["now"])
