"""How many sprints, and how fast, as somebody writes it."""

from __future__ import annotations

from argparse import ArgumentTypeError

from engine.cli.parser import amount

__all__ = ["count_of", "speed_of"]


def count_of(text: str) -> int:
    """A number from 1 on. Raises ArgumentTypeError."""
    number: int = amount("parse_count")(text)
    if not number:
        raise ArgumentTypeError("0 is none: give 1 or more")
    return number


def speed_of(text: str) -> float:
    """A speed that a sprint can have. Raises ArgumentTypeError."""
    from sprints.clock import FASTEST

    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= FASTEST:
        raise ArgumentTypeError(f"{text!r} is not a speed: a number above 0, up to {FASTEST:,.0f}")
    return speed
