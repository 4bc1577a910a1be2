"""Agents that find files with the same content: candidates by size, then by their sha256."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from engine import Agent

__all__ = ["Finder", "Hasher", "Judge"]


class Finder(Agent):
    """Looks where two files may be the same."""

    def find(self, folder: str) -> list[str]:
        """The files that have as many bytes as another one, which is more than none. Links are passed over."""
        by_size: dict[int, list[str]] = defaultdict(list)
        for root, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                path = Path(root, name)
                if path.is_file() and not path.is_symlink():
                    by_size[path.stat().st_size].append(str(path))
        return sorted(path for size, paths in by_size.items() if size and len(paths) > 1 for path in paths)


class Hasher(Agent):
    """Reads files."""

    bytes_read: int = 0

    def digest(self, path: str) -> list[Any]:
        """The sha256 of a file and its bytes."""
        with Path(path).open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
            size_bytes = source.tell()
        self.bytes_read += size_bytes
        return [digest, size_bytes]


class Judge(Agent):
    """Says which files are the same."""

    def judge(self, files: list[str], digests: list[list[Any] | None], failures: list[dict[str, Any]]) -> dict[str, Any]:
        """Groups of files that are the same, the bytes that are there twice, and what could not be read."""
        same: dict[str, list[str]] = defaultdict(list)
        size_of: dict[str, int] = {}
        for path, found in zip(files, digests, strict=True):
            if found is not None:
                same[found[0]].append(path)
                size_of[found[0]] = found[1]
        groups = sorted(paths for paths in same.values() if len(paths) > 1)
        spare = sum((len(paths) - 1) * size_of[digest] for digest, paths in same.items())
        return {"groups": groups, "spare_bytes": spare, "unread": [files[one["part"]] for one in failures]}
