"""Who wants to hear of which steps.

Owns the subscriptions by pattern, such as `report:*`. Who tells asks first whether anybody listens, and makes nothing where
nobody does. A listener that raises is no reason for a flow to fail: it is taken off, and told of.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

__all__ = ["LISTENERS", "Listener", "Listeners", "Stepped"]

#: Listeners at once: each is called for each step that it means, in the place of the work.
LISTENERS = 1_000


class Stepped(NamedTuple):
    """A step has ended. name: `flow:step`.  subject: what it was about, such as a task's id.  error: None where it is well.

    at_s: seconds since 1970.  ran_s: seconds that it took, None where they are not counted.
    """

    name: str
    at_s: float
    ran_s: float | None = None
    subject: Any = None
    error: str | None = None


Listener = Callable[[Stepped], object]


class Listeners:
    """The subscriptions of one place. is_heard: whether there are any; the one thing that is looked at where none are.

    on_fault: told, in a sentence, of a listener that raised; a RuntimeWarning by default.
    """

    def __init__(self, on_fault: Callable[[str], None] | None = None) -> None:
        self.is_heard = False
        self._on_fault = on_fault or _warn
        self._listening: list[tuple[str, Listener]] = []

    def subscribe(self, pattern: str, listener: Listener) -> Callable[[], None]:
        """Have a listener called with each step whose `flow:step` is like the pattern; returns what ends that.

        pattern: `report:*`, `*:checkpoint`, `task-execution:executeTask`.  Raises ValueError for a pattern without a colon,
        and with too many listeners.
        """
        if ":" not in pattern:
            raise ValueError(f"a step is named flow:step, so a pattern has a colon, such as {pattern}:*")
        if len(self._listening) >= LISTENERS:
            raise ValueError(f"there are {LISTENERS:,} listeners already; end one first")
        entry = (pattern, listener)
        self._listening.append(entry)
        self.is_heard = True
        return lambda: self._end(entry)

    def hears(self, names: Iterable[str]) -> bool:
        """Whether somebody listens to one of these steps."""
        return self.is_heard and any(fnmatchcase(name, pattern) for pattern, _ in self._listening for name in names)

    def tell(self, event: Stepped) -> None:
        """Tell those whom it concerns. A listener that raises is taken off."""
        for entry in [one for one in self._listening if fnmatchcase(event.name, one[0])]:
            try:
                entry[1](event)
            except Exception as error:  # noqa: BLE001 - somebody else's code, beside the work
                self._end(entry)
                self._on_fault(f"a listener of {entry[0]} raised {type(error).__name__}: {error}; it hears nothing more")

    def _end(self, entry: tuple[str, Listener]) -> None:
        self._listening = [one for one in self._listening if one is not entry]
        self.is_heard = bool(self._listening)


def _warn(said: str) -> None:
    warnings.warn(said, RuntimeWarning, stacklevel=3)
