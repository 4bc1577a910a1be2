"""What looks at single tasks for a kind before they are sent, as their sender knows it.

Owns nothing. A case stands for what is expected of some tasks; senders hand it back with how they ended.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Sequence
from typing import Any, Protocol

from pools.errors import Failure

__all__ = ["Aside"]


class Aside(Protocol):
    """Looks at tasks for a kind before they are sent, and at how they end."""

    def clear(self, kind: str, method: str, count: int) -> Any:
        """The case of tasks that may go to any agent of the kind; None where each is to be looked at by itself."""
        ...

    def ask(
        self, kind: str, method: str, arguments: tuple[Any, ...], named: dict[str, Any], timeout_s: float | None
    ) -> Future[Any]:
        """Look at a task, and send it."""
        ...

    def place(self, kind: str, method: str, arguments: Sequence[Any]) -> Sequence[Any]:
        """Look at some tasks: of each its agent's address and case, the error it ends with, or the case alone for `split`."""
        ...

    def split(self, future: Future[Any], case: Any, kind: str, method: str, argument: Any, timeout_s: float | None) -> None:
        """Do a task in parts, which was counted as accepted."""
        ...

    def learn(self, cases: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Take in how tasks ended: the case of each, None of one that has none, and the failures by position."""
        ...
