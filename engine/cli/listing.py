"""Rows as they come, in the form that was asked for: a line each, or the elements of one document.

Owns the bytes between them: what stands before the first row of a document, between two, and behind the last. A document is
written while its rows come, so that a million of them cost no more memory than one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["Listing"]

#: The form in which rows are the elements of one document.
DOCUMENT = "json"


class Listing:
    """Rows of one list. form: as --output has it.  schema, key: of the document, and under which it has its rows."""

    def __init__(self, form: str, schema: str, key: str) -> None:
        self._is_document = form == DOCUMENT
        self._begin = f'{{"schema": {json.dumps(schema)}, {json.dumps(key)}: ['.encode()
        self._has_begun = False

    def part(self, rows: bytes | bytearray) -> bytes | bytearray:
        """What is written for some rows, each a line of JSON with its end."""
        if not self._is_document or not rows:
            return rows
        return self._lead(b", ") + rows[:-1].replace(b"\n", b", ")

    def end(self, facts: Mapping[str, Any]) -> bytes:
        """What is written behind the last row. facts: what else the document has; rows in lines go without."""
        if not self._is_document:
            return b""
        rest = json.dumps(facts, ensure_ascii=False).removeprefix("{").encode()
        return self._lead(b"") + (b"], " if facts else b"]") + rest + b"\n"

    def _lead(self, between: bytes) -> bytes:
        """What stands before the next bytes."""
        if self._has_begun:
            return between
        self._has_begun = True
        return self._begin
