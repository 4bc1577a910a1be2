"""On which node an agent lives: rendezvous hashing of its address over the nodes of its kind.

Owns the rule. Every node comes to the same answer by itself, from the same names; a node that joins takes its share from all
others, one that leaves gives its own to all of them, and nobody else moves. Pure.
Source: Thaler and Ravishankar, Using name-based mappings to increase hit rates (1998).
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

__all__ = ["place", "weight"]


def weight(address: str, node: str) -> int:
    """How much a node is drawn to an address: the same number everywhere, for ever."""
    return int.from_bytes(blake2b(f"{node}\n{address}".encode(), digest_size=8).digest())


def place(address: str, nodes: Iterable[str]) -> str | None:
    """The node of an agent among those of its kind; None where there is none."""
    return max(nodes, key=lambda node: (weight(address, node), node), default=None)
