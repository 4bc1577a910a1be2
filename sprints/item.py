"""One task of a backlog, and the reading of its row.

Owns what a row may say: every key with its type and its limit. What stands in other rows (who is waited for, who has the same
name) is the backlog's to check. Pure.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sprints.check import check_of
from sprints.fields import Fields, Path, Where, nowhere
from sprints.spec import (
    AFTER_ITEMS,
    ARTIFACTS,
    ID_CHARS,
    PATH_CHARS,
    PRIORITIES,
    RETRIES,
    SIZE_S,
    TAGS,
    TEXT_CHARS,
    TIME_S,
    VALUE,
)

__all__ = ["ARGUMENT", "ITEM_KEYS", "METHOD", "Item", "item_row", "read_item"]


@dataclass(frozen=True, slots=True)
class Item:
    """A task that a sprint may take.

    role: who does it, one of the backlog's.  args: positional ones as a list, named ones as a mapping, None for none.
    after: ids of those that must be done before.  value: what it is worth, in the unit of the backlog.  size_s: seconds that it
    is taken to need.  feature, bug: what it belongs to.  check: what proves it, see `sprints/check.py`.  artifacts: files that
    it must have written, relative to the work folder.  timeout_s: of one attempt.  retries: attempts beyond the first.
    """

    id: str
    title: str
    role: str
    method: str
    args: list[Any] | dict[str, Any] | None = None
    priority: str = "normal"
    after: tuple[str, ...] = ()
    value: float = 1.0
    size_s: float = SIZE_S
    feature: str | None = None
    bug: str | None = None
    tags: tuple[str, ...] = ()
    check: Mapping[str, Any] | None = None
    artifacts: tuple[str, ...] = ()
    timeout_s: float | None = None
    retries: int = 0


#: What methods and named arguments are called.
METHOD, ARGUMENT = r"^[A-Za-z][A-Za-z0-9_]*$", r"^[A-Za-z_][A-Za-z0-9_]*$"
#: What a row may say, in the order in which it is written.
ITEM_KEYS = tuple(Item.__dataclass_fields__)
_KNOWN = frozenset(ITEM_KEYS)
_DEFAULTS = {name: field.default for name, field in Item.__dataclass_fields__.items()}


def read_item(row: object, roles: Collection[str] | None, path: Path = (), where: Where = nowhere) -> Item:
    """The task that a row says. roles: those that there are; None where any will do.  Raises BadBacklog."""
    fields = Fields(row, path, where, _KNOWN)
    name = fields.name("id")
    if "/" in name:
        raise fields.wrong("must not have a slash: the task is known as SPRINT/ID", "id")
    return Item(
        id=name,
        title=fields.text("title", name),
        role=_role(fields, roles),
        method=_method(fields),
        args=_args(fields),
        priority=fields.choice("priority", "normal", PRIORITIES),
        after=_after(fields, name),
        value=fields.number("value", 1.0, most=VALUE),
        size_s=fields.number("size_s", SIZE_S, most=TIME_S, is_above_0=True),
        feature=fields.text_or_none("feature"),
        bug=fields.text_or_none("bug"),
        tags=fields.texts("tags", most=TAGS, chars=TEXT_CHARS),
        check=_check(fields),
        artifacts=_artifacts(fields),
        timeout_s=fields.number("timeout_s", 0.0, most=TIME_S, is_above_0=True) or None,
        retries=fields.whole("retries", 0, most=RETRIES),
    )


def item_row(item: Item) -> dict[str, Any]:
    """A task as a row, without what goes without saying; `read_item` gives the same one back."""
    row: dict[str, Any] = {}
    for key in ITEM_KEYS:
        value = getattr(item, key)
        if value != _DEFAULTS[key] and not (key == "title" and value == item.id):
            row[key] = list(value) if isinstance(value, tuple) else value
    return row


def _role(fields: Fields, roles: Collection[str] | None) -> str:
    role = fields.name("role")
    if roles is not None and role not in roles:
        raise fields.wrong(f"there is no role {role!r}; there are {', '.join(sorted(roles)) or 'none'}", "role")
    return role


def _method(fields: Fields) -> str:
    method = fields.name("method")
    if not re.match(METHOD, method):
        raise fields.wrong(f"must be the name of a public method, not {method!r}", "method")
    return method


def _args(fields: Fields) -> list[Any] | dict[str, Any] | None:
    args = fields.get("args")
    if args is None or isinstance(args, list):
        return args
    if not isinstance(args, dict):
        raise fields.wrong("must be a list, or a mapping of names; write one argument as [it]", "args")
    for name in args:
        if not isinstance(name, str) or not re.match(ARGUMENT, name):
            raise fields.wrong(f"{name!r:.60} cannot be the name of an argument", "args", str(name))
    return args


def _after(fields: Fields, name: str) -> tuple[str, ...]:
    after = fields.texts("after", most=AFTER_ITEMS, chars=ID_CHARS)
    if name in after:
        raise fields.wrong("waits for itself", "after", after.index(name))
    return after


def _check(fields: Fields) -> Mapping[str, Any] | None:
    row = fields.get("check")
    if row is None:
        return None
    try:
        check_of(row)
    except ValueError as wrong:
        raise fields.wrong(str(wrong), "check") from wrong
    return dict(row)


def _artifacts(fields: Fields) -> tuple[str, ...]:
    artifacts = fields.texts("artifacts", most=ARTIFACTS, chars=PATH_CHARS)
    for at, artifact in enumerate(artifacts):
        if artifact != posixpath.normpath(artifact) or artifact.startswith(("/", "../")) or artifact in (".", ".."):
            raise fields.wrong(
                f"must be a path within the work folder, such as build/report.txt, not {artifact!r}", "artifacts", at
            )
    return artifacts
