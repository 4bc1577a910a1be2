"""What differs between two commits of an agent, as its record has it.

Owns the form of a change: a field by its name, the items that a log has more behind `+`, the entries that a table has anew or
no more behind `=` and `-`. What a commit holds is `kind`'s knowledge.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from pools.table import Sealed, encoded

__all__ = ["change_of", "differs", "whole_of"]


def differs(old: Any, new: Any) -> bool:
    """Whether a field has changed between two commits."""
    if type(new) is Sealed:
        return bool(new.puts or new.gone)
    return bool(new[1] > old[1] if type(new) is tuple else new != old)


def change_of(names: Iterable[str], before: Iterable[Any], after: Iterable[Any]) -> dict[str, Any]:
    """The fields that changed, by name; nothing where none did."""
    change: dict[str, Any] = {}
    for name, old, new in zip(names, before, after, strict=True):
        if type(new) is tuple:
            log, length, _ = new
            if length > old[1]:
                change[f"+{name}"] = list(log[old[1] :])
        elif type(new) is Sealed:
            if new.puts:
                change[f"={name}"] = orjson.Fragment(encoded(new.puts))
            if new.gone:
                change[f"-{name}"] = new.gone
        elif new != old:
            change[name] = orjson.Fragment(new)
    return change


def whole_of(commit: Iterable[Any]) -> list[Any]:
    """What a whole state has, field by field."""
    return [_whole(kept) for kept in commit]


def _whole(kept: Any) -> Any:
    if type(kept) is Sealed:
        return orjson.Fragment(kept.table.saved())
    return list(kept[0]) if type(kept) is tuple else orjson.Fragment(kept)
