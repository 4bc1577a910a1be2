"""The screens: their keys, their names, where their classes are.

Owns the table alone. Who adds a screen adds a line here; keys, tabs, the palette and the help follow from it. A class is loaded
when its screen is opened first.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

from textual.screen import Screen

__all__ = ["PLACES", "Place"]


class Place(NamedTuple):
    """One screen. key: what opens it.  name: what it is called in tabs, in lower case.  path: module:Class of its Board.

    about: what it shows, a line for the palette and the help.
    """

    key: str
    name: str
    path: str
    about: str

    def make(self) -> Screen[Any]:
        """The screen."""
        module, _, name = self.path.partition(":")
        made: Screen[Any] = getattr(import_module(module), name)()
        return made


#: In the order of the tabs.
PLACES = (
    Place("1", "overview", "engine.dashboard.overview:OverviewBoard", "overview: how the swarm does, in one look"),
    Place("2", "workers", "engine.dashboard.workers:WorkersBoard", "pools and workers: state, current agent, queue, breaker"),
    Place("3", "agents", "engine.dashboard.agents:AgentsBoard", "agents: filtered, sorted, one of them with enter"),
    Place("4", "tasks", "engine.dashboard.tasks:TasksBoard", "accepted tasks and dead letters, one of them with its story"),
    Place("5", "sprints", "engine.dashboard.sprints:SprintsBoard", "sprints, their steps, what was done and what was carried"),
    Place("6", "log", "engine.dashboard.log:LogBoard", "log: what happened, as it happens; by level and words"),
    Place("9", "help", "engine.dashboard.help:HelpBoard", "help: keys and signs"),
)
