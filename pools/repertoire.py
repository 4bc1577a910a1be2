"""What the agents of an engine can do: their kinds, and where each kind's class was loaded from first.

Owns the list of what was loaded. Which code a worker runs now is `code`'s and its seat's knowledge.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["Repertoire"]


class Repertoire:
    """The kinds of one engine. references: of the classes.  paths: folders at the end of the workers' import path."""

    def __init__(self, references: Iterable[str], paths: Iterable[str]) -> None:
        self.references = list(references)
        self.paths = list(paths)
        #: The methods' signatures of each kind, by name.
        self.methods: dict[str, dict[str, str]] = {}
        #: The reference that each kind was loaded by first, and the facts of it as they are now.
        self.first: dict[str, str] = {}
        self.facts: dict[str, dict[str, Any]] = {}

    def add(self, references: Iterable[str], paths: Iterable[str]) -> None:
        """Know of classes, and of folders where they are found."""
        self.references += [one for one in dict.fromkeys(references) if one not in self.references]
        self.paths += [one for one in dict.fromkeys(paths) if one not in self.paths]

    def learn(self, facts: dict[str, Any]) -> str:
        """Take in what a worker tells of a kind; returns its name."""
        kind: str = facts["kind"]
        self.facts[kind] = facts
        self.methods[kind] = facts["methods"]
        return kind
