"""How a worker's process ended, in words.

Owns the phrase that events and errors share.
"""

from __future__ import annotations

from pools.refusal import BEGINS_ANEW

__all__ = ["ended"]


def ended(status: int | None) -> str:
    """With what a process ended. status: as `waitstatus_to_exitcode` gives it, None where it is not known."""
    if status is None:
        return "exit status unknown"
    if status == BEGINS_ANEW:
        return "it could not keep what it did, so it begins anew from what is kept"
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"
