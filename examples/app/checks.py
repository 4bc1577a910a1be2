"""Checks of what agents say: each reads the files themselves, in the process of checks, with the work folder as its own."""

from __future__ import annotations

import ast
import json
import sqlite3
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

__all__ = ["as_said"]


def as_said(value: dict[str, Any], facts: dict[str, Any]) -> bool:
    """Whether the file that a task answers for is the one it had to make, as long as it says, and what its name says.

    Raises what the reading of such a file raises.
    """
    (path,) = facts["artifacts"]
    text = Path(path).read_text()
    if value["path"] != path or value["bytes"] != len(text.encode()) or value["lines"] != text.count("\n") or not text.strip():
        return False
    look = _LOOKS.get(Path(path).suffix)
    if look is not None:
        look(text)
    return True


class _Balance(HTMLParser):
    """Raises ValueError where a tag closes what is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("input", "img", "meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise ValueError(f"</{tag}> closes nothing")


def _html(text: str) -> None:
    page = _Balance()
    page.feed(text)
    page.close()
    if page.open:
        raise ValueError(f"<{page.open[-1]}> is not closed")


def _css(text: str) -> None:
    if text.count("{") != text.count("}") or "{" not in text:
        raise ValueError("braces do not match")


def _sql(text: str) -> None:
    database = sqlite3.connect(":memory:")
    for statement in text.split(";"):
        if "CREATE TABLE" in statement:
            database.execute(statement)
    database.close()


_LOOKS: dict[str, Callable[[str], object]] = {".py": ast.parse, ".json": json.loads, ".html": _html, ".css": _css, ".sql": _sql}
