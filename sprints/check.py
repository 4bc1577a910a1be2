"""What proves a task: a check, as a backlog writes it.

Owns the reading of its row and the four kinds there are. It runs nothing: `checker` does, in a process of its own. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = [
    "ARGUMENTS",
    "ARGUMENT_CHARS",
    "CALL",
    "KINDS",
    "LONGEST_S",
    "TEXT_CHARS",
    "Check",
    "CheckResult",
    "Proof",
    "check_of",
]

#: What a check may be: a Python function, an argument list, a JSON Schema, a JMESPath expression.
KINDS = ("call", "command", "schema", "expr")
#: Seconds that a check has where it does not say: a task's own tests end within them, and a sprint's test step is 60 s.
TIMEOUT_S = 30.0
#: Seconds that a check may have at most: a quarter of an hour, which is a sprint.
LONGEST_S = 900.0
#: Characters of an expression, and of what is to be called.
TEXT_CHARS = 10_000
#: Arguments of a command, and characters of each.
ARGUMENTS, ARGUMENT_CHARS = 1_000, 100_000

CALL = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Check:
    """One check. kind: one of KINDS.  what: its function, argument list, schema or expression.

    equals: what an expression must give, where `has_equals`; else anything that JMESPath takes as true.  timeout_s: the time
    that it has.
    """

    kind: str
    what: Any
    timeout_s: float = TIMEOUT_S
    equals: Any = None
    has_equals: bool = False

    @property
    def name(self) -> str:
        """What a receipt calls it."""
        text = " ".join(self.what) if self.kind == "command" else str(self.what)
        return self.kind if self.kind == "schema" else f"{self.kind} {text[:100]}"


class Proof(NamedTuple):
    """A check that is to be made of an answer. facts: what the check may know of the task beside its answer."""

    check: Check
    value: Any
    facts: Mapping[str, Any]


class CheckResult(NamedTuple):
    """How a check ended. why: what was wrong; None where it passed."""

    is_passed: bool
    why: str | None = None


def check_of(row: object) -> Check:
    """The check that a row of a backlog says. Raises ValueError, which names the key."""
    if not isinstance(row, Mapping):
        raise ValueError(f"a check is a mapping with one of {', '.join(KINDS)}, not {_shown(row)}")  # noqa: TRY004 - a row is wrong in one way
    kinds = [key for key in row if key in KINDS]
    if len(kinds) != 1:
        raise ValueError(f"a check has exactly one of {', '.join(KINDS)}, this one has {', '.join(kinds) or 'none of them'}")
    (kind,) = kinds
    known = {kind, "timeout_s"} | ({"equals"} if kind == "expr" else set())
    for key in row:
        if key not in known:
            raise ValueError(f"{_shown(key)} is no key of a check by {kind}; there are {', '.join(sorted(known))}")
    wrong = _WRONG[kind](row[kind])
    if wrong:
        raise ValueError(f"{kind}: {wrong}")
    return Check(kind, row[kind], _time(row.get("timeout_s", TIMEOUT_S)), row.get("equals"), "equals" in row)


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_S:
        raise ValueError(f"timeout_s: seconds above 0 and at most {LONGEST_S:g}, not {_shown(value)}")
    return float(value)


def _wrong_call(what: object) -> str | None:
    is_call = isinstance(what, str) and len(what) <= TEXT_CHARS and CALL.fullmatch(what)
    return None if is_call else f"a function as `module:name`, not {_shown(what)}"


def _wrong_command(what: object) -> str | None:
    if not isinstance(what, list) or not what or len(what) > ARGUMENTS:
        return f"a list of 1 to {ARGUMENTS} arguments, not {_shown(what)}"
    for argument in what:
        if not isinstance(argument, str) or "\0" in argument or len(argument) > ARGUMENT_CHARS:
            return f"each argument is a text of at most {ARGUMENT_CHARS} characters, not {_shown(argument)}"
    return None if what[0] else "the first argument is the program, not an empty text"


def _wrong_schema(what: object) -> str | None:
    return None if isinstance(what, dict | bool) else f"a JSON Schema, which is a mapping, not {_shown(what)}"


def _wrong_expr(what: object) -> str | None:
    is_text = isinstance(what, str) and 0 < len(what) <= TEXT_CHARS
    return None if is_text else f"a JMESPath expression of 1 to {TEXT_CHARS} characters, not {_shown(what)}"


_WRONG = {"call": _wrong_call, "command": _wrong_command, "schema": _wrong_schema, "expr": _wrong_expr}


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
