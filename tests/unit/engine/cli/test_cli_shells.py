"""What a shell sends is read as it means it, and the answer is as it cuts words."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from engine.cli.completing import Candidate, Typed
from engine.cli.shells import SCRIPTS, place_of, reply

BREAKS = " \t\n\"'><=;|&(:"


def look(what: str, typed: Typed, current: str) -> Iterable[Candidate]:
    """Some agents with a colon in their key."""
    return [Candidate("scout/a:1", "asleep\n"), Candidate("scout/a:2", "run")] if what == "agents" else []


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("engine vers", "version \n"),
        ("engine ask scout/a:", "1 \n2 \n"),
        ("engine 'ask' scout/a:2", "2 \n"),
        ('engine ask "scout/a', "scout/a:1 \nscout/a:2 \n"),
        ("engine ps --output=js", "json \n"),
        ("engine run ", ":files\n"),
        ("engine", ""),
    ],
)
def test_bash_is_answered_with_what_follows_its_last_cut(line: str, answer: str) -> None:
    said = reply(["bash", line, BREAKS], look)
    assert said == answer or (not answer and said.startswith("spawn "))


def test_the_others_are_answered_with_what_each_candidate_is() -> None:
    assert reply(["zsh", "ask", "scout/"], look) == "scout/a:1\tasleep\nscout/a:2\trun\n"
    assert reply(["fish"], look).startswith("spawn\tmake agents exist")


def test_each_script_stands_where_its_shell_looks(tmp_path: Path) -> None:
    places = {shell: place_of(shell, {"HOME": str(tmp_path)}).relative_to(tmp_path) for shell in SCRIPTS}
    assert {shell: str(place) for shell, place in places.items()} == {
        "bash": ".local/share/bash-completion/completions/engine",
        "zsh": ".local/share/zsh/site-functions/_engine",
        "fish": ".config/fish/completions/engine.fish",
    }
    assert place_of("bash", {"HOME": "/h", "XDG_DATA_HOME": "/d"}) == Path("/d/bash-completion/completions/engine")
