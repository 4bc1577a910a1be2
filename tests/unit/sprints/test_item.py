"""The row of a task: what it may say, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from sprints.errors import BadBacklog
from sprints.item import ITEM_KEYS, Item, item_row, read_item

FULL: dict[str, Any] = {
    "id": "parser", "title": "Write it", "role": "dev", "method": "write", "args": {"path": "a"}, "priority": "high",
    "after": ["plan"], "value": 5.0, "size_s": 30.0, "feature": "core", "bug": "17", "tags": ["x", "y"],
    "check": {"expr": "ok", "equals": True}, "artifacts": ["src/a.py"], "timeout_s": 9.0, "retries": 2,
}  # fmt: skip
LEAST = {"id": "a", "role": "dev", "method": "run"}


def test_a_row_says_everything_and_comes_back() -> None:
    assert set(FULL) == set(ITEM_KEYS)
    found = read_item(FULL, {"dev"})
    assert found.after == ("plan",)
    assert found.args == {"path": "a"}
    assert item_row(found) == FULL
    assert item_row(read_item(LEAST, None)) == LEAST


def test_what_is_not_said_is_as_usual() -> None:
    assert read_item(LEAST, {"dev"}) == Item("a", "a", "dev", "run")


@pytest.mark.parametrize(
    ("wrong", "key", "said"),
    [
        ({"id": "a/b"}, "id", "slash"),
        ({"role": "ops"}, "role", "there is no role 'ops'; there are dev, qa"),
        ({"method": "_secret"}, "method", "public method"),
        ({"method": "two words"}, "method", "public method"),
        ({"args": 5}, "args", r"write one argument as \[it\]"),
        ({"args": {"two words": 1}}, "args.two words", "cannot be the name of an argument"),
        ({"priority": "urgent"}, "priority", "one of low, normal, high, critical"),
        ({"after": ["a"]}, r"after\[0\]", "waits for itself"),
        ({"value": -1}, "value", "0 or more"),
        ({"size_s": 0}, "size_s", "above 0"),
        ({"timeout_s": 0}, "timeout_s", "above 0"),
        ({"retries": 1.5}, "retries", "whole number"),
        ({"retries": 101}, "retries", "from 0 to 100"),
        ({"check": {}}, "check", "exactly one of call, command, schema, expr, this one has none"),
        ({"check": {"call": "a:b", "expr": "x"}}, "check", "call, expr"),
        ({"check": {"call": "a:b", "equals": 1}}, "check", "'equals' is no key of a check by call"),
        ({"check": {"call": "a:b", "timeout": 1}}, "check", "'timeout' is no key of a check by call"),
        ({"check": "make test"}, "check", "a check is a mapping"),
        ({"artifacts": ["/etc/passwd"]}, r"artifacts\[0\]", "within the work folder"),
        ({"artifacts": ["../x"]}, r"artifacts\[0\]", "within the work folder"),
        ({"artifacts": ["a/../../x"]}, r"artifacts\[0\]", "within the work folder"),
        ({"artifacts": ["a", ".."]}, r"artifacts\[1\]", "within the work folder"),
        ({"artifacts": ["a//b"]}, r"artifacts\[0\]", "within the work folder"),
        ({"artifacts": ["."]}, r"artifacts\[0\]", "within the work folder"),
    ],
)
def test_what_is_wrong_is_named_with_its_key(wrong: dict[str, Any], key: str, said: str) -> None:
    with pytest.raises(BadBacklog, match=rf"^file: tasks\[0\]\.{key}: .*{said}"):
        read_item({**LEAST, **wrong}, {"dev", "qa"}, ("tasks", 0), lambda path: "file")
