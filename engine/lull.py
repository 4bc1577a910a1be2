"""A stretch of work without the garbage collector.

Owns the pause of it. Who makes thousands of objects in one go, all of which are kept, would have it look at them again and
again for nothing; it looks once, afterwards.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["lull"]


@contextmanager
def lull() -> Iterator[None]:
    """Keep the collector from looking within the block, which waits for nothing and ends within milliseconds."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
