"""Whoever wants to hear what happens in an engine: somebody else's function, called in the midst of the engine's own work.

Owns that nothing it raises goes any further, and that the log names it once. What happens is told by everybody else.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable

from pools.complaints import say
from pools.events import Event

__all__ = ["heard_by"]


def heard_by(on_event: Callable[[Event], object] | None) -> Callable[[Event], None] | None:
    """The same function, which raises nothing; the first time that it would, the log has its traceback."""
    if on_event is None:
        return None
    has_failed = False

    def hear(event: Event) -> None:
        nonlocal has_failed
        try:
            on_event(event)
        except Exception as error:  # noqa: BLE001 - somebody else's code, beside the work
            if not has_failed:
                has_failed = True
                trace = "".join(traceback.format_exception(error)).rstrip()
                say(f"on_event failed at {event.name} (told once); it is called again for what happens next:\n{trace}")

    return hear
