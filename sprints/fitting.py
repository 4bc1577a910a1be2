"""How many names one list in a line of a ledger takes.

Pure. A line has a limit, so what a sprint takes on has one too: the rest is left to the next sprint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from sprints.spec import IDS_BYTES

__all__ = ["fitting"]

#: Bytes of the longest character in JSON (`\\u001f`), and of what stands around a name.
CHARACTER_BYTES, AROUND_BYTES = 6, 3


def fitting(names: Sequence[str], beside: Callable[[str], Sequence[str]] | None = None) -> int:
    """How many of these, from the first one on, have at most IDS_BYTES as JSON. beside: what is written with a name."""
    longest = sum(map(len, names))
    if beside is not None:
        longest += sum(len(text) for name in names for text in beside(name))
    if longest * CHARACTER_BYTES + len(names) * AROUND_BYTES <= IDS_BYTES:
        return len(names)
    size_bytes = 0
    for at, name in enumerate(names):
        texts = (name,) if beside is None else (name, *beside(name))
        size_bytes += sum(len(orjson.dumps(text)) + 1 for text in texts)
        if size_bytes > IDS_BYTES:
            return at
    return len(names)
