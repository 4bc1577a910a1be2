"""What each kind of check says of an answer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sprints.checker import WHY_CHARS, why_not

ROOT = Path(__file__).resolve().parents[3]
FACTS = {"id": "t1", "args": [1]}


def why(kind: str, what: Any, value: Any, *equals: Any) -> str | None:
    return why_not(kind, what, list(equals), value, FACTS)


def is_seven(value: Any) -> bool:
    return bool(value == 7)


def knows_the_task(value: Any, facts: dict[str, Any]) -> bool:
    return bool(facts["id"] == "t1" and facts["args"] == [1])


def forgets(value: Any) -> None:
    """Looks, and does not tell."""


def says_why(value: Any) -> tuple[bool, str]:
    return False, "a tuple is true, whatever is in it"


def yields(value: Any) -> Iterator[bool]:
    yield False


async def waits(value: Any) -> bool:
    await asyncio.sleep(0)
    return bool(value == 7)


def raises(value: Any) -> bool:
    raise RuntimeError(f"{value} \ud800" + "x" * 10_000)


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "checks_of_this_test", sys.modules[__name__])


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("is_seven", 7, None),
        ("is_seven", 8, "returned False, a pass returns True"),
        ("knows_the_task", 7, None),
        ("forgets", 7, "returned None"),
        ("says_why", 7, "returned (False, 'a tuple"),
        ("yields", 7, "a pass returns True"),
        ("waits", 7, None),
        ("waits", 8, "returned False, a pass returns True"),
        ("raises", 7, "it raised RuntimeError: 7"),
        ("nothing", 7, "AttributeError"),
    ],
)
def test_a_function_says_true_or_it_is_no_pass(name: str, value: Any, reason: str | None) -> None:
    got = why("call", f"checks_of_this_test:{name}", value)
    assert got is None if reason is None else got is not None and reason in got
    if got is not None:
        assert len(got) <= WHY_CHARS
        got.encode()


def test_a_module_that_is_not_there_is_named() -> None:
    assert "no_such_module_here" in (why("call", "no_such_module_here:f", 1) or "")


@pytest.mark.parametrize(
    ("expr", "value", "equals", "passes"),
    [
        ("total", {"total": 3}, (3,), True),
        ("total", {"total": 3}, (4,), False),
        ("total", {"total": 1}, (True,), False),
        ("total", {"total": 3.0}, (3,), True),
        ("none", {"total": 3}, (None,), True),
        ("length(rows) > `2`", {"rows": [1, 2, 3]}, (), True),
        ("rows", {"rows": []}, (), False),
        ("zero", {"zero": 0}, (), True),
        ("rows[", {}, (), False),
        ("length(@)", 3, (), False),
    ],
)
def test_an_expression_is_asked_of_the_answer(expr: str, value: Any, equals: tuple[Any, ...], passes: bool) -> None:
    assert (why("expr", expr, value, *equals) is None) is passes


@pytest.mark.parametrize(
    ("schema", "value", "reason"),
    [
        ({"type": "object", "required": ["a"]}, {"a": 1}, None),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {"a": 1}, "$.a: 1 is not of type 'string'"),
        (False, 1, "$: "),
        ({"type": "nonsense"}, 1, "it raised SchemaError"),
        ({"$ref": "http://127.0.0.1:9/never.json"}, 1, "it raised"),
    ],
)
def test_a_schema_is_asked_of_the_answer_and_nothing_is_fetched(schema: Any, value: Any, reason: str | None) -> None:
    got = why("schema", schema, value)
    assert got is None if reason is None else got is not None and reason in got


def test_a_command_reads_the_answer_and_its_exit_code_counts() -> None:
    program = "import json, os, sys; sys.exit(json.load(sys.stdin)['code'] + (os.environ['ENGINE_ITEM'] != 't1'))"
    command = [sys.executable, "-c", program]
    assert why("command", command, {"code": 0}) is None
    assert "exit code 4" in (why("command", command, {"code": 4}) or "")
    assert "cannot be run" in (why("command", ["/no/such/program"], 1) or "")


def test_the_libraries_of_checks_are_loaded_in_the_process_of_checks_only() -> None:
    program = (
        "import sys, sprints.witness, sprints.checkers, sprints.ledger, sprints.release, sprints.verification;"
        "print(sorted({'jsonschema', 'jmespath', 'referencing'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
