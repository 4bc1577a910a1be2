"""What several processes have used together, over all those that came and went.

Owns the adding up. How one process's use is read is handed in; of one that is gone counts what it had at the last look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

__all__ = ["Consumption"]


class Consumption:
    """A sum that only grows. read: what a process has used so far, None where that cannot be known.

    before: processes whose use up to now does not count.  total: the sum; None once it could not be read of anyone.
    """

    def __init__(self, read: Callable[[int], float | None], before: Iterable[int] = ()) -> None:
        self._read = read
        self._last = {pid: read(pid) or 0.0 for pid in before}
        self._total = 0.0
        self._is_known = False

    def look(self, pids: Iterable[int]) -> None:
        """Take in what these have used since."""
        last: dict[int, float] = {}
        for pid in pids:
            now = self._read(pid)
            before = self._last.get(pid, 0.0)
            if now is not None:
                self._total += max(now - before, 0.0)
            last[pid] = before if now is None else max(now, before)
            self._is_known = self._is_known or now is not None
        self._last = last

    @property
    def total(self) -> float | None:
        """What they have used; None where nobody's use could be read."""
        return self._total if self._is_known else None
