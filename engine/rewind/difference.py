"""The difference between two JSON values, as a JSON value; and the later one, made of the earlier one and their difference.

Owns that form, which REWIND.md explains. It is exact: 1, 1.0 and true are three values, and so are 0.0 and -0.0.
"""

from __future__ import annotations

from math import copysign
from typing import Any, Final

__all__ = ["BadDifference", "applied", "difference"]

#: What stands for no difference; no difference is this object.
_SAME: Final = object()


class BadDifference(Exception):
    """This is no difference, or one of another value."""


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What is other in an object than in the one before it; empty where nothing is. Both as JSON gives them."""
    found = _node(before, after)
    return {} if found is _SAME else found


def applied(before: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The later object. The earlier one is left as it is, and may share parts with it. Raises BadDifference."""
    if type(change) is not dict:
        raise BadDifference("the difference of two objects is an object")
    return _object(before, change)


def _node(before: Any, after: Any) -> Any:
    kind = type(after)
    if type(before) is not kind:
        return _new(after)
    if kind is dict:
        return _of_objects(before, after)
    if kind is list:
        return _of_lists(before, after)
    if before == after and (after or kind is not float or copysign(1.0, before) == copysign(1.0, after)):
        return _SAME
    return after


def _of_objects(before: dict[str, Any], after: dict[str, Any]) -> Any:
    changes: dict[str, Any] = {}
    for key, value in after.items():
        node = _node(before[key], value) if key in before else _new(value)
        if node is not _SAME:
            changes[key] = node
    for key in before:
        if key not in after:
            changes[key] = []
    return changes or _SAME


def _of_lists(before: list[Any], after: list[Any]) -> Any:
    changes: dict[str, Any] = {}
    common = len(before)
    for at, value in enumerate(after):
        node = _node(before[at], value) if at < common else _new(value)
        if node is not _SAME:
            changes[str(at)] = node
    return [len(after), changes] if changes or common != len(after) else _SAME


def _new(value: Any) -> Any:
    return [value] if type(value) in (dict, list) else value


def _changed(before: Any, node: Any) -> Any:
    if type(node) is dict:
        return _object(before, node)
    if type(node) is not list:
        return node
    if len(node) == 1:
        return node[0]
    if len(node) != 2 or type(node[0]) is not int or type(node[1]) is not dict:
        raise BadDifference("a list is changed by its length and its changes")
    return _list(before, *node)


def _object(before: Any, changes: dict[str, Any]) -> dict[str, Any]:
    if type(before) is not dict:
        raise BadDifference("an object is changed that is none")
    after = dict(before)
    for key, node in changes.items():
        if node == [] and type(node) is list:
            if after.pop(key, _SAME) is _SAME:
                raise BadDifference("a key is gone that was not there")
        else:
            after[key] = _changed(before.get(key), node)
    return after


def _list(before: Any, length: int, changes: dict[str, Any]) -> list[Any]:
    if type(before) is not list or not 0 <= length <= len(before) + len(changes):
        raise BadDifference("a list is changed that is none, or not so long")
    after = before[:length] + [None] * (length - len(before))
    for place, node in changes.items():
        at = int(place) if place.isascii() and place.isdigit() else length
        if at >= length:
            raise BadDifference("an entry is changed that there is not")
        after[at] = _changed(after[at], node)
    return after
