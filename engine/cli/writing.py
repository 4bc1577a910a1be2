"""Files that are written for somebody: all of them or none, and never over what is there without being told.

Owns the look before, and the whole file under its name or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from engine.cli.misuse import Misuse

__all__ = ["replace", "write_new"]


def write_new(folder: Path, files: Mapping[str, str], *, is_forced: bool) -> list[str]:
    """Write files into a folder, which is made; returns the names of those that changed.

    A file that has this text already is well.  is_forced: replace those that have another.  Raises Misuse for them, OSError.
    """
    if folder.exists() and not folder.is_dir():
        raise Misuse(f"{folder} is no folder")
    changed = [name for name, text in files.items() if not _has(folder / name, text)]
    there = [name for name in changed if os.path.lexists(folder / name)]
    if there and not is_forced:
        raise Misuse(f"{_listed(there)} in {folder} {'is' if len(there) == 1 else 'are'} there already: --force writes over it")
    folder.mkdir(parents=True, exist_ok=True)
    for name in changed:
        replace(folder / name, files[name])
    return changed


def replace(file: Path, text: str) -> None:
    """Have a file with this text, in one go. Raises OSError."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        part.write_text(text)
        if file.exists():
            part.chmod(file.stat().st_mode & 0o777)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _has(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(errors="replace") == text


def _listed(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
