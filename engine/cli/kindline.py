"""A line for one more kind in a pools.yaml, all else of which stays as it was written, comments too.

Owns where the line goes. The file that comes of it has been read before anybody is given it.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import NamedTemporaryFile

from engine.cli.misuse import Misuse
from engine.document import Branch, read_document

__all__ = ["add_kind"]

#: Blanks before the first kind of a file.
INDENT = "  "


def add_kind(file: Path, kind: str, home: str) -> str:
    """The text of a file with a kind more, or as it is if it has that one. Raises Misuse if it has another, ConfigError."""
    text = _with_line(file, kind, home)
    with NamedTemporaryFile("w", suffix=".yaml") as trial:
        trial.write(text)
        trial.flush()
        kinds = read_document(Path(trial.name)).items.get("kinds")
    if not isinstance(kinds, Branch) or getattr(kinds.items.get(kind), "text", None) != home:
        raise _by_hand(file, kind, home)
    return text


def _with_line(file: Path, kind: str, home: str) -> str:
    tree = read_document(file)
    kinds = tree.items.get("kinds")
    lines = file.read_text().splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if not isinstance(kinds, Branch) or not kinds.items:
        if "kinds" in tree.items:
            at = tree.lines["kinds"]
            if lines[at - 1].split("#")[0].strip() != "kinds:":
                raise _by_hand(file, kind, home)
            return "".join([*lines[:at], f"{INDENT}{kind}: {home}\n", *lines[at:]])
        return "".join([*lines, "\nkinds:\n", f"{INDENT}{kind}: {home}\n"])
    if kind in kinds.items:
        there = getattr(kinds.items[kind], "text", None)
        if there == home:
            return "".join(lines)
        raise Misuse(f"{file}:{kinds.lines[kind]}: kinds has {kind} already, as {there}")
    last = max(kinds.lines.values())
    if tree.lines["kinds"] in kinds.lines.values():
        raise _by_hand(file, kind, home)  # they stand in one line, in braces
    line = lines[last - 1]
    indent = line[: len(line) - len(line.lstrip())]
    return "".join([*lines[:last], f"{indent}{kind}: {home}\n", *lines[last:]])


def _by_hand(file: Path, kind: str, home: str) -> Misuse:
    return Misuse(f"{file} has its kinds in a form that is not changed here; add it there: {kind}: {home}")
