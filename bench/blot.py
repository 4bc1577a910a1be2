"""An agent with much state, of which each task changes all: it makes a log grow as fast as the disk takes it."""

from __future__ import annotations

import os

from engine import Agent

__all__ = ["Blot"]


class Blot(Agent):
    """Counts what it does, and is hundreds of kilobytes."""

    total: int = 0
    text: str = ""

    def add(self, size_bytes: int) -> int:
        """Become this large, with other content each time; returns how often."""
        self.total += 1
        self.text = os.urandom(size_bytes // 2).hex()
        return self.total

    def get(self) -> int:
        """How often."""
        return self.total
