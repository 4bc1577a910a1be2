"""The third sprint: what was shipped gets faster, safe and usable for everybody, and its tests run nearly every line of it."""

from __future__ import annotations

import sys

from examples.app.blueprint import COMPONENTS, DRAFT_FLAWS, RECORDS, VIEWS
from examples.app.task import Row, ids, is_true, task

__all__ = ["ROLES", "tasks"]

#: Agents by role.
ROLES = {"optimizers": 100, "security": 100, "ux": 100, "testers": 100}
SLOW = ("listing", "search", "count", "export")
MENDED = tuple(DRAFT_FLAWS)
AUTH = ("passwords", "sessions")
TESTS = ("rules", "search", "count", "export", "pages")
CLEAN: Row = {"expr": "length(found)", "equals": 0}
MENDS: Row = {"expr": "left", "equals": 0}


def tasks(work: str, shipped: str) -> list[Row]:
    """The backlog's tasks. work: the folder that agents work in.  shipped: the folder of what the sprint before has shipped."""
    rows = [*_faster(work, shipped), *_safer(work), *_usable(work)]
    name = "95% test coverage"
    rows += [
        task("testers", "test", [work, one, test], f"tests/{one}/test_{test}.py", name) for one in RECORDS for test in TESTS
    ]
    cover = task(
        "testers",
        "cover",
        [work, "results/coverage.json"],
        "results/coverage.json",
        name,
        check={"command": [sys.executable, "-B", "-m", "tools.cover", "results/coverage.json"]},
        after=ids(rows),
    )
    return [*rows, cover]


def _faster(work: str, shipped: str) -> list[Row]:
    name = "Performance optimization"
    rows = [
        task("optimizers", "rewrite", [work, one, slow], f"almanac/{one}/{slow}.py", name) for one in RECORDS for slow in SLOW
    ]
    small = is_true("bytes < before")
    shrunk = [
        task("optimizers", "shrink", [work, part], f"components/{part}.min.css", name, check=small) for part in COMPONENTS
    ]
    pack = task("optimizers", "pack", [work], "static/components.css", name, check=small, after=ids(shrunk))
    measured = [
        task(
            "optimizers",
            "measure",
            [work, shipped, one],
            f"performance/{one}.json",
            name,
            check=is_true("is_same && is_less"),
            after=[f"almanac:{one}:{slow}.py" for slow in SLOW],
        )
        for one in RECORDS
    ]
    less = is_true("is_same && calls.after < calls.before")
    report = task("optimizers", "report", [work], "results/performance.json", name, check=less, after=ids(measured))
    return [*rows, *shrunk, pack, *measured, report]


def _safer(work: str) -> list[Row]:
    name = "Security audit passed"
    rows = []
    for package, modules in (*((one, MENDED) for one in RECORDS), ("auth", AUTH)):
        scan = task("security", "scan", [work, package, package], f"audit/{package}.json", name)
        mends = [
            task(
                "security",
                "mend",
                [work, package, module],
                f"almanac/{package}/{module}.py",
                name,
                check=MENDS,
                after=ids([scan]),
            )
            for module in modules
        ]
        after = f"{package}.after"
        again = task("security", "scan", [work, package, after], f"audit/{after}.json", name, check=CLEAN, after=ids(mends))
        rows += [scan, *mends, again]
    flaws = sum(map(len, DRAFT_FLAWS.values())) + len(AUTH)
    passed = is_true(f"passed && found == `{flaws}` && left == `0`")
    return [*rows, task("security", "audit", [work], "results/security.json", name, check=passed, after=ids(rows))]


def _usable(work: str) -> list[Row]:
    name = "UI/UX improvements"
    better = is_true("length(after) == `0` && length(before) > `0`")
    rows = [
        task("ux", "improve", [work, one, view], f"templates/{one}/{view}.html", name, check=better)
        for one in RECORDS
        for view in VIEWS
    ]
    none: Row = {"expr": "problems", "equals": 0}
    notes = []
    for one in RECORDS:
        after = [f"templates:{one}:{view}.html" for view in VIEWS]
        notes.append(task("ux", "note", [work, one], f"usability/{one}.json", name, check=none, after=after))
    theme = task("ux", "theme", [work], "static/theme.css", name, check=is_true("least >= `4.5`"))
    left: Row = {"expr": "left", "equals": 0}
    report = task("ux", "report", [work], "results/ux.json", name, check=left, after=[*ids(notes), theme["id"]])
    return [*rows, *notes, theme, report]
