"""The numbers under which a worker's agents send, where state is kept: each is given once, whatever dies.

Owns which of them are open, so that receivers are told below which number nothing is asked of them again. A number says when it
was given (`checkpoints/stamp.py`). What it stands for is the outbox's and the inquiries' business.
"""

from __future__ import annotations

from collections.abc import Callable

from checkpoints.spec import PLACE_BITS, SESSION_BYTES
from checkpoints.stamp import stamp
from pools.ledger import Ledger

__all__ = ["Numbers"]


class Numbers:
    """The numbers of one store. wall_s: seconds since 1970."""

    def __init__(self, ledger: Ledger, wall_s: Callable[[], float]) -> None:
        self._window = ledger.store.window
        self._wall_s = wall_s
        #: What tells these numbers from all others: the store's own name.
        self.session = ledger.store.manifest.store[:SESSION_BYTES].hex()
        #: Lowest first: the messages that are not struck off, timers aside, which never leave the worker.
        self._open = dict.fromkeys(number for number, row in self._window.told.items() if row[5] is None)
        self._last = self._window.last_told

    def next(self) -> int:
        """A number that was never given."""
        self._last = max(self._last, self._window.last_told, stamp(self._wall_s()) << PLACE_BITS) + 1
        return self._last

    def open(self, number: int) -> None:
        """A number is about to be sent."""
        self._open[number] = None

    def close(self, number: int) -> None:
        """Nothing is sent under a number any more."""
        self._open.pop(number, None)

    @property
    def mark(self) -> int:
        """The section below which nothing is sent again."""
        asked = self._window.steps.asked
        lowest = min(next(iter(self._open), self._last + 1), next(iter(asked), self._last + 1))
        return lowest >> PLACE_BITS
