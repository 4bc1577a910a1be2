"""Configurers: what can be set, and what builds and checks the project."""

from __future__ import annotations

from typing import Any

from engine import Agent
from examples.app.blueprint import THEME
from examples.app.workshop import made, made_json, text_of

__all__ = ["Configurer"]

#: Settings of the app: rounds of a password's hash, seconds of a session.
SETTINGS: dict[str, dict[str, Any]] = {
    "security": {"rounds": 210_000, "password_chars": 12, "session_s": 86_400},
    "server": {"host": "127.0.0.1", "port": 8_000},
    "theme": dict(THEME),
    "coverage": {"least": 0.95},
    "contrast": {"least": 4.5},
}


class Configurer(Agent):
    """Sets."""

    def record(self, work: str, record: str) -> dict[str, Any]:
        """The settings of a kind of records. page: rows of one page of a list."""
        return made_json(work, f"config/{record}.json", {"page": 10}, page=10)

    def settings(self, work: str, name: str) -> dict[str, Any]:
        """Settings of the app."""
        return made_json(work, f"config/{name}.json", SETTINGS[name])

    def file(self, work: str, template: str, path: str) -> dict[str, Any]:
        """A file of the project as its template says it. template: its name under `project`."""
        return made(work, path, text_of(f"project/{template}"))
