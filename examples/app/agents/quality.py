"""Quality agents: what the modules are like, and what the app answers, for people and for programs."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from engine import Agent
from examples.app.blueprint import FIELDS, RECORDS, fields_of
from examples.app.workshop import made, made_json, read

__all__ = ["Quality"]

#: Characters of a line, and lines of a function, at most.
LINE_CHARS, FUNCTION_LINES = 128, 40


class Quality(Agent):
    """Judges."""

    def lint(self, work: str, record: str) -> dict[str, Any]:
        """The package of a kind of records: modules without a docstring, unused imports, long lines and functions."""
        files = sorted((Path(work) / "almanac" / record).glob("*.py"))
        wrong = [f"{file.name}: {what}" for file in files for what in _wrong(file.read_text())]
        return made_json(work, f"quality/{record}.json", {"modules": len(files), "wrong": wrong}, wrong=wrong)

    def reference(self, work: str, record: str) -> dict[str, Any]:
        """What the app answers about a kind of records; read from its routes, not from memory."""
        routes = routes_of(read(work, f"almanac/{record}/routes.py"))
        lines = [f"| {method} | `{path}` | {handler} |" for method, path, handler in routes]
        text = f"# {record}\n\n| method | path | handler |\n|---|---|---|\n" + "\n".join(lines) + "\n"
        return made(work, f"docs/api/{record}.md", text, routes=len(lines))

    def openapi(self, work: str, record: str) -> dict[str, Any]:
        """The same for programs."""
        kinds = {"str": "string", "int": "integer", "bool": "boolean"}
        properties = {name: {"type": kinds[FIELDS[kind][0]]} for name, kind in fields_of(record).items()}
        paths: dict[str, dict[str, Any]] = {}
        for method, path, handler in routes_of(read(work, f"almanac/{record}/routes.py")):
            place = path.replace("<key>", "{key}")
            paths.setdefault(place, {})[method.lower()] = {"operationId": f"{record}_{handler}"}
        schema = {"type": "object", "required": ["title"], "properties": properties}
        return made_json(work, f"openapi/{record}.json", {"paths": paths, "schemas": {record: schema}}, paths=len(paths))

    def api(self, work: str) -> dict[str, Any]:
        """The documentation of the whole API."""
        parts = [read(work, f"docs/api/{record}.md").replace("# ", "## ") for record in RECORDS]
        routes = sum(part.count("\n| ") - 1 for part in parts)
        text = "# API\n\nSign in at `/login`; every other path needs the cookie of a session.\n\n" + "\n".join(parts)
        return made(work, "docs/api.md", text, routes=routes)


def routes_of(text: str) -> list[tuple[str, str, str]]:
    """Method, path and handler of each route that a module says."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List) and ast.unparse(node.targets[0]) == "ROUTES":
            rows = [row for row in node.value.elts if isinstance(row, ast.Tuple)]
            parts = [[ast.unparse(part).strip("'") for part in row.elts] for row in rows]
            return [(method, path, handler) for method, path, handler in parts]
    return []


def _wrong(text: str) -> list[str]:
    tree = ast.parse(text)
    found = [] if ast.get_docstring(tree) else ["has no docstring"]
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            found += [f"does not use {alias.name}" for alias in node.names if (alias.asname or alias.name) not in names]
        elif isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES:
            found.append(f"{node.name} is too long")
    return found + [f"line {at} is too long" for at, line in enumerate(text.splitlines(), 1) if len(line) > LINE_CHARS]
