"""What a stream of this process can show: how wide, in colour or not, and which characters are safe.

Owns the rules for colour (NO_COLOR, FORCE_COLOR, TERM=dumb, a terminal or not, each stream by itself) and the removal of
control characters from what agents and users wrote.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple, TextIO

__all__ = ["Screen", "cells", "clean", "screen_of"]

#: Codes of the styles (ECMA-48, select graphic rendition).
STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
#: Unicode categories that move the cursor, change the direction or show nothing: Cc, Cf, surrogates, line separators.
UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})

#: Categories that take no column of their own: marks upon the character before, and what shows nothing.
WIDTHLESS = frozenset({"Mn", "Me", "Cf", "Cc"})
#: Vowels and endings that a Korean syllable takes in (Unicode 16, Hangul Jamo).
JAMO = frozenset(map(chr, range(0x1160, 0x1200)))

#: A whole control sequence (ECMA-48: CSI, OSC, or a single character after the escape), so that none of its letters stay.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]")


class Screen(NamedTuple):
    """One stream.

    width: columns of the terminal; None where there is none, and lines may be as long as they are.
    is_moving: a line can be written over.
    """

    width: int | None = None
    is_coloured: bool = False
    is_moving: bool = False

    def paint(self, text: str, style: str | None) -> str:
        """The text in a style, if this screen has colours."""
        if not self.is_coloured or not style or not text:
            return text
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m"


def screen_of(stream: TextIO, environ: Mapping[str, str] = os.environ, *, no_colour: bool = False) -> Screen:
    """What a stream can show."""
    is_terminal = stream.isatty()
    width = _columns(stream, environ) if is_terminal else None
    is_able = is_terminal and environ.get("TERM", "dumb") not in {"dumb", ""}
    if no_colour or environ.get("NO_COLOR"):
        return Screen(width, is_moving=is_able)
    is_forced = environ.get("FORCE_COLOR", "0") not in {"", "0", "false"}
    return Screen(width, is_coloured=is_forced or is_able, is_moving=is_able)


def _columns(stream: TextIO, environ: Mapping[str, str]) -> int:
    if environ.get("COLUMNS", "").isdigit():
        return max(int(environ["COLUMNS"]), 20)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def clean(text: str, keep: str = "") -> str:
    """The text without characters that could command a terminal; breaks and tabs become blanks.

    keep: characters that stay.
    """
    if text.isprintable():
        return text
    return "".join(one if one in keep else _safe(one) for one in _SEQUENCE.sub("", text))


def _safe(one: str) -> str:
    if one in "\n\r\t":
        return " "
    return "" if unicodedata.category(one) in UNSAFE else one


def cells(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_cells(one) for one in text)


def _cells(one: str) -> int:
    if unicodedata.category(one) in WIDTHLESS or one in JAMO:
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WF" else 1
