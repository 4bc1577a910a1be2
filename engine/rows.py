"""Records of one kind for the journal, before they are bytes.

Owns the form only: what the values mean is the business of who makes them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Rows"]


class Rows(NamedTuple):
    """Records of one kind.

    fields: of whole rows; empty where the keys are gone; None where rows have changed fields by name.
    """

    kind: str
    fields: list[str] | None
    keys: list[int | str]
    rows: list[Any]
