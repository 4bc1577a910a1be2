"""The line that says that this is the past, and where in it.

Owns the banner and its slider; a click or a drag on the slider chooses an instant.
"""

from __future__ import annotations

from datetime import tzinfo

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from engine.dashboard.cells import ago, clock
from engine.dashboard.source import Past

__all__ = ["Timeline"]


class Timeline(Widget):
    """One line, shown in the past only."""

    class Chosen(Message):
        """An instant, seconds since 1970; None for now."""

        def __init__(self, moment_s: float | None) -> None:
            super().__init__()
            self.moment_s = moment_s

    def __init__(self) -> None:
        super().__init__()
        self._facts: tuple[float, float, Past, bool, tzinfo | None] | None = None

    def show(self, moment_s: float, now_s: float, past: Past, *, is_file: bool, zone: tzinfo | None = None) -> None:
        """Draw where an instant is."""
        facts = (moment_s, now_s, past, is_file, zone)
        if facts != self._facts:
            self._facts = facts
            self.refresh()

    def _parts(self) -> tuple[str, str, str]:
        """What stands left of the slider's line, and right of it, and where it says what brings one back."""
        if self._facts is None:
            return "", "", ""
        moment_s, now_s, past, is_file, zone = self._facts
        if is_file:
            said = f" ◀ REPLAY {clock(moment_s, zone)}"
        else:
            said = f" ◀ PAST {clock(moment_s, zone)} ({ago(now_s - moment_s)} ago)"
        back = "" if is_file else "  l live "
        return f"{said}  {clock(past.first_s, zone)} ", f" {clock(past.last_s, zone)} ", back

    def render(self) -> Content:
        """The line."""
        if self._facts is None:
            return Content("")
        moment_s, _, past, _, _ = self._facts
        left, right, back = self._parts()
        room = self._room()
        share = (moment_s - past.first_s) / (past.last_s - past.first_s) if past.last_s > past.first_s else 1.0
        at = round(min(max(share, 0.0), 1.0) * (room - 1))
        line = "─" * at + "●" + "─" * (room - 1 - at) if room > 0 else ""
        return Content.assemble((left, "bold"), line, (right, "bold"), (back, "bold underline"))

    def _room(self) -> int:
        return self.size.width - sum(map(cell_len, self._parts()))

    def _choose(self, x: int) -> None:
        """Post what a column stands for."""
        if self._facts is None:
            return
        past, room, left = self._facts[2], self._room(), cell_len(self._parts()[0])
        if x >= self.size.width - cell_len(self._parts()[2]) and self._parts()[2]:
            self.post_message(self.Chosen(None))
        elif room > 1 and left - 1 <= x <= left + room:
            share = min(max((x - left) / (room - 1), 0.0), 1.0)
            self.post_message(self.Chosen(past.first_s + share * (past.last_s - past.first_s)))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Go there, and follow the mouse."""
        self.capture_mouse()
        self._choose(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow."""
        if self.app.mouse_captured is self:
            self._choose(event.x)

    def on_mouse_up(self) -> None:
        """Stay there."""
        self.release_mouse()
