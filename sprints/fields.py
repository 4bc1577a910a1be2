"""What one row of a backlog says, key by key.

Owns the types and limits of single values, and the words in which a wrong one is refused: with its key, and with its place in
the file that it was read from. What a row means is known by who asks. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any, TypeAlias

from sprints.errors import BadBacklog
from sprints.spec import ID_CHARS, TEXT_CHARS

__all__ = ["Fields", "Path", "Where", "nowhere", "path_text"]

#: The way to a value: keys of mappings, and places in lists from 0.
Path: TypeAlias = tuple[str | int, ...]
#: Where the value with that way stands, such as `app.yaml:17`; empty where that is not known.
Where: TypeAlias = Callable[[Path], str]


def nowhere(_path: Path) -> str:
    """The place of a value that was never in a file."""
    return ""


def path_text(path: Path) -> str:
    """A way as people write it: `tasks[3].after[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def kind_of(value: object) -> str:
    """What a value is called in a message."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return f"{value!r:.60}"


class Fields:
    """The values of a row. path: the way to it.  Raises BadBacklog if it is no mapping, or has a key that is not known."""

    def __init__(self, row: object, path: Path, where: Where, known: Collection[str]) -> None:
        self.path = path
        self.where = where
        if not isinstance(row, Mapping):
            raise self.wrong(f"must be a mapping of keys, not {kind_of(row)}")
        self._row = row
        if not row.keys() <= set(known):
            self._refuse_strangers(known)

    def _refuse_strangers(self, known: Collection[str]) -> None:
        for key in self._row:
            if not isinstance(key, str):
                raise self.wrong(f"has a key that is no text: {key!r:.60}")
            if key not in known:
                near = get_close_matches(key, known, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(sorted(known))}"
                raise self.wrong(f"there is no such key{hint}", key)

    def __contains__(self, key: str) -> bool:
        return self._row.get(key) is not None

    def wrong(self, message: str, *parts: str | int) -> BadBacklog:
        """The error for something within this row. parts: the way to it from here."""
        path = (*self.path, *parts)
        return BadBacklog(message, key=path_text(path), place=self.where(path))

    def get(self, key: str) -> Any:
        """The value as it is; None where there is none."""
        return self._row.get(key)

    def name(self, key: str) -> str:
        """A name that must be there: a line of 1 to 128 characters."""
        value = self._row.get(key)
        if value is None:
            raise self.wrong("is missing", key)
        return self._text(key, value, ID_CHARS)

    def text(self, key: str, default: str = "", most: int = TEXT_CHARS) -> str:
        """A line of at most so many characters."""
        value = self._row.get(key)
        return default if value is None else self._text(key, value, most)

    def lines(self, key: str, default: str = "") -> str:
        """Some lines of text."""
        value = self._row.get(key)
        return default if value is None else self._text(key, value, TEXT_CHARS, is_line=False)

    def text_or_none(self, key: str) -> str | None:
        """A line, or None where there is none."""
        return self.text(key) or None

    def choice(self, key: str, default: str, among: Collection[str]) -> str:
        """One of some words."""
        value = self._row.get(key)
        if value is None:
            return default
        if not isinstance(value, str) or value not in among:
            near = get_close_matches(value, among, 1) if isinstance(value, str) else []
            raise self.wrong(f"must be one of {', '.join(among)}, not {kind_of(value)}{_meant(near)}", key)
        return value

    def number(self, key: str, default: float, *, most: float, is_above_0: bool = False) -> float:
        """A number from 0, or above it."""
        value = self._row.get(key)
        if value is None:
            return default
        if type(value) not in (int, float) or not math.isfinite(value):
            raise self.wrong(f"must be a number, not {kind_of(value)}", key)
        if not 0 <= value <= most or (is_above_0 and not value):
            raise self.wrong(f"must be {'above 0' if is_above_0 else '0 or more'} and at most {most:,.12g}, not {value:g}", key)
        return float(value)

    def whole(self, key: str, default: int | None, *, least: int = 0, most: int) -> int:
        """A whole number. default: None where it must be there."""
        value = self._row.get(key)
        if value is None:
            value = default
        if value is None:
            raise self.wrong("is missing", key)
        if type(value) not in (int, float) or value % 1 or not least <= value <= most:
            raise self.wrong(f"must be a whole number from {least} to {most:,}, not {kind_of(value)}", key)
        return int(value)

    def texts(self, key: str, *, most: int, chars: int = TEXT_CHARS) -> tuple[str, ...]:
        """A list of texts, none of them twice; one text alone is a list of one."""
        value = self._row.get(key)
        if value is None:
            return ()
        if isinstance(value, str):
            return (self._text(key, value, chars),)
        if not isinstance(value, list):
            raise self.wrong(f"must be a list of texts, not {kind_of(value)}", key)
        if len(value) > most:
            raise self.wrong(f"has {len(value):,} entries; at most {most:,} are taken", key)
        found = dict.fromkeys(self._text(key, each, chars, at) for at, each in enumerate(value))
        if len(found) < len(value):
            at = next(at for at, each in enumerate(value) if each in value[:at])
            raise self.wrong(f"{value[at]!r} is there twice", key, at)
        return tuple(found)

    def rows(self, key: str, *, most: int) -> list[Any]:
        """A list of anything."""
        value = self._row.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.wrong(f"must be a list, not {kind_of(value)}", key)
        if len(value) > most:
            raise self.wrong(f"has {len(value):,} entries; at most {most:,} are taken", key)
        return value

    def _text(self, key: str, value: object, most: int, *parts: int, is_line: bool = True) -> str:
        if not isinstance(value, str):
            raise self.wrong(f"must be a text, not {kind_of(value)}", key, *parts)
        if not value or value.isspace():
            raise self.wrong("must not be empty", key, *parts)
        if len(value) > most:
            raise self.wrong(f"has {len(value):,} characters; at most {most:,} are taken", key, *parts)
        if "\0" in value or (is_line and "\n" in value):
            raise self.wrong("must be one line", key, *parts)
        return value


def _meant(near: list[str]) -> str:
    return f"; did you mean {near[0]!r}?" if near else ""
