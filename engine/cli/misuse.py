"""What a person typed that no verb understands.

Owns the error, and the guess at what was meant.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.errors import EngineError

__all__ = ["Misuse", "meant"]


class Misuse(EngineError):
    """The command line was not understood, or asks for something that cannot be; the message says what to type."""


def meant(word: str, known: Iterable[str], before: str = "") -> str:
    """`, did you mean spawn?` where a known word is like this one, else nothing. before: what is written before each."""
    from engine.setting import nearest_of

    nearest = nearest_of(word, known)
    return "" if nearest is None else f", did you mean {before}{nearest}?"
