"""What a backlog may say as a check."""

from __future__ import annotations

import pytest

from sprints.check import Check, check_of


@pytest.mark.parametrize(
    ("row", "check"),
    [
        ({"call": "a.b:c.d"}, Check("call", "a.b:c.d")),
        ({"command": ["make", "test"], "timeout_s": 5}, Check("command", ["make", "test"], 5.0)),
        ({"schema": {"type": "object"}}, Check("schema", {"type": "object"})),
        ({"schema": True}, Check("schema", True)),
        ({"expr": "a.b"}, Check("expr", "a.b")),
        ({"expr": "a.b", "equals": None}, Check("expr", "a.b", equals=None, has_equals=True)),
    ],
)
def test_each_kind_is_read(row: object, check: Check) -> None:
    assert check_of(row) == check


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (3, "a check is a mapping"),
        ({}, "none of them"),
        ({"call": "a:b", "expr": "x"}, "has call, expr"),
        ({"call": "a:b", "equals": 1}, "'equals' is no key"),
        ({"call": "a.b"}, "call: a function"),
        ({"call": "os:system('x')"}, "call: a function"),
        ({"call": 3}, "call: a function"),
        ({"command": "rm -rf x"}, "command: a list"),
        ({"command": []}, "command: a list"),
        ({"command": ["a", 3]}, "each argument"),
        ({"command": ["a\0b"]}, "each argument"),
        ({"command": [""]}, "the first argument"),
        ({"schema": []}, "schema: a JSON Schema"),
        ({"expr": ""}, "expr: a JMESPath"),
        ({"expr": "a", "timeout_s": 0}, "timeout_s"),
        ({"expr": "a", "timeout_s": True}, "timeout_s"),
        ({"expr": "a", "timeout_s": float("nan")}, "timeout_s"),
        ({"expr": "a", "timeout_s": 901}, "timeout_s"),
    ],
)
def test_what_is_no_check_is_named(row: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_of(row)


def test_a_check_has_a_name_for_its_receipt() -> None:
    assert check_of({"command": ["make", "test"]}).name == "command make test"
    assert check_of({"schema": {}}).name == "schema"
    assert len(check_of({"expr": "x" * 5_000}).name) < 120
