"""A look now and then at what somebody else is doing, while one waits for its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from engine.errors import EngineError, PoolError

__all__ = ["looking"]


@contextmanager
def looking(look: Callable[[], None], every_s: float) -> Iterator[None]:
    """Look each so many seconds, in a thread, until the block ends; a look that fails is passed over."""
    is_over = Event()

    def watch() -> None:
        while not is_over.wait(every_s):
            with suppress(EngineError, PoolError, OSError):
                look()

    thread = Thread(target=watch, name="look", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(every_s)
