"""A wheel of something that is installed here, put together from its files.

Owns the form of that archive (PEP 427), the same bytes for the same files. It needs no index and no network, and a node gets
the very code that runs here, whether that is a wheel or a source tree.
"""

from __future__ import annotations

import base64
import hashlib
import os
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution
from pathlib import Path
from typing import NamedTuple

from engine.errors import Unavailable

__all__ = ["file_name", "write_wheel"]

#: What an installation adds to what its wheel had.
ADDED = frozenset({"INSTALLER", "REQUESTED", "RECORD", "RECORD.jws", "RECORD.p7s", "direct_url.json"})
#: The earliest time that an archive can say.
LONG_AGO = (1980, 1, 1, 0, 0, 0)
#: How hard is packed: libraries shrink little, and they are packed once.
LEVEL = 1
#: The first line of a script, before an installation says which interpreter.
SHEBANG = b"#!python"


class _Entry(NamedTuple):
    """A file of the archive. mode: whether it can be executed."""

    name: str
    content: bytes
    mode: int


def file_name(found: Distribution) -> str:
    """The name of the wheel. Raises Unavailable for what was not installed from one."""
    tags = [line.partition(":")[2].strip().split("-") for line in _wheel(found).splitlines() if line.startswith("Tag:")]
    whole = "-".join(".".join(dict.fromkeys(tag[part] for tag in tags)) for part in range(3))
    return f"{_stem(found)}-{whole}.whl"


def write_wheel(found: Distribution, file: Path, packages: dict[str, Path] | None = None) -> None:
    """Write the wheel of a distribution, in one go.

    packages: the folders of its packages by name, where its files are not those that are listed (a source tree).
    Raises Unavailable, OSError.
    """
    entries = sorted(_entries(found, packages or {}))
    record = f"{_stem(found)}.dist-info/RECORD"
    rows = "".join(f"{entry.name},sha256={_digest(entry.content)},{len(entry.content)}\n" for entry in entries)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
            for entry in [*entries, _Entry(record, f"{rows}{record},,\n".encode(), 0o644)]:
                info = zipfile.ZipInfo(entry.name, LONG_AGO)
                info.external_attr = (0o100000 | entry.mode) << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, entry.content)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _wheel(found: Distribution) -> str:
    text = found.read_text("WHEEL")
    if not text:
        raise Unavailable(f"unavailable: {found.metadata['Name']} was not installed from a wheel; install it with pip")
    return text


def _stem(found: Distribution) -> str:
    """Name and version, as files are called after them."""
    name = found.metadata["Name"].replace("-", "_").replace(".", "_").lower()
    return f"{name}-{found.version}"


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _entries(found: Distribution, packages: dict[str, Path]) -> Iterator[_Entry]:
    scripts = {point.name for point in found.entry_points if point.group in ("console_scripts", "gui_scripts")}
    for path in found.files or ():
        file = Path(str(found.locate_file(path)))
        parts = path.parts
        if "__pycache__" in parts or path.suffix in (".pyc", ".pth") or not file.is_file():
            continue
        if parts[0].endswith(".dist-info"):
            if path.name not in ADDED:
                yield _entry("/".join((f"{_stem(found)}.dist-info", *parts[1:])), file)
        elif parts[0] != "..":
            yield _entry(str(path), file)
        elif "bin" in parts:
            if path.name not in scripts:
                yield _script(f"{_stem(found)}.data/scripts/{path.name}", file)
        else:
            rest = [part for part in parts if part != ".."]
            yield _entry(f"{_stem(found)}.data/data/{'/'.join(rest)}", file)
    for name, folder in packages.items():
        for file in folder.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
                yield _entry(f"{name}/{file.relative_to(folder)}", file)


def _entry(name: str, file: Path) -> _Entry:
    return _Entry(name, file.read_bytes(), 0o755 if os.access(file, os.X_OK) else 0o644)


def _script(name: str, file: Path) -> _Entry:
    content = file.read_bytes()
    first, newline, rest = content.partition(b"\n")
    if first.startswith(b"#!") and b"python" in first:
        content = SHEBANG + newline + rest
    return _Entry(name, content, 0o755)
