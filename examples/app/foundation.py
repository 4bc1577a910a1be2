"""The first sprint: designs, packages, settings, the skeleton of the documentation and the framework of the tests."""

from __future__ import annotations

import sys

from examples.app.blueprint import RECORDS
from examples.app.task import Row, ids, task

__all__ = ["ROLES", "tasks"]

#: Agents by role.
ROLES = {"architects": 20, "scaffolders": 50, "configurers": 30, "documenters": 20, "testers": 80}
#: What a design answers with.
DESIGN: Row = {
    "type": "object",
    "required": ["path", "record", "fields", "paths"],
    "properties": {
        "fields": {
            "type": "array",
            "minItems": 2,
            "items": {
                "type": "object",
                "required": ["name", "kind", "python", "sql", "most"],
                "properties": {"sql": {"enum": ["TEXT", "INTEGER"]}, "most": {"type": "integer", "minimum": 1}},
            },
        },
        "paths": {"type": "array", "minItems": 5},
    },
}
PARTS = ("__init__", "web", "router", "server", "pages", "static", "fields", "settings")
FOLDERS = ("almanac/auth", "tests", "tools")
SETTINGS = ("security", "server", "theme", "coverage", "contrast")
FILES = {
    "ci.yml": ".github/workflows/ci.yml",
    "pyproject.toml": "pyproject.toml",
    "Makefile": "Makefile",
    "gitignore": ".gitignore",
    "editorconfig": ".editorconfig",
}
TOOLS = ("suite", "cover", "measure")


def tasks(work: str, _shipped: str) -> list[Row]:
    """The backlog's tasks. work: the folder that agents work in."""
    designs = [
        task("architects", "design", [work, one], f"design/{one}.json", "System architecture", check={"schema": DESIGN})
        for one in RECORDS
    ]
    whole = task("architects", "architecture", [work], "docs/architecture.md", "System architecture", after=ids(designs))
    tested = _tested(work)
    packages = ["tests:__init__.py", *(f"tests:{one}:__init__.py" for one in RECORDS)]
    run = task(
        "testers",
        "suite",
        [work, "test_design.py", "results/design.json"],
        "results/design.json",
        "Test framework",
        check={"command": [sys.executable, "-B", "-m", "tools.suite", "test_design.py"]},
        after=[*ids(designs), *ids(tested), *ids(_tools(work)), *packages],
    )
    return [*designs, whole, *_laid_out(work), *_set(work), *_tools(work), *_written(work), *tested, run]


def _laid_out(work: str) -> list[Row]:
    name = "Project structure"
    rows = [task("scaffolders", "package", [work, one], f"almanac/{one}/__init__.py", name) for one in RECORDS]
    rows += [task("scaffolders", "tests", [work, one], f"tests/{one}/__init__.py", name) for one in RECORDS]
    rows += [task("scaffolders", "part", [work, part], f"almanac/{part}.py", name) for part in PARTS]
    rows += [task("scaffolders", "marker", [work, folder], f"{folder}/__init__.py", name) for folder in FOLDERS]
    return [*rows, task("scaffolders", "structure", [work], "STRUCTURE.md", name, after=ids(rows))]


def _set(work: str) -> list[Row]:
    name = "CI/CD pipeline"
    rows = [task("configurers", "record", [work, one], f"config/{one}.json", name) for one in RECORDS]
    rows += [task("configurers", "settings", [work, one], f"config/{one}.json", name) for one in SETTINGS]
    return rows + [task("configurers", "file", [work, template, path], path, name) for template, path in FILES.items()]


def _tools(work: str) -> list[Row]:
    paths = {tool: f"tools/{tool}.py" for tool in TOOLS}
    return [task("configurers", "file", [work, f"{tool}.py", path], path, "Test framework") for tool, path in paths.items()]


def _written(work: str) -> list[Row]:
    name = "Documentation skeleton"
    rows = [task("documenters", "record", [work, one], f"docs/{one}.md", name) for one in RECORDS]
    rows.append(task("documenters", "readme", [work], "README.md", name))
    return [*rows, task("documenters", "index", [work], "docs/index.md", name)]


def _tested(work: str) -> list[Row]:
    name = "Test framework"
    kinds = ("valid", "invalid", "limits")
    rows = [task("testers", kind, [work, one], f"fixtures/{one}/{kind}.json", name) for one in RECORDS for kind in kinds]
    rows += [task("testers", "test", [work, one, "design"], f"tests/{one}/test_design.py", name) for one in RECORDS]
    return [*rows, task("testers", "support", [work], "tests/support.py", name)]
