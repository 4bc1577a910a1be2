"""An agent that can be called as if it were here.

Owns nothing but an address and a way to ask.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

__all__ = ["Proxy"]


class Proxy:
    """One agent: each of its methods returns what `ask` does, which is to be awaited unless the client blocks."""

    __slots__ = ("_ask", "address")

    def __init__(self, ask: Callable[..., Any], address: str) -> None:
        self._ask = ask
        self.address = address

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method.startswith("_"):
            raise AttributeError(method)
        return partial(self._ask, self.address, method)

    def __repr__(self) -> str:
        return f"<agent {self.address}>"
