"""A control verb as it came over the socket: its name and its facts, read with their types.

Owns the check of what a peer sends, so that nothing of a wrong type goes further than the socket. What a verb does is
`control`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pools.errors import BadArgument
from pools.spans import Span

__all__ = ["Order"]


class Order:
    """One order. facts: an object as JSON gives it."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts

    @property
    def number(self) -> Any:
        """What its answer is told apart by."""
        return self._facts.get("id")

    @property
    def verb(self) -> str:
        """What shall be done. Raises BadArgument."""
        return self.text("verb")

    def value(self, name: str) -> Any:
        """What was sent under a name, whatever it is; None where it is left out."""
        return self._facts.get(name)

    def text(self, name: str) -> str:
        """A text that must be there. Raises BadArgument."""
        value = self._facts.get(name)
        if type(value) is not str:
            raise BadArgument(f"{name} must be a text, got {_shown(value)}")
        return value

    def text_if_any(self, name: str) -> str | None:
        """A text, None where it is left out or null. Raises BadArgument."""
        return None if self._facts.get(name) is None else self.text(name)

    def reference(self, name: str) -> int | str:
        """A text, or a whole number, that must be there. Raises BadArgument."""
        value = self._facts.get(name)
        return value if type(value) is int else self.text(name)

    def references(self, name: str) -> Sequence[int | str]:
        """A list of texts and whole numbers, empty where it is left out or null. Raises BadArgument."""
        value = self._facts.get(name)
        if type(value) is list and all(type(part) in (int, str) for part in value):
            return value
        return self.texts(name)

    def texts(self, name: str) -> Sequence[str]:
        """A list of texts, empty where it is left out or null. Raises BadArgument."""
        value = self._facts.get(name)
        if value is None:
            return ()
        if type(value) is not list or any(type(part) is not str for part in value):
            raise BadArgument(f"{name} must be a list of texts, got {_shown(value)}")
        return value

    def texts_if_any(self, name: str) -> Sequence[str] | None:
        """The same, None where it is left out or null."""
        return None if self._facts.get(name) is None else self.texts(name)

    def count(self, name: str, default: int, most: int) -> int:
        """A whole number of 0 or more, cut to `most`. Raises BadArgument."""
        value = self._facts.get(name)
        if value is None:
            return default
        if type(value) is not int or value < 0:
            raise BadArgument(f"{name} must be a whole number, 0 or more, got {_shown(value)}")
        return min(value, most)

    def count_if_any(self, name: str) -> int | None:
        """A whole number of 0 or more, None where it is left out or null. Raises BadArgument."""
        return None if self._facts.get(name) is None else self.count(name, 0, 2**63)

    def share(self, name: str, default: float) -> float:
        """A number of 0 or more that stands for a share; who takes it says which are too large. Raises BadArgument."""
        value = self._facts.get(name)
        if value is None:
            return default
        if type(value) not in (int, float) or not value >= 0:
            raise BadArgument(f"{name} must be a share, 0 to 1, got {_shown(value)}")
        return float(value)

    def seconds(self, name: str, default_s: float, most_s: float) -> float:
        """A number of seconds, cut to `most_s`. Raises BadArgument."""
        value = self._facts.get(name)
        if value is None:
            return default_s
        if type(value) not in (int, float) or not value >= 0:
            raise BadArgument(f"{name} must be a number of seconds, got {_shown(value)}")
        return min(float(value), most_s)

    def seconds_if_any(self, name: str, most_s: float) -> float | None:
        """The same; None where it is left out or null. Raises BadArgument."""
        return None if self._facts.get(name) is None else self.seconds(name, 0.0, most_s)

    def factor(self, name: str, default: float) -> float:
        """A number above 0. Raises BadArgument."""
        value = self._facts.get(name)
        if value is None:
            return default
        if type(value) not in (int, float) or not value > 0:
            raise BadArgument(f"{name} must be a number above 0, got {_shown(value)}")
        return float(value)

    def spans(self, name: str) -> list[Span]:
        """A list of pairs of numbers, empty where it is left out or null. Raises BadArgument."""
        value = self._facts.get(name)
        if value is None:
            return []
        if type(value) is not list or not all(_is_pair(pair) for pair in value):
            raise BadArgument(f"{name} must be a list of pairs of numbers, got {_shown(value)}")
        return [Span(*pair) for pair in value]

    def flag(self, name: str) -> bool:
        """True or false, false where it is left out or null. Raises BadArgument."""
        value = self._facts.get(name)
        if value is not None and type(value) is not bool:
            raise BadArgument(f"{name} must be true or false, got {_shown(value)}")
        return bool(value)


def _is_pair(value: Any) -> bool:
    return type(value) is list and len(value) == 2 and all(type(one) is int and 0 <= one < 2**63 for one in value)


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"{value!r:.60}"
