"""The modules of a tree as the backlog of three sprints: a task for each, and one for each package behind them.

Pure but for the sizes of the files, by which tasks are taken to be long or short.
"""

from __future__ import annotations

import math
import os
import random
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from examples.audit.tree import Tree

__all__ = ["SPRINTS", "backlog"]

#: Sprints that the work is cut for.
SPRINTS = 3
#: Modules a reviewer gets done in three sprints: 10 in the first; by what was measured, each other one takes up to twice as
#: many. More than 30 for each need all three.
MODULES_A_REVIEWER = 45
#: Editors for each reviewer; too many of them, which a sprint that learns can find out.
EDITORS = 1
#: Bytes that an agent judges in a second, roughly.
BYTES_A_SECOND = 1e6
#: Seconds to read what was written of one module, roughly.
EDIT_S = 1e-3
FOUND = {
    "type": "object",
    "required": ["lines", "findings"],
    "properties": {"lines": {"type": "integer", "minimum": 0}, "findings": {"type": "integer", "minimum": 0}},
}


def backlog(name: str, tree: Tree, work: Path, *, modules: int, seed: int) -> dict[str, Any]:
    """The document. modules: how many of the tree's, chosen and put in order by the seed."""
    chosen = list(tree.modules)
    random.Random(seed).shuffle(chosen)
    del chosen[modules:]
    packages: dict[str, list[str]] = {}
    tasks: list[dict[str, Any]] = []
    for module in chosen:
        packages.setdefault(module.package, []).append(module.key)
        tasks.append(
            {
                "id": f"module {module.key}",
                "role": "reviewers",
                "method": "review",
                "args": [str(work), module.key, module.path, f"{module.label}/{module.place}"],
                "feature": module.package,
                "size_s": max(_size_bytes(module.path) / BYTES_A_SECOND, 1e-4),
                "check": {"schema": FOUND},
                "artifacts": [f"modules/{module.key}.json"],
            }
        )
    for package, keys in packages.items():
        tasks.append(
            {
                "id": f"package {package}",
                "role": "editors",
                "method": "edit",
                "args": [str(work), package, keys],
                "feature": package,
                "after": [f"module {key}" for key in keys],
                "size_s": len(keys) * EDIT_S,
                "check": {"expr": "modules", "equals": len(keys)},
                "artifacts": [f"packages/{package}.json"],
            }
        )
    reviewers = max(math.ceil(len(chosen) / MODULES_A_REVIEWER), 1)
    return {
        "schema": "engine.backlog/v1",
        "name": name,
        "goal": f"Audit {len(chosen)} modules",
        "use": ["examples.audit.sprints.agents:Reviewer", "examples.audit.sprints.agents:Editor"],
        "roles": {
            "reviewers": {"kind": "reviewer", "agents": reviewers},
            "editors": {"kind": "editor", "agents": reviewers * EDITORS},
        },
        "sprint": {"shape": "pipeline"},
        "ship": {"work": str(work), "releases": str(work.with_name("releases")), "hooks": []},
        "tasks": tasks,
    }


def _size_bytes(path: str) -> int:
    return os.stat(unquote_to_bytes(path)).st_size  # noqa: PTH116 - the name of a file can be any bytes
