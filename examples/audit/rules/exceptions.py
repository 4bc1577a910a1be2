"""Rules about errors that are swallowed or cut from their cause.

Each follows the rule of the same code in ruff (E722, S110, B904, B012), decision by decision.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from examples.audit.rules.rule import Fault, Rule
from examples.audit.scopes import Scope

__all__ = ["BARE_EXCEPT", "EXCEPT_PASS", "JUMP_IN_FINALLY", "RAISE_WITHOUT_FROM"]

_BLOCKS = (ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_INNER = (ast.If, ast.With, ast.AsyncWith, ast.Try, ast.TryStar)
_JUMPS: dict[type[ast.stmt], str] = {ast.Break: "break", ast.Continue: "continue", ast.Return: "return"}


def _bare_except(node: ast.ExceptHandler, _scope: Scope) -> Iterator[Fault]:
    raises_again = any(isinstance(statement, ast.Raise) and statement.exc is None for statement in node.body)
    if node.type is None and not raises_again:
        yield Fault(node, "Bare `except` also catches KeyboardInterrupt and SystemExit")


def _except_pass(node: ast.ExceptHandler, scope: Scope) -> Iterator[Fault]:
    if len(node.body) == 1 and isinstance(node.body[0], ast.Pass) and _catches_all(node.type, scope):
        yield Fault(node, "Every error is dropped without a trace")


def _catches_all(caught: ast.expr | None, scope: Scope) -> bool:
    kinds = [caught] if not isinstance(caught, ast.Tuple) else caught.elts
    return any(kind is None or scope.is_builtin(kind, "Exception", "BaseException") for kind in kinds)


def _raise_without_from(node: ast.ExceptHandler, _scope: Scope) -> Iterator[Fault]:
    for found in _raises(node.body):
        is_same = isinstance(found.exc, ast.Name) and found.exc.id == node.name
        if found.exc is not None and found.cause is None and not is_same:
            yield Fault(found, "Raised in an `except` clause without `from`: the cause is not named")


def _raises(body: Sequence[ast.stmt]) -> Iterator[ast.Raise]:
    """The raises of a handler itself, not those of functions, classes and other tries inside it."""
    waiting = list(body)
    while waiting:
        statement = waiting.pop()
        if isinstance(statement, ast.Raise):
            yield statement
        elif isinstance(statement, ast.If):
            waiting += statement.body + statement.orelse
        elif isinstance(statement, _BLOCKS):
            waiting += statement.body
        elif isinstance(statement, ast.Match):
            waiting += [inner for case in statement.cases for inner in case.body]


def _jump_in_finally(node: ast.Try | ast.TryStar, _scope: Scope) -> Iterator[Fault]:
    waiting = [(statement, False) for statement in node.finalbody]
    while waiting:
        statement, is_in_loop = waiting.pop()
        word = _JUMPS.get(type(statement))
        if word == "return" or (word and not is_in_loop):
            yield Fault(statement, f"`{word}` in a `finally` block drops the error on its way")
        if isinstance(statement, _LOOPS):
            waiting += [(inner, True) for inner in statement.body]
        elif isinstance(statement, _INNER):
            waiting += [(inner, is_in_loop) for inner in statement.body]
        elif isinstance(statement, ast.Match):
            waiting += [(inner, is_in_loop) for case in statement.cases for inner in case.body]


BARE_EXCEPT = Rule(
    "E722",
    "bare-except",
    "warning",
    "Bare except",
    "It also catches KeyboardInterrupt and SystemExit, so the program cannot be stopped there.",
    (ast.ExceptHandler,),
    _bare_except,
)
EXCEPT_PASS = Rule(
    "S110",
    "try-except-pass",
    "warning",
    "Every error caught and dropped",
    "A fault at this place is never seen by anybody.",
    (ast.ExceptHandler,),
    _except_pass,
)
RAISE_WITHOUT_FROM = Rule(
    "B904",
    "raise-without-from-inside-except",
    "note",
    "Raise in an except clause without from",
    "A reader of the traceback cannot tell a translated error from a second one in the handler.",
    (ast.ExceptHandler,),
    _raise_without_from,
)
JUMP_IN_FINALLY = Rule(
    "B012",
    "jump-statement-in-finally",
    "error",
    "Jump out of a finally block",
    "The error that was being raised is silently dropped.",
    (ast.Try, ast.TryStar),
    _jump_in_finally,
)
