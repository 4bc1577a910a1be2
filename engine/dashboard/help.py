"""The help: every key of every screen, what signs mean, where more is to be read.

Owns the words. The keys come from the bindings themselves, so that none is told that does not work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.dashboard.board import Board
from engine.dashboard.figures import LEVELS
from engine.dashboard.hanging import Hanging
from engine.dashboard.panel import style_of
from engine.dashboard.screens import PLACES
from engine.dashboard.scroll import Scroll
from engine.dashboard.source import Document, Want

__all__ = ["HelpBoard"]

#: Keys that work on every screen, as a person reads them.
KEYS = (
    ("← →", "5 s back, 5 s forth; with shift a minute"),
    ("home", "the first instant that was recorded"),
    ("l space", "back to now; of a file l is its end, space lets it go on or stand still"),
    ("click", "on LIVE, on the line of time, on a tab, on a panel"),
    (":  ctrl+p", "every screen and every action by its name"),
    ("↑ ↓  j k", "through a table; g and G to its ends"),
    ("t", "light or dark; more themes by ctrl+p"),
    ("?", "this help"),
    ("q", "quit; the engine goes on"),
)
SIGNS = (
    ("\N{EN DASH}", "not known: nothing is guessed"),
    ("≥", "at least: not every task was looked at for who did most"),
    ("● LIVE", "from a running engine, so many seconds old"),
    ("○ STALE", "the engine has not answered for a while"),
    ("✗ NO ENGINE", "none runs: what is grey was; it goes on by itself"),
    ("◀ PAST", "what was, as it was shown then"),
)


class HelpBoard(Board):
    """The screen of help."""

    def wants(self) -> Sequence[Want]:
        """Nothing."""
        return ()

    @property
    def has_past(self) -> bool:
        """What it says was true then, too."""
        return True

    def body(self) -> Iterable[Widget]:
        """The pages, beside each other where there is room."""
        with_title = {
            "SCREENS": [(place.key, place.about) for place in PLACES],
            "KEYS": KEYS,
            "SIGNS": (*SIGNS, *((f"{sign} {word}", f"an alert: {level}") for level, (sign, word, _) in LEVELS.items())),
        }
        pages = []
        for title, rows in with_title.items():
            pages.append(Static(_page(rows), classes="panel help"))
            pages[-1].border_title = title
        yield Scroll(*pages, id="pages")

    def on_mount(self) -> None:
        """The pages are scrolled by keys."""
        self.query_one("#pages").focus()

    def show(self, documents: Mapping[Want, Document]) -> None:
        """Nothing changes."""


def _page(rows: Iterable[tuple[str, str]]) -> Hanging:
    rows = list(rows)
    width = max(cell_len(key) for key, _ in rows) + 2
    pad = [(key, " " * (width - cell_len(key)), words) for key, words in rows]
    return Hanging((Content.assemble((key, style_of("accent")), space), Content(words)) for key, space, words in pad)
