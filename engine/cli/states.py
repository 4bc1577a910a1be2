"""The colours of states.

Owns the one mapping from a state's word to a style; the word itself is always shown.
"""

from __future__ import annotations

__all__ = ["style_of"]

STYLES = {
    "running": "green",
    "run": "green",
    "up": "green",
    "open": "green",
    "ok": "green",
    "done": "green",
    "starting": "yellow",
    "queued": "yellow",
    "waiting": "yellow",
    "paused": "yellow",
    "backoff": "yellow",
    "degraded": "yellow",
    "warn": "yellow",
    "torn tail": "yellow",
    "full": "yellow",
    "trial": "yellow",
    "asleep": "dim",
    "dormant": "dim",
    "stopped": "dim",
    "cancelled": "dim",
    "expired": "red",
    "failed": "red",
    "down": "red",
    "given up": "red",
    "parked": "red",
    "quarantined": "red",
    "bad": "red",
    "damaged": "red",
}


def style_of(state: str) -> str | None:
    """The style that a state is shown in; None is plain."""
    return STYLES.get(state)
