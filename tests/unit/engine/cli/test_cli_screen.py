"""Colour where it is wanted, and never a character that commands the terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.screen import Screen, cells, clean, screen_of


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError("no descriptor")


@pytest.mark.parametrize(
    ("environ", "no_colour", "is_terminal", "is_coloured"),
    [
        ({"TERM": "xterm"}, False, True, True),
        ({"TERM": "xterm"}, False, False, False),
        ({"TERM": "xterm"}, True, True, False),
        ({"TERM": "dumb"}, False, True, False),
        ({}, False, True, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False, True, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, False, True, True),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, False, False, True),
        ({"TERM": "xterm", "FORCE_COLOR": "0"}, False, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, True, False),
        ({"FORCE_COLOR": "1"}, True, True, False),
    ],
)
def test_colour_follows_the_flag_then_the_environment_then_the_terminal(
    environ: dict[str, str], no_colour: bool, is_terminal: bool, is_coloured: bool
) -> None:
    stream = Terminal() if is_terminal else io.StringIO()
    assert screen_of(stream, environ, no_colour=no_colour).is_coloured is is_coloured


def test_only_a_terminal_has_a_width() -> None:
    assert screen_of(io.StringIO(), {"COLUMNS": "70"}).width is None
    assert screen_of(Terminal(), {"COLUMNS": "70"}).width == 70
    assert screen_of(Terminal(), {}).width == 80


def test_paint_is_plain_without_colour() -> None:
    assert Screen().paint("x", "red") == "x"
    assert Screen(is_coloured=True).paint("x", "red") == "\x1b[31mx\x1b[0m"
    assert Screen(is_coloured=True).paint("x", None) == "x"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("größe 数", "größe 数"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("\x1bcreset", "creset"),
        ("\x9b2Jx", "x"),
        ("a\nb\tc\rd", "a b c d"),
        ("a\x00b\x7fc\x08d", "abcd"),
        ("right\u202eleft", "rightleft"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("half \udc80", "half "),
    ],
)
def test_what_could_command_a_terminal_is_taken_out(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_line_breaks_stay_where_they_are_wanted() -> None:
    assert clean("a\nb\x1b[1m\x07", keep="\n") == "a\nb"


@given(st.text())
def test_what_is_left_is_printable(text: str) -> None:
    assert not {one for one in clean(text) if ord(one) < 32 or 0x7F <= ord(one) < 0xA0}


@pytest.mark.parametrize(("text", "width"), [("", 0), ("abc", 3), ("数", 2), ("é", 1), ("e\u0301", 1)])
def test_width_is_counted_in_columns(text: str, width: int) -> None:
    assert cells(text) == width
