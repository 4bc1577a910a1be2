"""Ids made of what people wrote: short, readable, each given once.

Pure.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["Slugs"]

#: Characters of an id that is made; room is left for a number, and for the id of a sprint before it.
SLUG_CHARS = 60


class Slugs:
    """The ids that were given so far."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def make(self, text: str) -> str:
        """An id for a text: its words in lower case with hyphens between; one that was given before gets a number."""
        plain = unicodedata.normalize("NFKC", text).lower()
        slug = re.sub(r"[^\w.]+", "-", plain).strip("-._")[:SLUG_CHARS].strip("-._") or "task"
        wanted, number = slug, self._given.get(slug, 0)
        while slug in self._given:
            number += 1
            slug = f"{wanted}-{number + 1}"
        self._given[wanted] = number
        self._given.setdefault(slug, 0)
        return slug
