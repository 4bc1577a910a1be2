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
    if os.path.lexists(folder) and not folder.is_dir():
        raise Misuse(f"{folder} is no folder{'' if folder.exists() else ', but a link that leads nowhere'}: give another name")
    changed = [name for name, text in files.items() if not _has(folder / name, text)]
    there = [name for name in changed if os.path.lexists(folder / name)]
    if there and not is_forced:
        raise Misuse(f"{_listed(there)} in {folder} {'is' if len(there) == 1 else 'are'} there already: --force writes over it")
    folders = [name for name in there if (folder / name).is_dir()]
    if folders:
        raise Misuse(f"{_listed(folders)} in {folder} {'is a folder' if len(folders) == 1 else 'are folders'}: move it away")
    strange = [name for name in there if (folder / name).exists() and not (folder / name).is_file()]
    if strange:
        raise Misuse(
            f"{_listed(strange)} in {folder} {'is' if len(strange) == 1 else 'are'} no regular file: give another name"
        )
    folder.mkdir(parents=True, exist_ok=True)
    replace({folder / name: files[name] for name in changed})
    return changed


def replace(files: Mapping[Path, str]) -> None:
    """Have files with these texts, none before all are written. Raises OSError, which names the file that is meant."""
    parts = {file: file.with_name(f".{file.name}.{os.getpid()}") for file in files}
    file = Path()
    try:
        for file, part in parts.items():
            part.write_text(files[file], encoding="utf-8")
            if file.exists():
                part.chmod(file.stat().st_mode & 0o777)
        for file, part in parts.items():
            part.replace(file)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from error
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _has(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(errors="replace") == text


def _listed(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
