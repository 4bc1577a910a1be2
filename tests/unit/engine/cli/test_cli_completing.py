"""The place of the cursor decides what may stand there."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from engine.cli.completing import Candidate, Typed, candidates_of
from engine.cli.main import VERBS
from engine.cli.manual import actions_of


def offered(*words: str) -> list[str]:
    """The texts of the candidates; what is looked up is shown as it was asked for."""

    def look(what: str, typed: Typed, current: str) -> Iterable[Candidate]:
        return [Candidate(f"{current}<{what} {' '.join(typed.words)}>")]

    found = candidates_of(words, look)
    return [one.text for one in found.candidates] + ([f":{found.paths}"] if found.paths else [])


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (["sta"], ["start", "stats"]),
        (["--name", ""], ["<engines >"]),
        (["-o", ""], ["table", "json", "ndjson"]),
        (["--outp"], ["--output"]),
        (["--name", "x", "ask", ""], ["<agents >"]),
        (["ask", "a/1", ""], ["<methods a/1>"]),
        (["ask", "--timeout", "5s", "a/1", "g"], ["g<methods a/1>"]),
        (["ask", "a/1", "--on-error", ""], ["raise", "skip"]),
        (["ask", "a/1", "--on-error=s"], ["--on-error=skip"]),
        (["tasks", ""], ["ls", "show", "result", "cancel", "retry"]),
        (["tasks", "sh"], ["show"]),
        (["tasks", "show", ""], ["<tasks show>"]),
        (["tasks", "show", "--state", "do"], ["done"]),
        (["tasks", "cancel", "a", ""], ["<tasks cancel a>"]),
        (["agents", "quarantine", ""], ["ls", "show", "release"]),
        (["agents", "quarantine", "show", ""], ["<sick quarantine show>"]),
        (["agents", "rm", "c"], ["c<agents rm>"]),
        (["sprint", "run", ""], [":files"]),
        (["sprint", "--use", "x.py:X", "show", ""], [":files"]),
        (["checkpoints", "ls", "--data", ""], [":folders"]),
        (["run", "--", "--win"], [":files"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["spawn", "--set", "a=1", ""], ["<settings >"]),
        (["nosuch", ""], []),
    ],
)
def test_what_may_stand_there(words: list[str], texts: list[str]) -> None:
    assert offered(*words) == texts


def test_every_verb_is_offered_and_every_action_of_it() -> None:
    assert offered("") == list(VERBS)
    for verb in VERBS:
        for action in actions_of(verb):
            *first, last = action.split()
            assert last in offered(verb, *first, "")


def test_an_option_that_was_given_is_not_offered_again_unless_it_may_be() -> None:
    assert "--count" not in offered("spawn", "--count", "5", "--")
    assert "--use" in offered("spawn", "--use", "a:B", "--")
