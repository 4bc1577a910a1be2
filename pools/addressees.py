"""The agents that have tasks at a link: sent and not answered, or before it.

Owns the walk over these tasks, which is bounded: who asks says how many of them are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import compress, islice

from pools.address import Key
from pools.again import ANSWERED, Flight
from pools.lane import Lane

__all__ = ["addressees"]


def addressees(flights: Iterable[Flight], lanes: Iterable[Lane], most: int) -> dict[str, set[Key]]:
    """By kind the keys of the agents that the first `most` tasks are for."""
    found: dict[str, set[Key]] = {}
    left = most
    for kind, keys, count in _columns(flights, lanes):
        found.setdefault(kind, set()).update(islice(keys, left))
        left -= count
        if left <= 0:
            break
    return found


def _columns(flights: Iterable[Flight], lanes: Iterable[Lane]) -> Iterator[tuple[str, Iterable[Key], int]]:
    for flight in flights:
        keys = flight.section["i"]
        if flight.left != len(flight.tokens):
            keys = compress(keys, (token is not ANSWERED for token in flight.tokens))
        yield flight.section["k"], keys, flight.left
    for lane in lanes:
        yield lane.kind, lane.keys(), len(lane)
