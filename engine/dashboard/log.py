"""The log: what happened, the newest last, as it happens.

Owns what of it is shown: from a level on, with some words. The events are the engine's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from engine.dashboard.board import Board, Command
from engine.dashboard.cells import clock, count, said
from engine.dashboard.choice import Choice
from engine.dashboard.figures import LEVELS
from engine.dashboard.filterline import FilterLine
from engine.dashboard.lines import Line, Lines
from engine.dashboard.panel import style_of
from engine.dashboard.source import EMPTY, Document, Want, want
from engine.dashboard.told import Told

__all__ = ["LogBoard"]

#: Events that are fetched: those that the engine keeps.
EVENTS = want("events", limit=1_000)
#: The levels, from the least on, and those from which on it may be shown.
RANKS = ("debug", "info", "warning", "error")
#: What may be named in the filter.
NAMES = ("agent", "worker", "event", "task")


class LogBoard(Board):
    """The screen of the log."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "level", "Level"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("e", "follow", "Follow"),
        Binding("escape", "clear", "All", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._choice = Choice()
        self._level = "debug"
        self._document = EMPTY

    def wants(self) -> Sequence[Want]:
        """The events."""
        return (EVENTS,)

    def body(self) -> Iterable[Widget]:
        """What is meant, and the lines."""
        yield FilterLine(NAMES, "some words; agent: worker: event: task:")
        yield Told(id="window")
        yield Lines(id="log-lines")

    def on_mount(self) -> None:
        """The lines are what is looked through."""
        self.query_one(Lines).focus()

    def show(self, documents: Mapping[Want, Document]) -> None:
        """Show what is meant."""
        self._document = documents[EVENTS]
        self._draw()

    def _draw(self) -> None:
        events = self._document.value or ()
        meant = [event for event in events if self._is_meant(event)]
        self.query_one(Lines).show([self._line(event) for event in meant])
        self.query_one("#window", Told).tell(self._window(len(meant), len(events)))

    def _window(self, meant: int, every: int) -> Content:
        if self._document.error is not None:
            return Content.assemble((f" {said(self._document.error)}", "$error"))
        parts: list[Any] = [(f" showing {count(meant)}", "bold"), (f" of the last {count(every)}", "$muted")]
        if self._level != RANKS[0]:
            parts += [("   from ", "$muted"), (self._level, "$accent bold"), (" on", "$muted")]
        if self._choice.text:
            parts += [("   filter ", "$muted"), (said(self._choice.text), "$accent bold")]
        follows = self.query_one(Lines).follows
        parts.append(("   following", "$success bold") if follows else ("   not following, e follows", "$warning bold"))
        return Content.assemble(*parts)

    def _is_meant(self, event: Mapping[str, Any]) -> bool:
        if RANKS.index(_level_of(event)) < RANKS.index(self._level):
            return False
        named = dict(self._choice.named)
        event_name = named.pop("event", "")
        if event_name not in event["name"] or any(value not in str(event.get(name, "")) for name, value in named.items()):
            return False
        words = self._choice.words.lower()
        return words in f"{event['name']} {event['text']} {event.get('worker', '')} {event.get('agent', '')}".lower()

    def _line(self, event: Mapping[str, Any]) -> Line:
        sign, word, tone = LEVELS.get(_level_of(event), (" ", "", "muted"))
        when = (f" {clock(event['time_s'], self.stage.zone)} ", "$muted")
        return Line((when, (f"{sign} {word:<5} ", style_of(tone))), said(event["name"]), said(event["text"]))

    # -- choosing ------------------------------------------------------------------------------------------------------

    def action_level(self) -> None:
        """From the next level on."""
        self._level = RANKS[(RANKS.index(self._level) + 1) % len(RANKS)]
        self._draw()

    def action_filter(self) -> None:
        """Write what is looked for."""
        self.query_one(FilterLine).open()

    def on_filter_line_chosen(self, event: FilterLine.Chosen) -> None:
        """Look for something else."""
        self._choice = event.choice
        self._draw()

    def on_filter_line_left(self) -> None:
        """Look through what was found."""
        self.query_one(Lines).focus()

    def action_follow(self) -> None:
        """Go to the end, and stay there; or stay here."""
        lines = self.query_one(Lines)
        lines.follow(follows=not lines.follows)
        self._draw()

    def on_lines_turned(self) -> None:
        """Say whether the end is followed."""
        self._draw()

    def action_clear(self) -> None:
        """Everything again."""
        self.query_one(FilterLine).action_leave()
        self._level = RANKS[0]
        self._draw()

    def commands(self) -> Iterable[Command]:
        """What can be chosen here."""
        yield Command("Log: level", "from the next level on: all, info, warning, error", self.action_level)
        yield Command("Log: follow", "stay at the end, or where it is", self.action_follow)


def _level_of(event: Mapping[str, Any]) -> str:
    level = event.get("level", "info")
    return level if level in RANKS else "info"
