"""`python -m examples.app.backlogs [FOLDER]`: the three backlogs as JSON lines, and the pools that their agents fit into.

The same folder gives the same files, byte for byte.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from examples.app import core, enhancement, foundation
from examples.app.task import Row

__all__ = ["SPRINTS", "backlog", "written"]

#: The sprints in their order: the tasks and roles of each, and what it is for.
SPRINTS = {
    "foundation": (foundation, "What everything else stands on"),
    "core": (core, "Records that are kept, shown and tested, for whoever has signed in"),
    "enhancement": (enhancement, "Faster, safe, usable, and tested nearly line by line"),
}
#: The kind of agents of each role, where it is called otherwise.
KINDS = {
    "architects": "architect",
    "scaffolders": "scaffolder",
    "configurers": "configurer",
    "documenters": "documenter",
    "testers": "tester",
    "optimizers": "optimizer",
}
#: What a release has to pass before it counts: who can sign in, from the files as they are shipped.
HOOK: Row = {"command": [sys.executable, "-B", "-m", "tools.suite", "test_auth.py"], "timeout_s": 60}
POOLS = "agents: 2000\npools:\n  app: {agents: 2000, workers: 2}\n"


def backlog(name: str, folder: Path) -> dict[str, Any]:
    """One backlog as a document. folder: where it is kept, with what its agents make in `work` and what is shipped beside."""
    part, goal = SPRINTS[name]
    kinds = {role: KINDS.get(role, role) for role in part.ROLES}
    return {
        "schema": "engine.backlog/v1",
        "name": name,
        "goal": goal,
        "use": [f"examples.app.agents.{kind}:{kind.capitalize()}" for kind in kinds.values()],
        "roles": {role: {"kind": kinds[role], "agents": agents} for role, agents in part.ROLES.items()},
        "sprint": {"shape": "pipeline"},
        "ship": {"work": "work", "releases": "releases", "hooks": [] if name == "foundation" else [HOOK]},
        "tasks": part.tasks(str(folder / "work"), str(folder / "releases" / "current" / "files")),
    }


def written(folder: Path) -> list[Path]:
    """Write all of it into a folder; returns the backlogs in their order. Raises OSError."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pools.yaml").write_text(POOLS)
    files = []
    for at, name in enumerate(SPRINTS, 1):
        document = backlog(name, folder)
        tasks = document.pop("tasks")
        files.append(folder / f"{at}-{name}.jsonl")
        files[-1].write_text("".join(json.dumps(row) + "\n" for row in (document, *tasks)))
    return files


if __name__ == "__main__":
    for file in written(Path(sys.argv[1] if len(sys.argv) > 1 else "app")):
        print(file)
