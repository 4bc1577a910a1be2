"""A long job says how far it is: on a line that is written over where it can be, else now and then, and not at all if quiet."""

from __future__ import annotations

import io
import sys
from argparse import Namespace

import pytest

from engine.cli import figures
from engine.cli.meter import FIRST_S, LINE_S, Meter
from engine.cli.screen import cells, clean


class Terminal(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def meter(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, times: list[float], **facts: object) -> Meter:
    options = Namespace(**{"quiet": False, "json": False, "no_color": False, **facts})
    monkeypatch.setattr(sys, "stderr", stream)
    return Meter(options, "backup", figures.flow, environ={"TERM": "xterm", "COLUMNS": "60"}, clock=iter(times).__next__)


def test_what_is_over_in_a_second_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    with meter(monkeypatch, stream, [0.0, 0.2, 0.9]) as one:
        one.told(1, 10)
        one.told(9, 10)
    assert stream.getvalue() == ""


def test_a_terminal_has_one_line_with_rate_and_time_left_and_it_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    with meter(monkeypatch, stream, [0.0, 2.0, 2.01, 4.0]) as one:
        one.told(20e6, 100e6)
        one.told(21e6, 100e6)
        one.told(40e6, 100e6, "a very long remark about where it is at this moment, which does not fit")
    shown = stream.getvalue()
    assert shown.count("\r") == 3
    first, second, last = shown.split("\r\x1b[K")[1:]
    assert clean(first).endswith("backup 20 %, 10 MB/s, 8 s left")
    assert "backup 40 %, 10 MB/s, 6 s left" in clean(second)
    assert cells(clean(second)) < 60
    assert last == ""


def test_elsewhere_a_line_comes_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    with meter(monkeypatch, stream, [0.0, FIRST_S, FIRST_S + 1, FIRST_S + LINE_S]) as one:
        for done in (1, 2, 3):
            one.told(done * 1e6, 4e6)
    assert stream.getvalue().splitlines() == [
        "engine: backup 25 %, 1 MB/s, 3 s left",
        "engine: backup 75 %, 500 KB/s, 2 s left",
    ]


@pytest.mark.parametrize("facts", [{"quiet": True}, {"json": True}])
def test_who_asked_for_silence_has_it(monkeypatch: pytest.MonkeyPatch, facts: dict[str, object]) -> None:
    stream = Terminal()
    with meter(monkeypatch, stream, [0.0, 9.0], **facts) as one:
        one.told(1, 2)
    assert stream.getvalue() == ""
