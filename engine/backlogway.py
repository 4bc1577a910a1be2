"""The way of a backlog into an engine: as a file or a document, from this process or from another.

Owns what a backlog may be given as, whose classes its references mean, and the file in which an engine is handed one. What it
says is read by `backlogfile`, and below.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from checkpoints.errors import FULL, DiskFull
from engine.backlogfile import read_backlog_file
from pools.values import fault
from sprints.backlog import Backlog, read_backlog
from sprints.errors import BadBacklog
from sprints.grammar import check_grammar

__all__ = ["Given", "given_backlog", "handed_over", "references_of"]

#: A backlog as somebody has it: what its file says, or the file.
Given = Mapping[str, Any] | str | os.PathLike[str]


def given_backlog(given: Given, folder: str | os.PathLike[str] | None) -> tuple[Backlog, Path]:
    """The backlog and the folder from which its own folders are named: that given, else its file's, else the current one.

    Raises BadBacklog, ConfigError.
    """
    if isinstance(given, Mapping):
        backlog = read_backlog(given)
        _check_values(backlog)
        check_grammar(backlog.items.values())
        return backlog, Path.cwd() if folder is None else Path(folder).resolve()
    file = Path(given)
    return read_backlog_file(file), file.resolve().parent if folder is None else Path(folder).resolve()


def _check_values(backlog: Backlog) -> None:
    """Raises BadBacklog for what its ledger, or a restart, would give back as something else."""
    for at, item in enumerate(backlog.items.values()):
        for key, value in (("args", item.args), ("check", item.check)):
            wrong = None if value is None else fault(value, "it", tuples=False)
            if wrong is not None:
                raise BadBacklog(wrong, key=f"tasks[{at}].{key}")


def references_of(backlog: Backlog, folder: Path, more: Iterable[str] = ()) -> list[str]:
    """The classes that it loads; one in a file means the file beside the backlog, wherever the engine runs."""
    return [_absolute(reference, folder) for reference in [*backlog.use, *more]]


def _absolute(reference: str, folder: Path) -> str:
    place, _, name = reference.rpartition(":")
    return f"{(folder / place).resolve()}:{name}" if place.endswith(".py") else reference


def handed_over(folder: Path, backlog: Backlog) -> str:
    """A file with the backlog for the engine, which removes it. Raises OSError; DiskFull, and there is no such file."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix="backlog-", suffix=".json", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(backlog.row()))
    except OSError as error:
        Path(name).unlink()
        if error.errno in FULL:
            raise DiskFull(name, error) from error
        raise
    return name
