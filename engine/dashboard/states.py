"""The tones of states: of workers, pools, breakers, tasks and sprints.

Owns the one mapping from a state's word to a tone; the word itself is always shown.
"""

from __future__ import annotations

from engine.cli.states import style_of
from engine.dashboard.figures import Tone

__all__ = ["tone_of"]

#: Tones by the styles of the command line, so that both show a state alike.
TONES: dict[str | None, Tone] = {"green": "success", "yellow": "warning", "red": "error", "dim": "muted"}


def tone_of(state: str) -> Tone:
    """The tone of a state; plain for one that is neither good nor bad."""
    return TONES.get(style_of(state), "")
