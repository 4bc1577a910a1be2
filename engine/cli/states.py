"""The colours of states.

Owns the one mapping from a state's word to a style; the word itself is always shown.
"""

from __future__ import annotations

__all__ = ["style_of"]

STYLES = {
    "running": "green",
    "ok": "green",
    "starting": "yellow",
    "backoff": "yellow",
    "stopping": "yellow",
    "warn": "yellow",
    "full": "yellow",
    "stopped": "dim",
    "down": "red",
    "failed": "red",
    "bad": "red",
}


def style_of(state: str) -> str | None:
    """The style that a state is shown in; None is plain."""
    return STYLES.get(state)
