"""What agents and workers say, on its way out of an engine.

Owns the names that tasks are called by there, which are those that their senders know, and where everything goes that nobody
has asked for: to a descriptor, a line each.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.hearer import heard_by
from pools.events import Event
from pools.span import SPAN

if TYPE_CHECKING:
    from engine.register import Register

__all__ = ["Voices"]

#: Standard error, where lines go that nobody wants elsewhere.
STDERR = 2


class Voices:
    """The voices of one engine.

    on_said: told everything; None writes it to `output`, a descriptor, None for standard error.
    """

    def __init__(self, on_said: Callable[[Event], None] | None, output: int | None) -> None:
        self._on_said = heard_by(on_said) or self._write
        self._output = STDERR if output is None else output
        #: The accepted tasks; None before there are any.
        self.register: Register | None = None
        #: Told the spans of workers; None where nothing is traced.
        self.on_span: Callable[[str], None] | None = None

    def hear(self, event: Event) -> None:
        """Take what was said."""
        if event.name == SPAN:
            if self.on_span is not None:
                self.on_span(event.text)
            return
        register = self.register
        if event.task and register is not None:
            session, _, number = event.task.rpartition("-")
            if session == register.session and number.isdecimal():
                task = register.tasks.get(int(number))
                called = "" if task is None or task.name is None else str(task.name)
                event = event._replace(task=register.id_of(int(number)), called=called)
        self._on_said(event)

    def _write(self, event: Event) -> None:
        whose = f"{event.agent} [{event.task}] " if event.agent else ""
        with suppress(OSError):  # whoever reads it is gone, or its disk is full
            os.write(self._output, f"{whose}{event.text}\n".encode(errors="backslashreplace"))
