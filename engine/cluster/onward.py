"""The id of an envelope that is made of tasks that are sent on, and how often these were.

Owns that such an id is short, however long the one before was, and the same whenever the same is sent on. Pure.
"""

from __future__ import annotations

import re
from hashlib import blake2b

__all__ = ["hops_of", "onward"]

_MADE = re.compile(r"m([0-9]{1,4})-[0-9a-f]{32}")


def onward(id: str, row: int) -> str:
    """The id under which tasks of an envelope are sent on of which this row is the first."""
    digest = blake2b(f"{id}\n{row}".encode(), digest_size=16).hexdigest()
    return f"m{hops_of(id) + 1}-{digest}"


def hops_of(id: str) -> int:
    """How often the tasks of an envelope were sent on."""
    made = _MADE.fullmatch(id)
    return 0 if made is None else int(made[1])
