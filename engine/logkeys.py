"""The keys of the `log` section, and what a text under each of them means.

Owns the table and the reading of one section. Knows no file and no order of precedence: it is given settings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine import units
from engine.setting import nearest_of, section
from pools.events import INFO, LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.setting import Setting

__all__ = ["FORMS", "LOG_KEYS", "LogSpec", "read_log"]

#: The forms of a log, by what each is called.
FORMS = ("text", "json")
#: Bytes of one file, and how many there are at once: 40 MB, some days of a busy engine.
FILE_BYTES, FILES = 10 * 1024 * 1024, 4
#: Bytes of the smallest and the largest file of a log, and how many files there may be.
LEAST_BYTES, MOST_BYTES, MOST_FILES = 64 * 1024, 1 << 34, 1_000


@dataclass(frozen=True, slots=True)
class LogSpec:
    """How an engine's log is written. form: text or json.  level: what matters less is left out.

    size_bytes: of one file.  files: how many there are at once, the one that is written among them.
    """

    form: str = "text"
    level: str = INFO
    size_bytes: int = FILE_BYTES
    files: int = FILES


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            nearest = nearest_of(text, names)
            meant = f"; did you mean {nearest}?" if nearest else ""
            raise ValueError(f"{text!r} is not {', '.join(names[:-1])} or {names[-1]}{meant}")
        return text

    return read


def _within(read: Callable[[str], int], least: int, most: int, shown: str) -> Callable[[str], int]:
    def reader(text: str) -> int:
        value = read(text)
        if not least <= value <= most:
            raise ValueError(f"{text!r} is not between {shown}")
        return value

    return reader


#: Each key with the field of `LogSpec` that it sets, and what reads its text.
LOG_KEYS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "format": ("form", _one_of(FORMS)),
    "level": ("level", _one_of(LEVELS)),
    "size": ("size_bytes", _within(units.parse_size_bytes, LEAST_BYTES, MOST_BYTES, "64KiB and 16GiB")),
    "files": ("files", _within(units.parse_count, 1, MOST_FILES, f"1 and {MOST_FILES:,}")),
}


def read_log(settings: Mapping[str, Setting]) -> LogSpec:
    """What the settings under `log.` make of the defaults. Raises ConfigError."""
    return LogSpec(**{field: value for field, (value, _) in section(settings, "log", LOG_KEYS).items()})
