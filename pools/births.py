"""How a worker is told which agents there are.

Owns the form of these orders, and that each fits into a frame. Who is told of which agents is not decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pools.spans import Ranged
from pools.spec import NAMES_AT_ONCE

__all__ = ["births", "lots"]


def births(kind: str, ranges: Sequence[Ranged], names: list[str]) -> list[dict[str, Any]]:
    """The orders that make agents of a kind exist."""
    pairs = [[span.start, span.stop] for span in ranges]
    told = [{"verb": "ranges", "kind": kind, "ranges": part} for part in lots(pairs)]
    return told + [{"verb": "names", "kind": kind, "names": part} for part in lots(names)]


def lots(names: list[Any]) -> list[list[Any]]:
    """Names, or ranges, in lists that fit into a frame each."""
    return [names[at : at + NAMES_AT_ONCE] for at in range(0, len(names), NAMES_AT_ONCE)]
