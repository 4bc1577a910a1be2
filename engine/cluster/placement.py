"""On which node an agent lives: weighted rendezvous hashing of its address over the nodes of its cluster.

Owns the rule. Every node comes to the same answer by itself, from the same names and weights; a node that joins takes its
share from all others, one that leaves gives its own to all of them, one that weighs more takes from them, one that weighs less
gives to them, and nobody else moves. Of nodes that weigh the same the one with the largest number has it. Of others the one
has it whose -ln(number) divided by its weight is least, so that each gets as much as it weighs. Where the numbers of a
processor are too coarse to say which that is, exact ones do, so that all machines agree. Pure.
Source: Thaler and Ravishankar, Using name-based mappings to increase hit rates (1998); Schindelhauer and Schomaker, Weighted
distributed hash tables (2005).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from fractions import Fraction
from hashlib import blake2b
from math import log
from types import MappingProxyType

__all__ = ["drawn", "place"]

#: Bits of the number that says how much a node is drawn to an address.
BITS = 64
#: How far a logarithm of this processor may be from the exact one: a hundred times what any is.
DOUBT = 1e-12
#: Digits of the exact one, more than the 66 of a number divided by 2**(BITS + 1); rounded correctly, it is the same everywhere.
EXACT = Context(prec=100)
#: Every node weighs the same.
ALIKE: Mapping[str, int] = MappingProxyType({})


def drawn(address: str, node: str) -> int:
    """How much a node is drawn to an address: the same number everywhere, for ever."""
    return int.from_bytes(blake2b(f"{node}\n{address}".encode(), digest_size=BITS // 8).digest())


def place(address: str, nodes: Iterable[str], weights: Mapping[str, int] = ALIKE) -> str | None:
    """The node of an agent among these; None where there is none.

    weights: how much each takes for what the others take, from 1; those that are not named have 1.
    """
    first: dict[int, tuple[int, str]] = {}
    for node in nodes:
        weight, mine = weights.get(node, 1), (drawn(address, node), node)
        if weight not in first or mine > first[weight]:
            first[weight] = mine
    if len(first) < 2:
        return next((node for _, node in first.values()), None)
    return _least(first)


def _least(first: Mapping[int, tuple[int, str]]) -> str:
    """The node that has it, of the first ones of each weight."""
    waits = {weight: -log((number + 0.5) / 2**BITS) for weight, (number, _) in first.items()}
    bound = min((wait + DOUBT) / weight for weight, wait in waits.items())
    left = [weight for weight, wait in waits.items() if (wait - DOUBT) / weight <= bound]
    if len(left) > 1:
        left.sort(key=lambda weight: (_exact(first[weight][0]) / weight, first[weight]))
    return first[left[0]][1]


def _exact(number: int) -> Fraction:
    """The same logarithm to as many digits as can matter."""
    share = EXACT.divide(Decimal(2 * number + 1), Decimal(2 ** (BITS + 1)))
    return -Fraction(EXACT.ln(share))
