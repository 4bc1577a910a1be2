"""The second sprint: records are kept, shown, found and documented, and who uses them has signed in. It is a first draft."""

from __future__ import annotations

import sys

from examples.app.agents.database import TABLES
from examples.app.blueprint import COMPONENTS, RECORDS, VIEWS
from examples.app.task import Row, ids, task

__all__ = ["ROLES", "tasks"]

#: Agents by role.
ROLES = {"frontend": 200, "backend": 200, "database": 50, "integration": 100, "quality": 50}
MODULES = ("rules", "create", "read", "update", "delete", "listing", "search", "count", "export", "routes")
AUTH = ("passwords", "users", "sessions", "routes")
TESTS = ("create", "read", "update", "delete", "list")
#: The files of a part of pages, by what makes them.
PART = {
    "style": "components/{}.css",
    "example": "components/{}.html",
    "demo": "components/{}.demo.html",
    "facts": "components/{}.json",
    "guide": "docs/components/{}.md",
}
CRUD, AUTHENTICATION, LIBRARY = "Core CRUD operations", "User authentication", "UI components library"


def tasks(work: str, _shipped: str) -> list[Row]:
    """The backlog's tasks. work: the folder that agents work in."""
    kept = _kept(work)
    shown = [
        task("frontend", "view", [work, one, view], f"templates/{one}/{view}.html", CRUD) for one in RECORDS for view in VIEWS
    ]
    shown += [task("frontend", "page", [work, page], f"templates/{page}.html", AUTHENTICATION) for page in ("layout", "login")]
    parts = _parts(work)
    tests = [
        task("integration", "test", [work, one, test], f"tests/{one}/test_{test}.py", "Integration tests")
        for one in RECORDS
        for test in TESTS
    ]
    tests.append(task("integration", "auth", [work], "tests/test_auth.py", "Integration tests"))
    run = task(
        "integration",
        "suite",
        [work, "test*.py", "results/integration.json"],
        "results/integration.json",
        "Integration tests",
        check={"command": [sys.executable, "-B", "-m", "tools.suite"]},
        after=ids([*kept, *shown, *parts, *tests]),
    )
    return [*kept, *shown, *parts, *tests, run, *_judged(work)]


def _kept(work: str) -> list[Row]:
    rows = [task("database", "own", [work, name], f"sql/{at}0_{name}.sql", AUTHENTICATION) for at, name in enumerate(TABLES, 1)]
    rows.append(task("database", "connection", [work], "almanac/database.py", CRUD))
    for method, path in (("table", "sql/30_{}.sql"), ("index", "sql/40_{}.sql"), ("seed", "seed/{}.json")):
        rows += [task("database", method, [work, one], path.format(one), CRUD) for one in RECORDS]
    rows += [task("backend", "auth", [work, name], f"almanac/auth/{name}.py", AUTHENTICATION) for name in AUTH]
    for one in RECORDS:
        rows += [task("backend", "module", [work, one, name], f"almanac/{one}/{name}.py", CRUD) for name in MODULES]
    return rows


def _parts(work: str) -> list[Row]:
    rows = [
        task("frontend", method, [work, part], path.format(part), LIBRARY)
        for part in COMPONENTS
        for method, path in PART.items()
    ]
    styles = [f"components:{part}.css" for part in COMPONENTS]
    rows.append(task("frontend", "theme", [work], "static/theme.css", LIBRARY))
    return [*rows, task("frontend", "library", [work], "static/components.css", LIBRARY, after=styles)]


def _judged(work: str) -> list[Row]:
    name = "API documentation"
    rows = []
    for one in RECORDS:
        modules = [f"almanac:{one}:{module}.py" for module in MODULES]
        clean = {"expr": "length(wrong)", "equals": 0}
        rows.append(task("quality", "lint", [work, one], f"quality/{one}.json", CRUD, check=clean, after=modules))
        pages = task("quality", "reference", [work, one], f"docs/api/{one}.md", name, after=modules[-1:])
        rows += [pages, task("quality", "openapi", [work, one], f"openapi/{one}.json", name, after=modules[-1:])]
    references = [f"docs:api:{one}.md" for one in RECORDS]
    return [*rows, task("quality", "api", [work], "docs/api.md", name, after=references)]
