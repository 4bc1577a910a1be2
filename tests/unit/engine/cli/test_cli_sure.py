"""Nothing is undone for good unless somebody says so."""

from __future__ import annotations

import io
from argparse import Namespace

import pytest

from engine.cli.misuse import Misuse
from engine.cli.sure import is_sure, must_ask


class Keyboard(io.StringIO):
    """Input that is a terminal's."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.mark.parametrize(("typed", "is_yes"), [("y\n", True), (" YES \n", True), ("\n", False), ("n\n", False), ("", False)])
def test_only_yes_is_yes(typed: str, is_yes: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert is_sure("drop it?") is is_yes
    assert capsys.readouterr().err == "drop it? [y/N] "


def test_who_says_yes_is_not_asked_and_where_nobody_can_be_asked_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not must_ask(Namespace(yes=True), "drop lets them go")
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(Misuse, match="drop lets them go for good, and nobody can be asked here: say --yes"):
        must_ask(Namespace(yes=False), "drop lets them go")
    monkeypatch.setattr("sys.stdin", Keyboard())
    monkeypatch.setattr("sys.stderr", Keyboard())
    assert must_ask(Namespace(yes=False), "drop lets them go")
