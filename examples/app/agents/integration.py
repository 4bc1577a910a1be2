"""Integration agents: tests that go through the whole app, and their run."""

from __future__ import annotations

from examples.app.agents.tester import Tester

__all__ = ["Integration"]


class Integration(Tester):
    """Tests the parts together; it knows what a tester knows."""
