"""Flaws of security in Python sources: what they look like as syntax, and how each is mended.

Owns the rules and the edits. A rule judges a node; a mend replaces exactly that node's text, and the rest stays as it was.
Whoever wants to know whether it helped scans again.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

__all__ = ["RULES", "Finding", "findings", "mended"]


class Finding(NamedTuple):
    """One flaw. line: from 1."""

    line: int
    rule: str
    message: str


def _name(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def _sql(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and _name(node.func).endswith((".execute", ".executemany")) and node.args:
        first = node.args[0]
        is_built = isinstance(first, ast.BinOp) or (isinstance(first, ast.Call) and _name(first.func).endswith(".format"))
        is_filled = isinstance(first, ast.JoinedStr) and any(isinstance(part, ast.FormattedValue) for part in first.values)
        if is_built or is_filled:
            return "a statement is put together with values in it"
    return None


def _markup(node: ast.AST) -> str | None:
    is_raw = isinstance(node, ast.Call) and _name(node.func).rpartition(".")[2] == "Raw"
    if is_raw and isinstance(node, ast.Call) and not all(isinstance(value, ast.Constant) for value in node.args):
        return "a value is taken as markup"
    return None


def _run(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call):
        called = _name(node.func)
        if called in ("eval", "exec", "os.system", "pickle.loads", "marshal.loads"):
            return f"{called} runs what it is given"
    return None


def _chance(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and _name(node.func).startswith("random."):
        return "what is secret is left to a generator that can be foretold"
    return None


def _timing(node: ast.AST) -> str | None:
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
        sides = (node.left, *node.comparators)
        if any(isinstance(side, ast.Call) and _name(side.func) == "hashed" for side in sides):
            return "how long it takes to compare tells what was right"
    return None


def _weak(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and _name(node.func) in ("hashlib.md5", "hashlib.sha1"):
        return "the hash is broken"
    return None


RULES: dict[str, Callable[[ast.AST], str | None]] = {
    "sql": _sql,
    "markup": _markup,
    "run": _run,
    "chance": _chance,
    "timing": _timing,
    "weak": _weak,
}


def _hits(text: str) -> Iterator[tuple[ast.AST, Finding]]:
    for node in ast.walk(ast.parse(text)):
        for rule, judge in RULES.items():
            message = judge(node)
            if message is not None:
                yield node, Finding(getattr(node, "lineno", 1), rule, message)


def findings(text: str) -> list[Finding]:
    """What is wrong in a source, by line. Raises SyntaxError."""
    return sorted(finding for _, finding in _hits(text))


def mended(text: str) -> str:
    """The source with every flaw replaced that there is a mend for."""
    lines = text.split("\n")
    needs = set()
    for node, finding in sorted(_hits(text), key=lambda hit: (-hit[1].line, -getattr(hit[0], "col_offset", 0))):
        mend = _MENDS.get(finding.rule)
        if mend is not None and isinstance(node, ast.expr) and node.lineno == node.end_lineno:
            new, module = mend(node)
            line = lines[node.lineno - 1].encode()
            lines[node.lineno - 1] = (line[: node.col_offset] + new.encode() + line[node.end_col_offset :]).decode()
            needs |= {module} - {""}
    return _imported("\n".join(lines), needs)


def _mend_sql(node: ast.expr) -> tuple[str, str]:
    """Values go beside the statement. A statement that is no f-string is left as it is."""
    if not isinstance(node, ast.Call) or not isinstance(node.args[0], ast.JoinedStr):
        return ast.unparse(node), ""
    parts = node.args[0].values
    said = "".join(str(part.value) if isinstance(part, ast.Constant) else "?" for part in parts)
    values = [ast.unparse(part.value) for part in parts if isinstance(part, ast.FormattedValue)]
    given = f"({values[0]},)" if len(values) == 1 else f"({', '.join(values)})"
    return f'{ast.unparse(node.func)}("{said}", {given})', ""


def _mend_markup(node: ast.expr) -> tuple[str, str]:
    return (ast.unparse(node.args[0]).replace("'", '"') if isinstance(node, ast.Call) else ast.unparse(node)), ""


def _mend_chance(_node: ast.expr) -> tuple[str, str]:
    return "secrets.token_urlsafe(32)", "secrets"


def _mend_timing(node: ast.expr) -> tuple[str, str]:
    if not isinstance(node, ast.Compare):
        return ast.unparse(node), ""
    no = "not " if isinstance(node.ops[0], ast.NotEq) else ""
    return f"{no}hmac.compare_digest({ast.unparse(node.left)}, {ast.unparse(node.comparators[0])})", "hmac"


_MENDS: dict[str, Callable[[ast.expr], tuple[str, str]]] = {
    "sql": _mend_sql,
    "markup": _mend_markup,
    "chance": _mend_chance,
    "timing": _mend_timing,
}


def _imported(text: str, needs: set[str]) -> str:
    """The source with the modules that it needs now, and without those that it does not use any more."""
    text = re.sub(r'"".join\((secrets\.token_urlsafe\(32\))\)', r"\1", text)
    for name in sorted(needs):
        if f"import {name}\n" not in text:
            text = re.sub(r"^(import |from (?!__future__))", rf"import {name}\n\1", text, count=1, flags=re.MULTILINE)
    for name in re.findall(r"^import (\w+)$", text, re.MULTILINE):
        if len(re.findall(rf"\b{name}\b", text)) == 1:
            text = text.replace(f"import {name}\n", "")
    return text
