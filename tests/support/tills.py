"""Agents that are paid, and say how much they have: what was lost on a way, or came twice, is seen in the sum."""

from __future__ import annotations

__all__ = ["TILL"]

#: The module of their class.
TILL = """
from engine import Agent

class Till(Agent):
    total: int = 0

    def pay(self, x: int) -> int:
        self.total += x
        return self.total
"""
