"""The published JSON Schema of a backlog: what `engine sprint schema` prints and editors read.

Owns its form only: limits and words are those that the reader has. It says of each value alone what the reader does; whether
ids are there once, lead somewhere and never in a circle is beyond it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprints.backlog import SCHEMA
from sprints.check import ARGUMENT_CHARS, ARGUMENTS, CALL, KINDS, LONGEST_S
from sprints.check import TEXT_CHARS as CHECK_CHARS
from sprints.hook import LONGEST_S as HOOK_S
from sprints.hook import TEXT_CHARS as HOOK_CHARS
from sprints.item import ARGUMENT, METHOD
from sprints.shape import SHAPES
from sprints.shapereader import SHARE
from sprints.spec import (
    AFTER_ITEMS,
    AGENTS,
    ARTIFACTS,
    BACKLOG_ITEMS,
    CLASSES,
    HOOKS,
    ID_CHARS,
    PATH_CHARS,
    PHASES,
    PRIORITIES,
    RETRIES,
    ROLES,
    SKILLS,
    TAGS,
    TEXT_CHARS,
    TIME_S,
    VALUE,
    WAVES,
)

__all__ = ["backlog_schema"]

#: One line that is not blank.
LINE = r"^[^\n\u0000]*\S[^\n\u0000]*$"
#: A path that leads into the folder, in one way only.
INNER_PATH = r"^(?=.*\S)(?!\.{1,2}(/|$))[^/\n\u0000]+(/(?!\.{1,2}(/|$))[^/\n\u0000]+)*$"

Schema = dict[str, Any]


def backlog_schema() -> Schema:
    """A JSON Schema, draft 2020-12, of a whole document."""
    tasks = {"type": "array", "minItems": 1, "maxItems": BACKLOG_ITEMS, "items": {"$ref": "#/$defs/task"}}
    roles = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": ROLES,
        "propertyNames": {"pattern": r"\S"},
        "additionalProperties": {"$ref": "#/$defs/role"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A backlog of micro-sprints",
        **_mapping(
            {
                "schema": {"const": SCHEMA},
                "name": _line(ID_CHARS),
                "use": {"type": "array", "maxItems": CLASSES, "items": _line(PATH_CHARS)},
                "goal": _or_none({"type": "string", "maxLength": TEXT_CHARS, "pattern": r"\S"}),
                "roles": roles,
                "sprint": _or_none({"$ref": "#/$defs/sprint"}),
                "ship": _or_none({"$ref": "#/$defs/ship"}),
                "tasks": tasks,
            },
            ("schema", "name", "roles", "tasks"),
        ),
        "$defs": {"role": _role(), "sprint": _sprint(), "wave": _wave(), "ship": _ship(), "task": _task(), "check": _check()},
    }


def _task() -> Schema:
    return _mapping(
        {
            "id": {**_line(ID_CHARS), "pattern": LINE.replace(r"[^\n", r"[^/\n").replace(r"\S", r"[^\s/]")},
            "title": _or_none(_line(TEXT_CHARS)),
            "role": _line(ID_CHARS),
            "method": {**_line(ID_CHARS), "pattern": METHOD},
            "args": _or_none({"type": "array"}, {"type": "object", "propertyNames": {"pattern": ARGUMENT}}),
            "priority": _or_none({"enum": list(PRIORITIES)}),
            "after": _or_none(*_lines(ID_CHARS, AFTER_ITEMS)),
            "value": _or_none({"type": "number", "minimum": 0, "maximum": VALUE}),
            "size_s": _or_none(_time()),
            "feature": _or_none(_line(TEXT_CHARS)),
            "bug": _or_none(_line(TEXT_CHARS)),
            "tags": _or_none(*_lines(TEXT_CHARS, TAGS)),
            "check": _or_none({"$ref": "#/$defs/check"}),
            "artifacts": _or_none(*_lines(PATH_CHARS, ARTIFACTS, {"pattern": INNER_PATH})),
            "timeout_s": _or_none(_time()),
            "retries": _or_none({"type": "integer", "minimum": 0, "maximum": RETRIES}),
        },
        ("id", "role", "method"),
    )


def _check() -> Schema:
    argument: Schema = {"type": "string", "maxLength": ARGUMENT_CHARS, "pattern": r"^[^\u0000]*$"}
    kinds: Schema = {
        "call": {"type": "string", "maxLength": CHECK_CHARS, "pattern": f"^{CALL.pattern}$"},
        "command": {
            "type": "array",
            "minItems": 1,
            "maxItems": ARGUMENTS,
            "prefixItems": [{**argument, "minLength": 1}],
            "items": argument,
        },
        "schema": {"type": ["object", "boolean"]},
        "expr": {"type": "string", "minLength": 1, "maxLength": CHECK_CHARS},
    }
    more: Schema = {"call": {}, "command": {}, "schema": {}, "expr": {"equals": {}}}
    timeout = {"timeout_s": {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_S}}
    return {"oneOf": [_mapping({kind: kinds[kind], **timeout, **more[kind]}, (kind,)) for kind in KINDS]}


def _role() -> Schema:
    agents = {"type": "integer", "minimum": 1, "maximum": AGENTS}
    skills = _or_none(*_lines(TEXT_CHARS, SKILLS))
    return _mapping({"kind": _line(ID_CHARS), "agents": agents, "skills": skills}, ("kind", "agents"))


def _sprint() -> Schema:
    waves = {"type": "array", "minItems": 1, "maxItems": WAVES, "items": {"$ref": "#/$defs/wave"}}
    seconds = _or_none(_time())
    own = {"shape": _or_none({**_line(TEXT_CHARS), "not": {"enum": list(SHAPES)}}), "seconds": seconds, "waves": waves}
    known = {"shape": _or_none({"enum": list(SHAPES)}), "seconds": seconds, "waves": {"type": "null"}}
    return {"oneOf": [_mapping(own, ("waves",)), _mapping(known)]}


def _wave() -> Schema:
    share: Schema = {"type": "string", "pattern": SHARE}
    some = {"anyOf": [share, {"type": "number", "exclusiveMinimum": 0, "maximum": 1}, {"type": "null"}]}
    any_share = {"anyOf": [share, {"type": "number", "minimum": 0, "maximum": 1}, {"type": "null"}]}
    steps = {phase: _or_none({"type": "number", "minimum": 0, "maximum": TIME_S}) for phase in PHASES} | {"exec": _time()}
    common = {"name": _line(ID_CHARS), "focus": _or_none(_line(TEXT_CHARS)), "agents": some, "tasks": any_share}
    even = {**common, "seconds": _time(), "steps": {"type": "null"}}
    stepped = {**common, "steps": _mapping(steps, ("exec",)), "seconds": {"type": "null"}}
    return {"oneOf": [_mapping(even, ("name", "seconds")), _mapping(stepped, ("name", "steps"))]}


def _ship() -> Schema:
    timeout = {"timeout_s": {"type": "number", "exclusiveMinimum": 0, "maximum": HOOK_S}}
    name: Schema = {"type": "string", "maxLength": HOOK_CHARS, "pattern": r"^[^\u0000-][^\u0000]*$"}
    argument: Schema = {"type": "string", "pattern": r"^[^\u0000]*$"}
    argv = {"type": "array", "minItems": 1, "prefixItems": [{**argument, "minLength": 1}], "items": argument}
    again: Schema = {"again": {"type": "boolean"}}
    kinds = [
        _mapping({"command": argv, **timeout, **again}, ("command",)),
        _mapping({"git": name, "repo": name, **timeout}, ("git",)),
    ]
    hooks = {"type": "array", "maxItems": HOOKS, "items": {"oneOf": kinds}}
    return _mapping(
        {"work": _or_none(_line(PATH_CHARS)), "releases": _or_none(_line(PATH_CHARS)), "hooks": _or_none(hooks)},
    )


def _mapping(values: Mapping[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": dict(values)}


def _line(chars: int) -> Schema:
    return {"type": "string", "maxLength": chars, "pattern": LINE}


def _lines(chars: int, most: int, more: Schema | None = None) -> tuple[Schema, Schema]:
    """A list of lines, none twice, or one alone."""
    inner = {**_line(chars), **(more or {})}
    return inner, {"type": "array", "maxItems": most, "uniqueItems": True, "items": inner}


def _time() -> Schema:
    return {"type": "number", "exclusiveMinimum": 0, "maximum": TIME_S}


def _or_none(*schemas: Schema) -> Schema:
    """Any of these; a key with nothing behind it is as if it were not there."""
    return {"anyOf": [*schemas, {"type": "null"}]}
