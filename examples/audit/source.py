"""One source file, read and parsed.

Owns reading bytes, and every way in which a file can fail to be Python: these are facts about the file, returned as
`Broken`, never raised. It judges nothing; `inspection` does.
"""

from __future__ import annotations

import ast
import io
import os
import tokenize
import warnings
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LARGEST_BYTES", "Broken", "Source", "read"]

#: Bytes of the largest file that is parsed: a syntax tree takes up to a hundred times its source, some 400 MB at worst.
LARGEST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Broken:
    """Why a file could not be audited. cause: unreadable, too-large, undecodable, too-deep or invalid-syntax."""

    cause: str
    detail: str
    line: int = 1


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed file. lines: its bytes, split as Python splits them."""

    tree: ast.Module
    lines: list[bytes]
    encoding: str

    def column(self, line: int, offset: int) -> int:
        """The column, in characters from 1, of a byte offset that `ast` gave (it counts UTF-8 bytes)."""
        raw = self.lines[line - 1] if line <= len(self.lines) else b""
        if raw.isascii():
            return offset + 1
        text = raw.decode(self.encoding, errors="replace")
        return len(text.encode()[:offset].decode(errors="ignore")) + 1


def read(path: Path) -> Source | Broken:
    """The file's syntax tree, or why there is none."""
    try:
        with path.open("rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            if size_bytes > LARGEST_BYTES:
                return Broken("too-large", f"{size_bytes} bytes, more than {LARGEST_BYTES}")
            data = file.read()
    except OSError as error:
        return Broken("unreadable", error.strerror or type(error).__name__)
    return parse(data)


def parse(data: bytes) -> Source | Broken:
    """The syntax tree of a file's bytes, or why there is none."""
    try:
        encoding, _lines = tokenize.detect_encoding(io.BytesIO(data).readline)
        data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError) as error:
        return Broken("undecodable", _message(error))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(data)
    except SyntaxError as error:
        return Broken("invalid-syntax", _message(error), max(error.lineno or 1, 1))
    except ValueError as error:
        return Broken("invalid-syntax", _message(error))
    except (RecursionError, MemoryError):
        return Broken("too-deep", "nested deeper than the parser goes")
    return Source(tree, data.splitlines(), encoding)


def _message(error: Exception) -> str:
    """The first line of an error's own words, without the file's path."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return (text or type(error).__name__).splitlines()[0]
