"""How much may be open at once, of the tasks of one journal.

Owns the limits and what is held of them. Which tasks these are is the register's knowledge. Pure.
"""

from __future__ import annotations

from engine.errors import IntakeFull
from pools.errors import BadArgument

__all__ = ["Room"]

#: Tasks that may be open at once, and their bytes: what a restart must read, and hold in memory, before it goes on.
OPEN_TASKS, OPEN_BYTES = 500_000, 256 * 1024 * 1024
#: Bytes of one submission: it is one frame of the journal, which holds 32 MiB.
SUBMISSION_BYTES = 24 * 1024 * 1024
#: Tasks accepted since the oldest that is open: workers remember the answers of all of them, to give none twice.
SPAN_TASKS = 1_000_000


class Room:
    """What is open or drafted: `held` tasks, of `held_bytes`."""

    def __init__(self) -> None:
        self.held = self.held_bytes = 0

    def enter(self, count: int, size_bytes: int, span: int, oldest: str) -> None:
        """Hold so many tasks more. span: tasks since the oldest that is open, which is called so, these included.

        Raises BadArgument for what never fits, IntakeFull.
        """
        _check_size(size_bytes)
        if self.held + count > OPEN_TASKS or self.held_bytes + size_bytes > OPEN_BYTES:
            raise IntakeFull(
                f"{self.held:,} tasks of {self.held_bytes / 2**20:,.0f} MiB are open, {count:,} more of "
                f"{size_bytes / 2**20:,.0f} MiB would be too many: up to {OPEN_TASKS:,} and {OPEN_BYTES >> 20} MiB are accepted"
            )
        if span > SPAN_TASKS:
            raise IntakeFull(f"{oldest} is open since {SPAN_TASKS:,} tasks were accepted: wait for it or cancel it first")
        self.held += count
        self.held_bytes += size_bytes

    def grow(self, size_bytes: int) -> None:
        """Hold so much more of a task that is open, however much there is: it needs that to end. Raises BadArgument."""
        _check_size(size_bytes)
        self.held_bytes += size_bytes

    def take_up(self, size_bytes: int) -> None:
        """Hold a task that was accepted before, however many there are."""
        self.held += 1
        self.held_bytes += size_bytes

    def leave(self, count: int, size_bytes: int) -> None:
        """Hold so many tasks less."""
        self.held -= count
        self.held_bytes -= size_bytes


def _check_size(size_bytes: int) -> None:
    if size_bytes > SUBMISSION_BYTES:
        raise BadArgument(f"a submission has {size_bytes:,} bytes, up to {SUBMISSION_BYTES:,} are accepted at once")
