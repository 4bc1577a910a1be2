"""What a test sees of its agents: what each task that succeeded has sent, and what was logged.

Owns the form of it. Arguments are as they travel: nothing, one plain value by itself, an object for names, else a list.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Logged", "Spawned", "Timer", "Told"]


class Told(NamedTuple):
    """A message of one agent to another, or to any of a kind."""

    sender: str
    address: str
    method: str
    argument: Any


class Spawned(NamedTuple):
    """An agent that another one made."""

    sender: str
    address: str


class Timer(NamedTuple):
    """A task that an agent sends itself after some seconds."""

    sender: str
    after_s: float
    method: str
    argument: Any


class Logged(NamedTuple):
    """A line that a task wrote into the engine's log."""

    agent: str
    task: str
    text: str
