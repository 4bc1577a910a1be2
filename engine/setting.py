"""One configured value: its key, the text that was written, and where it came from.

Owns nothing but that, and the errors that name the place. What a text means is decided by the keys above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from typing import Any

__all__ = ["Setting", "nearest_of", "section", "slips"]

#: Likeness, from 0 to 1, from which another word is worth naming: `agnets` and `agents` have 0.83.
LIKENESS = 0.6
#: Words that are that much like it and are compared more closely.
ALIKE = 8


class Setting(NamedTuple):
    """A value under its key path, such as `pools.p1.cpu`.

    value: its text, the texts of a list, or None for a written null.  origin: where from, in words.
    folder: what a relative path in it is relative to.  file, line: where it stands, None for a flag or a variable.
    """

    key: str
    value: str | tuple[str, ...] | None
    origin: str
    folder: Path
    file: Path | None = None
    line: int | None = None

    def one(self) -> str:
        """The text of a value that must be a single one. Raises ConfigError."""
        if self.value is None or self.value == "":
            raise self.wrong("has no value: give one or remove the key")
        if not isinstance(self.value, str):
            raise self.wrong("is a list, but takes one value")
        return self.value

    def several(self) -> tuple[str, ...]:
        """The texts of a list; a single text is split at its commas, as variables and flags write lists."""
        if isinstance(self.value, tuple):
            return self.value
        parts = tuple(part.strip() for part in (self.value or "").split(","))
        return () if parts == ("",) else parts

    def wrong(self, message: str, nearest: str | None = None) -> ConfigError:
        """The error that names this setting's key and its file and line, else its origin."""
        if self.file is None:
            message = f"{message} (from {self.origin})"
        return ConfigError(message, key=self.key, file=self.file, line=self.line, nearest=nearest)


def section(
    settings: Mapping[str, Setting], name: str, keys: Mapping[str, tuple[str, Callable[[str], Any]]]
) -> dict[str, tuple[Any, Setting]]:
    """What stands under `name.`, by the field that it sets: the value that was read, and where it was written.

    keys: each with its field, and what reads its text, or raises ValueError. Raises ConfigError.
    """
    found: dict[str, tuple[Any, Setting]] = {}
    for key, (field, read) in keys.items():
        setting = settings.get(f"{name}.{key}")
        if setting is None:
            continue
        try:
            found[field] = read(setting.one()), setting
        except ValueError as refused:
            raise setting.wrong(str(refused)) from refused
    return found


def nearest_of(word: str, known: Iterable[str]) -> str | None:
    """The known word most like this one, by the slips of a hand between them; None if none is like it."""
    from difflib import get_close_matches

    like = get_close_matches(word.lower(), list(known), n=ALIKE, cutoff=LIKENESS)
    return min(like, key=lambda one: slips(word.lower(), one), default=None)


def slips(word: str, other: str) -> int:
    """How many letters were left out, put in, changed, or swapped with the next one, between two words."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(word, start=1):
        above, row = row, [at]
        for there, one in enumerate(other, start=1):
            least = min(above[there] + 1, row[there - 1] + 1, above[there - 1] + (letter != one))
            if at > 1 and there > 1 and letter == other[there - 2] and word[at - 2] == one:
                least = min(least, before[there - 2] + 1)
            row.append(least)
        before = above
    return row[-1]
