"""One screen of the dashboard: the frame that all of them have, and what a screen has to say.

Owns the places of header, tabs, body and footer. A screen says which documents it wants and shows them when they come; it asks
nobody itself. What it does goes through its stage, which the app is.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, ClassVar, NamedTuple, Protocol, cast

from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static

from engine.dashboard.header import Header
from engine.dashboard.history import History
from engine.dashboard.keys import Keys
from engine.dashboard.source import RECORDED, Document, Want
from engine.dashboard.tabs import Places
from engine.dashboard.timeline import Timeline

__all__ = ["Board", "Command", "Stage"]

#: What stands in the place of a screen that the past has nothing of.
NOW_ALONE = (
    "What this screen shows is known of now alone: it is not recorded.\n\nl  back to now        1  the overview as it was"
)


class Command(NamedTuple):
    """Something that can be done, for the palette."""

    title: str
    help: str
    run: Callable[[], Any]


class Stage(Protocol):
    """What a screen may ask of the app."""

    def again(self, verb: str | None = None) -> None:
        """Have a document asked for at once: after an action, or when what a screen wants has changed."""

    async def act(self, verb: str, **facts: Any) -> Any:
        """Have the engine do something; returns its answer.

        What fails is shown as a notice and raised again. Raises ActionRefused in the past and in a file, where nothing can be
        done.
        """

    @property
    def now_s(self) -> float:
        """The time that is shown: now, or the past instant."""

    @property
    def is_now(self) -> bool:
        """Whether it is now that is shown."""

    @property
    def zone(self) -> tzinfo | None:
        """Of the times that are shown; None for this machine's."""

    @property
    def history(self) -> History:
        """The figures that were seen."""


class Board(Screen[None]):
    """A screen. Its documents come once a second while it is shown."""

    #: What the screen is called where there is no room for tabs; the table has it too.
    TITLE: ClassVar[str | None] = None

    def __init__(self) -> None:
        super().__init__()
        self._has_frame = False
        #: The titles of panels that were given one, by what the panels are called.
        self._entitled: dict[str, str] = {}

    @property
    def stage(self) -> Stage:
        """The app."""
        return cast("Stage", self.app)

    @abstractmethod
    def wants(self) -> Sequence[Want]:
        """The documents that it shows now: at most one for each verb. May change with what was chosen on the screen."""

    @abstractmethod
    def body(self) -> Iterable[Widget]:
        """The widgets between tabs and footer."""

    @abstractmethod
    def show(self, documents: Mapping[Want, Document]) -> None:
        """Show what was wanted: called when one has come or failed. Each of `wants()` is there, EMPTY at first."""

    def commands(self) -> Iterable[Command]:
        """What can be done here, for the palette. Nothing by default."""
        return ()

    def entitle(self, panel: str, title: str) -> None:
        """Write a title over a panel. That draws the whole of it, so it is done where it is another title."""
        if self._entitled.get(panel) != title:
            self._entitled[panel] = self.query_one(f"#{panel}").border_title = title

    @property
    def has_past(self) -> bool:
        """Whether it can show something of a past instant: what it wants, or part of it, was recorded."""
        return any(one.verb in RECORDED for one in self.wants())

    @property
    def is_ready(self) -> bool:
        """Whether its widgets are there."""
        if not self._has_frame:  # once they are there they stay, and it is asked several times a second
            self._has_frame = self.is_mounted and bool(self.query(Header)) and bool(self.query(Footer))
        return self._has_frame and self.is_attached

    def compose(self) -> ComposeResult:
        """The frame."""
        yield Header()
        yield Timeline()
        yield Places()
        with Container(id="body"):
            yield from self.body()
        yield Static(NOW_ALONE, id="now-alone")
        yield Keys()
