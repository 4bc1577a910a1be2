"""The keys at the foot of a screen.

Owns that they are made anew only where others are shown, and that those which were shown before are let go. Textual makes all
of them again whenever a screen looks at its bindings, and keeps each of the old ones as one that hears of a change, until there
is a change; a screen that is looked at all day has made thousands.
"""

from __future__ import annotations

from textual.widgets import Footer

__all__ = ["Keys"]

#: Times that keys were made anew, after which the old ones are let go: that takes as long as making them.
TIMES = 16


class Keys(Footer):
    """A footer that holds the keys that it shows, and not many others."""

    _shown: object = None
    _times = 0

    async def recompose(self) -> None:
        """Show the keys of the moment, if they are others, and the screen that they are for is still there."""
        if not self.is_attached:
            return
        shown = [(one.binding, one.enabled, one.tooltip) for one in self.screen.active_bindings.values()]
        if shown == self._shown:
            return
        self._shown = shown
        await super().recompose()
        self._times += 1
        if self._times % TIMES == 0:
            for _ in range(2):  # a change, and back: who is there no more is forgotten at each
                self.compact = not self.compact
