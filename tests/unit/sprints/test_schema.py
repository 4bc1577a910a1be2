"""The published schema and the reader agree on every value, whatever is written."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sprints.backlog import BACKLOG_KEYS, ROLE_KEYS, SHIP_KEYS, read_backlog
from sprints.errors import BadBacklog
from sprints.item import ITEM_KEYS
from sprints.schema import backlog_schema
from sprints.shapereader import SPRINT_KEYS, WAVE_KEYS

VALIDATOR = Draft202012Validator(backlog_schema())
GOOD: dict[str, Any] = {
    "schema": "engine.backlog/v1",
    "name": "app",
    "goal": "all\nof it",
    "roles": {"dev": {"kind": "coder", "agents": 5, "skills": ["x"]}},
    "sprint": {
        "shape": "own",
        "seconds": 60,
        "waves": [
            {"name": "one", "focus": "x", "seconds": 10, "agents": "20%", "tasks": 0.5},
            {"name": "two", "steps": {"plan": 1, "exec": 3, "test": 1, "ship": 1}, "tasks": "50%"},
        ],
    },
    "ship": {"work": "work", "releases": "out", "hooks": [{"command": ["make"]}, {"git": "live", "repo": ".", "timeout_s": 5}]},
    "tasks": [
        {
            "id": "a",
            "title": "A",
            "role": "dev",
            "method": "run",
            "args": {"n": 1},
            "priority": "high",
            "value": 2,
            "size_s": 3.5,
            "feature": "f",
            "bug": "b",
            "tags": ["t", "u"],
            "check": {"expr": "ok", "equals": 1, "timeout_s": 3},
            "artifacts": ["x/y"],
            "timeout_s": 5,
            "retries": 1,
            "after": [],
        }
    ],
}
#: Values that are right here and wrong there.
VALUES: list[Any] = [
    None,
    True,
    0,
    1,
    5,
    101,
    -1,
    1.5,
    1e9,
    "",
    " ",
    "a",
    "a/b",
    "../a",
    "/a",
    "a\nb",
    "x" * 129,
    "x" * 1_025,
    "20%",
    "120%",
    "high",
    "waves",
    "pipeline",
    "_a",
    "two words",
    "7up",
    [],
    [1],
    ["a"],
    ["a", "a"],
    ["a/./b"],
    [" "],
    {},
    {"a": 1},
    {"a b": 1},
    {"call": "a:b"},
    {"call": "a:b", "equals": 1},
    {"call": "a:b", "expr": "x"},
    {"exec": 3},
    {"exec": 0},
]


def ways(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value within one."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(inner for key, each in pairs for inner in ways(each, (*way, key)))]


WAYS = [way for way in ways(GOOD) if way]


def test_the_schema_is_one_and_takes_what_the_reader_takes() -> None:
    Draft202012Validator.check_schema(backlog_schema())
    assert VALIDATOR.is_valid(GOOD)
    read_backlog(GOOD)


#: What one value alone does not tell: which roles and tasks there are, and what shares add up to.
BEYOND = ("there is no role", "make", "waits for itself", "there is no task", "is written by")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: ".".join(map(str, way)))
def test_they_agree_on_every_single_change(way: tuple[Any, ...]) -> None:
    document = copy.deepcopy(GOOD)
    inner: Any = document
    for part in way[:-1]:
        inner = inner[part]
    for value in VALUES:
        inner[way[-1]] = value
        agree(document, way)
    del inner[way[-1]]
    agree(document, way)


def agree(document: Any, way: tuple[Any, ...]) -> None:
    """Both take it, or neither does."""
    try:
        read_backlog(document)
    except BadBacklog as wrong:
        if any(said in str(wrong) for said in BEYOND):
            return
        assert not VALIDATOR.is_valid(document), wrong
    else:
        assert VALIDATOR.is_valid(document), [error.message for error in VALIDATOR.iter_errors(document)]


@pytest.mark.parametrize(
    ("name", "keys"),
    [("task", ITEM_KEYS), ("role", ROLE_KEYS), ("ship", SHIP_KEYS), (None, BACKLOG_KEYS)],
)
def test_the_schema_knows_every_key(name: str | None, keys: tuple[str, ...]) -> None:
    schema = backlog_schema()
    found = schema if name is None else schema["$defs"][name]
    assert set(found["properties"]) == set(keys)


def test_the_schema_knows_every_key_of_shapes() -> None:
    definitions = backlog_schema()["$defs"]
    for name, keys in (("sprint", SPRINT_KEYS), ("wave", WAVE_KEYS)):
        for one in definitions[name]["oneOf"]:
            assert set(one["properties"]) == set(keys)
