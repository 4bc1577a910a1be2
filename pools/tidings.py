"""How a worker's process began and how it ended, in words.

Owns the two phrases that events and errors share.
"""

from __future__ import annotations

from typing import Any

from pools.refusal import BEGINS_ANEW

__all__ = ["begun", "ended"]


def begun(found: dict[str, Any] | None) -> str:
    """What a worker read in its store, in words."""
    if not found or not (found["records"] or found["torn"]):
        return ""
    text = f", {found['records']:,} records replayed in {found['seconds'] * 1e3:,.0f} ms"
    if found["torn"]:
        file, at, size_bytes = found["torn"]
        text += f"; {size_bytes:,} bytes of a torn tail were cut off {file} at {at:,}"
    return text + ("; the newest snapshots were damaged, the ones before were read" if found["is_fallback"] else "")


def ended(status: int | None) -> str:
    """With what a process ended. status: as `waitstatus_to_exitcode` gives it, None where it is not known."""
    if status is None:
        return "exit status unknown"
    if status == BEGINS_ANEW:
        return "it could not keep what it did, so it begins anew from what is kept"
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"
