"""The newest state of each key, folded from records.

Owns what a record means: a whole state in columns, or a change of some fields. It is filled the same way when a log is replayed
and when it is compacted. Pure: bytes in, rows out.

A record's part is a JSON object: `k` the kind, `i` the keys, and one of
  `s` with `f`: the value of the one field `f[0]` of each key, a scalar;
  `r` with `f`: the values of the fields `f` of each key;
  `d`: for each key its changed fields by name; a name after `+` has items to be added to the list of that name;
  `x`: the keys are gone.
In a part of entries, which has the form `d`, a name after `=` has entries for the object of that name, a name after `-` the
names of entries that are gone from it.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import orjson

__all__ = ["ENTRIES", "GONE", "LETTERS", "SHARDS_MOST", "STATES", "Changes", "Key", "Rows", "Table", "shard_of_key", "state_of"]

Key = int | str
#: Letters of the parts: states, and changes among which are some of single entries. Who does not know these must not read on.
STATES, ENTRIES = b"S", b"E"
LETTERS = frozenset({STATES, ENTRIES})
#: A shard's number fits into two digits of a file name.
SHARDS_MOST = 100


#: Types of keys, and of the names of fields.
_KEYS, _NAMES = frozenset({int, str}), frozenset({str})


class _Gone:
    """Stands for the state of a key that was removed."""


GONE = _Gone()


class Rows:
    """The states of one kind. fields: what the values of a row stand for; a row may be a whole state by name instead."""

    __slots__ = ("fields", "rows")

    def __init__(self, fields: list[str]) -> None:
        self.fields = fields
        #: A scalar for the one field, a list for several, or a dict by name.
        self.rows: dict[Key, Any] = {}


class Table:
    """States by kind and key."""

    def __init__(self) -> None:
        self.kinds: dict[str, Rows] = {}

    def fold(self, body: bytes) -> str:
        """Take in the records of one part; returns their kind. Raises ValueError for what is no such part."""
        try:
            part = orjson.loads(body)
            kind, keys = part["k"], part["i"]
            if type(kind) is not str or type(keys) is not list or not _KEYS.issuperset(map(type, keys)):
                raise ValueError("a part without a kind or keys")
            if "d" in part:
                self._change(self._rows(kind), keys, part["d"])
            elif "x" in part:
                self._rows(kind).rows.update(dict.fromkeys(keys, GONE))
            else:
                self._put(kind, part["f"], keys, part["s"] if "s" in part else part["r"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"a part without its columns: {error!r}") from error
        return kind

    def _rows(self, kind: str) -> Rows:
        rows = self.kinds.get(kind)
        if rows is None:
            rows = self.kinds[kind] = Rows([])
        return rows

    def _put(self, kind: str, fields: list[str], keys: list[Key], values: list[Any]) -> None:
        if type(values) is not list or len(keys) != len(values):
            raise ValueError(f"{len(keys)} keys with other states: {values!r:.80}")
        if type(fields) is not list or not _NAMES.issuperset(map(type, fields)):
            raise ValueError("states without the names of their fields")
        _check_widths(len(fields), values)
        if not fields:
            values = [{} for _ in values]  # by name, as a table whose fields are not known yet has no others
        known = self._rows(kind)
        if known.fields != fields:
            self._rename(known, fields)
        known.rows.update(zip(keys, values, strict=True))

    @staticmethod
    def _rename(known: Rows, fields: list[str]) -> None:
        """Keep what has other fields by name: the class has changed since."""
        for key, row in known.rows.items():
            if row is not GONE and type(row) is not Changes:
                known.rows[key] = state_of(known.fields, row)
        known.fields = fields

    @staticmethod
    def _change(known: Rows, keys: list[Key], changes: list[dict[str, Any]]) -> None:
        rows = known.rows
        for key, change in zip(keys, changes, strict=True):
            if type(change) is not dict or any(map(_is_wrong, change, change.values())):
                raise ValueError(f"no change of fields: {change!r:.80}")
            row = rows.get(key)
            if row is None:
                rows[key] = Changes([change])
            elif type(row) is Changes:
                row.append(change)
            else:
                state = {} if row is GONE else state_of(known.fields, row)
                apply(state, change)
                rows[key] = state


def _is_wrong(name: str, value: Any) -> bool:
    """Whether a change cannot be one of the field that its name says."""
    sign = name[:1]
    if sign == "-":
        return type(value) is not list or not _NAMES.issuperset(map(type, value))
    return (sign == "+" and type(value) is not list) or (sign == "=" and type(value) is not dict)


def _check_widths(width: int, values: list[Any]) -> None:
    """Whether each row fits so many fields. Raises ValueError."""
    shapes = set(map(type, values))
    if list in shapes and any(type(row) is list and len(row) != width for row in values):
        raise ValueError(f"a state that has not the {width} values of its fields")
    if width != 1 and shapes - {list, dict}:
        raise ValueError(f"a single value as a state of {width} fields")


class Changes(list[dict[str, Any]]):
    """Changes of a state that stands elsewhere, oldest first; where it stands nowhere, it was empty."""

    __slots__ = ()

    def applied(self, state: dict[str, Any]) -> dict[str, Any]:
        """The state after them. Raises ValueError where one does not fit."""
        for change in self:
            apply(state, change)
        return state


def apply(state: dict[str, Any], change: dict[str, Any]) -> None:
    """Make one change: fields, items for the end of lists (`+`), entries of objects (`=`, `-`).

    Raises ValueError where there is no such list or object, or no such entry to go.
    """
    for name, value in change.items():
        sign = name[:1]
        if sign == "+":
            items = state.setdefault(name[1:], [])
            if type(items) is not list:
                raise ValueError(f"items for the end of {name[1:]}, which is no list")
            items.extend(value)
        elif sign in ("=", "-"):
            _apply_entries(state, name, value)
        else:
            state[name] = value


def _apply_entries(state: dict[str, Any], name: str, value: Any) -> None:
    entries = state.setdefault(name[1:], {})
    if type(entries) is not dict:
        raise ValueError(f"entries of {name[1:]}, which is no object")
    if name[0] == "=":
        entries.update(value)
        return
    for gone in value:
        if gone not in entries:
            raise ValueError(f"{gone!r:.80} is to go from {name[1:]}, and is not there")
        del entries[gone]


def state_of(fields: list[str], row: Any) -> dict[str, Any]:
    """A row as a state by field."""
    if type(row) is dict:
        return row
    return dict(zip(fields, row if type(row) is list else [row], strict=True))


def shard_of_key(kind: str, key: Key, shards: int) -> int:
    """The shard of a key, as `shards` says."""
    return crc32(f"{kind}/{key}".encode()) % shards
