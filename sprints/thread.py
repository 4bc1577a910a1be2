"""Something that is done in a thread, beside the loop.

Owns that nobody leaves before it has ended: who is cancelled gives back the files that it uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

__all__ = ["in_thread"]

Found = TypeVar("Found")


async def in_thread(work: Callable[[], Found]) -> Found:
    """What it returns. Who is cancelled meanwhile waits for its end, and is cancelled then. Raises what it raises."""
    doing = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        if not doing.cancelled():
            doing.exception()  # it was seen: who is cancelled has no use for it
        raise
