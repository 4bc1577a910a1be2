"""What a person typed that no verb understands.

Owns the error, the guess at what was meant, and the reading of an action's name.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable, Collection, Iterable

from engine.errors import EngineError

__all__ = ["Misuse", "action_of", "meant"]


class Misuse(EngineError):
    """The command line was not understood, or asks for something that cannot be; the message says what to type."""


def meant(word: str, known: Iterable[str], before: str = "") -> str:
    """`, did you mean spawn?` where a known word is like this one, else nothing. before: what is written before each."""
    from engine.setting import nearest_of

    nearest = nearest_of(word, known)
    return "" if nearest is None else f", did you mean {before}{nearest}?"


def action_of(actions: Collection[str]) -> Callable[[str], str]:
    """What takes the first word of a verb that has actions; two of them at least."""

    def read(text: str) -> str:
        if text not in actions:
            *most, last = actions
            said = meant(text, actions) or f"; write {', '.join(most)} or {last}"
            raise ArgumentTypeError(f"there is nothing called {text!r} to do{said}")
        return text

    return read
