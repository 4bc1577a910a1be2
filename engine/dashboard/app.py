"""The dashboard itself: screens, the pace of their documents, and what is done for them.

Owns the loop: which questions are asked now, what has come, how old it is, live or past. It knows no engine, only a source.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import tzinfo
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.screen import Screen

from engine.dashboard.backfill import fill
from engine.dashboard.board import Board
from engine.dashboard.deeds import whole_deeds
from engine.dashboard.doing import commands_for
from engine.dashboard.feed import Feed
from engine.dashboard.header import Header
from engine.dashboard.history import History
from engine.dashboard.instant import instant_of
from engine.dashboard.rewind import Rewind
from engine.dashboard.screens import PLACES
from engine.dashboard.source import Document, Source, Want, want
from engine.dashboard.themes import DARK, LIGHT, PLAIN, THEMES
from engine.dashboard.timeline import Timeline

__all__ = ["ActionRefused", "Dashboard"]

#: Seconds between two looks at what is to be asked, and at the header.
TICK_S = 0.25
#: Looks at a screen after which it has its documents.
FULL_LOOKS = 4
#: Seconds that the arrows go, and with shift.
STEP_S, LEAP_S = 5.0, 60.0
#: Seconds after which a file goes on by itself.
PLAY_S = 1.0
#: The exit code after Ctrl-C.
INTERRUPTED = 130
#: What the header is drawn from, on every screen.
OVERVIEW = want("overview")


class ActionRefused(Exception):
    """Nothing can be done where only what was is shown."""


class Dashboard(App[int]):
    """The app.

    source: who answers.  interval_s: seconds between two questions for the same.  clock: seconds since 1970.
    zone: of the times that are shown, None for this machine's.  has_colour: whether it may show any.
    note: what the header is to say beside the engine's name.  driver: what draws, None for what Textual takes.
    opened: called when a screen was opened first, and is full.
    """

    TITLE = "engine monitor"
    CSS_PATH = "dashboard.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    HORIZONTAL_BREAKPOINTS = [(0, "-thin"), (40, "-slim"), (66, "-narrow"), (110, "-wide"), (150, "-broad")]  # noqa: RUF012 - as App declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {place.name: place.make for place in PLACES}
    DEFAULT_MODE = PLACES[0].name
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(place.key, f"switch_mode('{place.name}')", place.name.capitalize(), show=False) for place in PLACES),
        Binding("left", f"rewind({-STEP_S})", "Past", key_display="←", tooltip="5 s back in time"),
        Binding("right", f"rewind({STEP_S})", "Forth", key_display="→", show=False),
        Binding("shift+left", f"rewind({-LEAP_S})", "A minute back", show=False),
        Binding("shift+right", f"rewind({LEAP_S})", "A minute forth", show=False),
        Binding("home", "edge(True)", "The first instant", show=False),
        Binding("end,l", "live", "Live", key_display="l"),
        Binding("space", "play", "Play", show=False),
        Binding("t", "theme", "Light/dark", show=False),
        Binding("colon,ctrl+p", "command_palette", "Menu", show=False),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "interrupt", "Quit", show=False, priority=True),
    ]

    def __init__(
        self,
        source: Source,
        *,
        interval_s: float = 1.0,
        clock: Callable[[], float] = time.time,
        zone: tzinfo | None = None,
        has_colour: bool = True,
        note: Callable[[], str] = str,
        driver: type[Driver] | None = None,
        opened: Callable[[], object] = bool,
    ) -> None:
        os.environ.pop("NO_COLOR", None)  # Textual takes an empty one for a wish, and grey for no colour
        if not has_colour:
            os.environ["NO_COLOR"] = "1"
        super().__init__(driver, ansi_color=None if has_colour else True)
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name if has_colour else PLAIN.name
        self.source = source
        self._zone = zone
        self._note = note
        self._history = History()
        self._clock = clock
        self._feed = Feed(interval_s)
        self._rewind = Rewind(source, clock, self._seen)
        #: Whether a file goes on by itself, and when it did last.
        self._is_playing, self._played_s = source.is_file, clock()
        #: How often each screen was looked at, until it is full.
        self._looks: Counter[str] = Counter()
        self._opened = opened
        #: The colours that the styles were read with.
        self._styled_with: dict[str, str] = {}

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours of ours that a theme need not have."""
        return {"muted": "ansi_default" if self.current_theme.ansi else "#8a8f98"}

    def refresh_css(self, animate: bool = True) -> None:
        """Style what is shown. The styles are read again only for other colours: Textual does so for each screen that opens."""
        variables = self.get_css_variables()
        if variables != self._styled_with:
            self._styled_with = variables
            super().refresh_css(animate=animate)
        elif self._screen_stacks.get(self._current_mode):
            screen = self.screen
            if screen._css_update_count >= 0:  # else it is new, and was styled as its widgets came
                self.stylesheet.update(screen, animate=animate)
            screen._css_update_count = self._css_update_count

    # -- the loop ------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Begin to ask."""
        self.set_interval(TICK_S, self.tick)
        self.mode_change_signal.subscribe(self, lambda _mode: self.call_later(self._seen))
        self.call_after_refresh(self.tick)
        if self.source.is_file:
            self.action_edge(True)
        else:
            self._fill()

    def _fill(self) -> None:
        """Have curves of the minutes before, where they were recorded."""
        self.run_worker(self._filled(self.now_s), group="curves", exclusive=True)

    async def _filled(self, end_s: float) -> None:
        with suppress(Exception):  # without them the curves begin here
            if await fill(self.source, self._history, end_s):
                self._show()

    def tick(self) -> None:
        """Ask what is to be asked now, and draw how time goes on."""
        now_s = self._clock()
        if self._rewind.moment_s is None and not self.source.is_file:
            board = self.board
            for one in self._feed.due([OVERVIEW, *(board.wants() if board is not None else ())], now_s):
                self._feed.begin(one, now_s)
                self.run_worker(self._ask(one), group="documents")
        elif self._is_playing and now_s - self._played_s >= PLAY_S:
            self.action_rewind(now_s - self._played_s)
        if not self._is_playing or now_s - self._played_s >= PLAY_S:
            self._played_s = now_s
        self._draw()
        mode = self.current_mode
        if self._looks[mode] < FULL_LOOKS:
            self._looks[mode] += 1
            if self._looks[mode] == FULL_LOOKS:
                self._opened()

    async def _ask(self, one: Want) -> None:
        try:
            value = await self.source.ask(one.verb, **dict(one.facts))
        except Exception as error:  # noqa: BLE001 - whatever a verb fails with is shown where its answer would be
            document = Document(None, 0.0, error)
        else:
            document = Document(value, self._clock())
            if one == OVERVIEW and value is not None:
                self._history.add(value)
        self._feed.end(one, document)
        if self._rewind.moment_s is None:
            self._show(one)

    @property
    def board(self) -> Board | None:
        """The screen that is shown, also under a question or the palette; None before the first one is there."""
        if not self.is_running or self._current_mode not in self._screen_stacks:
            return None
        stack = self._screen_stacks[self._current_mode]
        return next((one for one in reversed(stack) if isinstance(one, Board) and one.is_ready), None)

    def _document(self, one: Want) -> Document:
        return self._feed[one] if self._rewind.moment_s is None else self._rewind.document(one)

    def _seen(self) -> None:
        """Something else is shown now: another screen, another instant."""
        document = self._document(OVERVIEW)
        if document.value is not None:
            self._history.add(document.value)
        self._show()
        self.tick()
        self.refresh_bindings()

    def _show(self, changed: Want | None = None) -> None:
        """Give the screen its documents, if one of them has changed."""
        board = self.board
        if board is None:
            return
        wanted = board.wants()
        if changed is None or changed in wanted:
            board.show({one: self._document(one) for one in wanted})
        self._draw()

    def _draw(self) -> None:
        """Draw what changes with time alone."""
        board = self.board
        if board is None:
            return
        now_s, moment_s = self._clock(), self._rewind.moment_s
        overview = self._document(OVERVIEW)
        is_stale = moment_s is None and overview.value is not None and now_s - overview.time_s > self._feed.stale_s
        if self._feed.has_just_asked(OVERVIEW.verb, now_s):
            is_stale &= board.has_class("stale")  # it was this process that stood still, as on a machine that slept
        told = instant_of(
            self.source.name,
            overview,
            now_s,
            is_live=self.source.is_live,
            is_stale=is_stale,
            moment_s=moment_s,
            is_file=self.source.is_file,
            is_playing=self._is_playing,
            note=self._note(),
        )
        board.query_one(Header).show(told)
        board.set_class(is_stale or (moment_s is None and not self.source.is_live), "stale")
        board.set_class(moment_s is not None, "past")
        board.set_class(moment_s is not None and not board.has_past, "now-alone")
        if moment_s is not None and self._rewind.past is not None:
            board.query_one(Timeline).show(moment_s, now_s, self._rewind.past, is_file=self.source.is_file, zone=self._zone)

    # -- what screens ask for ------------------------------------------------------------------------------------------

    def again(self, verb: str | None = None) -> None:
        """Have a document asked for at once, all by default."""
        self._feed.again(verb)
        self.call_later(self._seen)

    async def act(self, verb: str, **facts: Any) -> Any:
        """Have the engine do something. Raises what it fails with, ActionRefused."""
        try:
            if self._rewind.moment_s is not None or self.source.is_file:
                raise ActionRefused("this is what was: nothing can be done here")
            answer = await self.source.ask(verb, **facts)
        except Exception as error:
            self.notify(str(error), title=f"{verb}: not done", severity="error", markup=False)
            raise
        self.again()
        return answer

    @property
    def now_s(self) -> float:
        """The time that is shown."""
        return self._clock() if self._rewind.moment_s is None else self._rewind.moment_s

    @property
    def is_now(self) -> bool:
        """Whether it is now that is shown."""
        return self._rewind.moment_s is None

    @property
    def zone(self) -> tzinfo | None:
        """Of the times that are shown."""
        return self._zone

    @property
    def history(self) -> History:
        """The figures that were seen, for curves."""
        return self._history

    # -- time ----------------------------------------------------------------------------------------------------------

    def _travel(self, way: Coroutine[Any, Any, None]) -> None:
        self.run_worker(self._try(way), group="time")

    async def _try(self, way: Coroutine[Any, Any, None]) -> None:
        try:
            await way
            if self._rewind.moment_s is not None:
                self._fill()
        except Exception as error:  # noqa: BLE001 - said to who asked for it
            self.notify(str(error), title="No way back in time", severity="warning", markup=False)

    def action_rewind(self, by_s: float) -> None:
        """Go back or forth in time."""
        self._travel(self._rewind.step(by_s))

    def action_edge(self, is_first: bool) -> None:
        """Go to the first instant or the last."""
        self._travel(self._rewind.edge(is_first=is_first))

    def action_live(self) -> None:
        """Go back to now; in a file, to its end."""
        if self.source.is_file:
            self.action_edge(False)
        else:
            self._feed.again()
            self._rewind.leave()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Who is at now need not go there."""
        return action != "live" or self.source.is_file or not self.is_now

    def action_play(self) -> None:
        """Let a file go on by itself, or stand still; else go back to now."""
        if self.source.is_file:
            self._is_playing = not self._is_playing
        else:
            self.action_live()

    def on_timeline_chosen(self, event: Timeline.Chosen) -> None:
        """Somebody has clicked at an instant."""
        if event.moment_s is None:
            self.action_live()
        else:
            self._travel(self._rewind.go(event.moment_s))

    def on_header_state_clicked(self) -> None:
        """Open the time, or come back from it."""
        if self._rewind.moment_s is None:
            self.action_rewind(-STEP_S)
        else:
            self.action_live()

    # -- keys ----------------------------------------------------------------------------------------------------------

    def action_theme(self) -> None:
        """Change between light and dark."""
        self.theme = LIGHT.name if self.theme != LIGHT.name else DARK.name

    def action_help(self) -> None:
        """Show what there is to know."""
        if "help" in self.MODES:
            self.switch_mode("help")

    async def action_quit(self) -> None:
        """End it."""
        await self.source.close()
        self.exit(0)

    def action_interrupt(self) -> None:
        """End it as Ctrl-C ends everything."""
        self.exit(INTERRUPTED)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Screens, what can be done on the one that is shown, and what Textual has."""
        for place in PLACES:
            yield SystemCommand(f"Go to {place.name}", place.about, lambda name=place.name: self.switch_mode(name))
        if isinstance(screen, Board):
            whole = commands_for(screen, whole_deeds(self._document(OVERVIEW).value))
            for command in (*screen.commands(), *whole):
                yield SystemCommand(command.title, command.help, command.run)
        yield SystemCommand("Back in time", "what was seconds, minutes and hours ago", lambda: self.action_rewind(-STEP_S))
        yield SystemCommand("Live", "back to now", self.action_live)
        yield from super().get_system_commands(screen)
