"""A step that is tried more than once."""

from __future__ import annotations

from typing import Any

from sprints.attempts import attempt_now, tried
from sprints.vertex import Vertex

__all__ = ["Node"]


class Node(Vertex):
    """A step whose exec is tried up to max_retries times in all, `wait` seconds apart.

    After the last attempt exec_fallback decides: it raises the error unless it is overridden.
    """

    def __init__(self, max_retries: int = 1, wait: float = 0) -> None:
        if max_retries < 1:
            raise ValueError(f"max_retries counts all attempts and is 1 or more, got {max_retries}")
        super().__init__()
        self.max_retries = max_retries
        self.wait = wait

    @property
    def cur_retry(self) -> int:
        """The attempt that is under way, from 0, as exec and exec_fallback see it."""
        return attempt_now()

    def exec_fallback(self, prep_res: Any, exc: Exception) -> Any:
        """What exec's outcome is when every attempt failed. Raises exc by default."""
        raise exc

    def _exec(self, prepared: Any) -> Any:
        return tried(self.exec, self.exec_fallback, prepared, most=self.max_retries, wait_s=self.wait)
