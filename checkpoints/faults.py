"""What befalls a process on a simulated disk: an input or output that fails, or the end of the process."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Fault", "Killed"]


class Killed(BaseException):
    """The process that did this is no more; nothing of it runs on."""


@dataclass
class Fault:
    """The n-th input or output that fits fails. error: an errno, None for the end of the process.

    kinds: such as "write" or "sync", none for all.  path: a part of the path.  is_lasting: whether all after it fail too.
    is_after: whether what was asked for is done first.  share: how much of a write is done before it fails.
    """

    nth: int = 1
    error: int | None = None
    kinds: tuple[str, ...] = ()
    path: str = ""
    is_lasting: bool = False
    is_after: bool = False
    share: float = 0.5
    seen: int = field(default=0, init=False)

    def strikes(self, kind: str, path: str) -> bool:
        """Whether it is this one's turn."""
        if (self.kinds and kind not in self.kinds) or self.path not in path:
            return False
        self.seen += 1
        return self.seen == self.nth or (self.is_lasting and self.seen > self.nth)

    @property
    def has_struck(self) -> bool:
        """Whether it took effect."""
        return self.seen >= self.nth
