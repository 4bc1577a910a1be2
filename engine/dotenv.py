"""The `.env` file of a folder: variables for the engine that the shell did not set.

Owns the small grammar `NAME=value`: an optional `export`, quotes, comments; nothing is substituted or run. Only names
that begin with ENGINE_ are read, whatever else the file keeps stays unread. Above it stand the settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PREFIX", "Variable", "read_dotenv"]

#: What every variable of the engine begins with.
PREFIX = "ENGINE_"
#: Bytes of a `.env` file.
FILE_BYTES = 64 * 1024


class Variable(NamedTuple):
    """A value and the line that it stands on."""

    text: str
    line: int


def read_dotenv(file: Path) -> dict[str, Variable]:
    """The engine's variables in a `.env` file, none if there is no such file; the last of two wins, as in a shell.

    Raises ConfigError for an engine's line without `=`, one with an open quote, and a file too large or unreadable.
    """
    try:
        with file.open("rb") as source:
            text = source.read(FILE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return {}
    except OSError as refused:
        raise ConfigError(f"cannot be read: {refused.strerror}", key="", file=file) from refused
    if len(text) > FILE_BYTES:
        raise ConfigError(f"larger than {FILE_BYTES:,} bytes", key="", file=file)
    found = {}
    for line, written in enumerate(text.decode(errors="replace").splitlines(), start=1):
        name, equals, value = written.strip().removeprefix("export ").partition("=")
        name = name.strip()
        if not name.startswith(PREFIX):
            continue
        if not equals:
            raise ConfigError("has no value: write NAME=value", key=name, file=file, line=line)
        found[name] = Variable(_value(value.strip(), name, file, line), line)
    return found


def _value(written: str, name: str, file: Path, line: int) -> str:
    quote = written[:1]
    if quote not in {'"', "'"}:
        return written.partition(" #")[0].rstrip()
    inside, closed, rest = written[1:].partition(quote)
    after = rest.strip()
    if not closed or (after and not after.startswith("#")):
        raise ConfigError(f"the value {written} is not one quoted text", key=name, file=file, line=line)
    return inside
