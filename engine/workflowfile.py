"""A workflow in a YAML file.

Owns the reading: the tree knows the lines, the values have their types; what is wrong is told with its key and its line. What a
workflow is, is known on the floor of sprints.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.document import Branch, Leaf, Node, Row, read_document
from engine.errors import BadWorkflow, ConfigError, WorkflowCycle
from engine.workflowcheck import checked
from sprints.workflow import Workflow, read_workflow

__all__ = ["placed", "read_workflow_file"]


def read_workflow_file(file: Path) -> Workflow:
    """The workflow of a file; classes in files beside it are found from anywhere.

    Raises ConfigError with the key and the line of what is wrong, WorkflowCycle, naming the steps.
    """
    import yaml

    tree = read_document(file)  # refuses what a plain reader would take: tags, keys that are there twice, too much of all
    try:
        rows = yaml.load(file.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe one
    except (yaml.YAMLError, ValueError) as broken:
        raise ConfigError(f"a value cannot be read: {' '.join(str(broken).split())}", key="", file=file) from broken
    try:
        workflow = checked(read_workflow(rows or {}))
    except WorkflowCycle:
        raise
    except BadWorkflow as wrong:
        raise ConfigError(str(wrong), key=wrong.path, file=file, line=_line_of(tree, wrong.path)) from wrong
    kinds = {kind: _absolute(reference, file.resolve().parent) for kind, reference in workflow.kinds.items()}
    return workflow._replace(kinds=kinds, input=placed(workflow, workflow.input, file.parent))


def placed(workflow: Workflow, input: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Inputs, of which those that are paths are absolute. folder: what they are relative to."""
    return {
        name: os.path.abspath(folder / value) if name in workflow.paths and isinstance(value, str) else value  # noqa: PTH100
        for name, value in input.items()
    }


def _absolute(reference: str, folder: Path) -> str:
    """A reference to a class that means the same in another folder."""
    place, _, name = reference.rpartition(":")
    return f"{(folder / place).resolve()}:{name}" if place.endswith(".py") else reference


def _line_of(tree: Branch, path: str) -> int:
    """The line of a key, or that of the nearest place around it that is there."""
    node: Node = tree
    line = tree.line
    for part in path.split(".") if path else []:
        found: Any = None
        if isinstance(node, Branch) and part in node.items:
            line, found = node.lines[part], node.items[part]
        elif isinstance(node, Row) and part.isdigit() and int(part) < len(node.items):
            found = node.items[int(part)]
            line = found.line
        if found is None or isinstance(found, Leaf):
            break
        node = found
    return line
