"""The lines of a task file, dealt among the nodes of a cluster.

Owns which node gets which task: one for a kind goes where the fewest were dealt for what the node may hold, one for an agent
where its `node` says, since each node has agents of that name. A task keeps the id that it would have in the whole file. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from engine.cluster.node import Node

__all__ = ["Dealt", "deal"]


class Dealt:
    """What one node gets. lines: its tasks, as they are sent.  numbers: of each, the line in the whole file, from 1."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.lines = bytearray()
        self.numbers: list[int] = []

    @property
    def load(self) -> float:
        """Tasks for what the node may hold, with one more."""
        return (len(self.numbers) + 1) / self.node.agents

    def take(self, number: int, line: bytes) -> None:
        """Have one more."""
        self.numbers.append(number)
        self.lines += line + b"\n"


def deal(lines: Iterable[bytes], nodes: Sequence[Node]) -> tuple[dict[str, Dealt], list[dict[str, Any]]]:
    """What each node gets, by its id; and an answer for each line that none can have."""
    dealt = {node.id: Dealt(node) for node in nodes}
    refused: list[dict[str, Any]] = []
    place = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            node, text = _task(line, place, dealt)
        except ValueError as wrong:
            error = {"type": "BadLine", "message": f"line {number}: {wrong}"}
            refused.append({"line": number, "ok": False, "error": error})
        else:
            dealt[node].take(number, text)
        place += 1
    return dealt, refused


def _task(line: bytes, place: int, dealt: dict[str, Dealt]) -> tuple[str, bytes]:
    """The node of a task, and its line. Raises ValueError."""
    text = line.strip()
    if not text.startswith(b"{"):
        raise ValueError("a task is an object of JSON")
    try:
        task = json.loads(text)
    except ValueError as wrong:
        raise ValueError(f"not JSON: {wrong}") from wrong
    if "node" in task:
        node = task.pop("node")
        if not isinstance(node, str) or node not in dealt:
            raise ValueError(f"there is no node {node!r:.40}; there are: {', '.join(dealt)}")
        text = json.dumps(task, ensure_ascii=False).encode()
    elif "agent" in task:
        raise ValueError('each node has agents of that name: say which with "node", or name a "kind"')
    else:
        node = min(dealt.values(), key=lambda one: one.load).node.id
    if "id" not in task and task:
        text = f'{{"id":{place},'.encode() + text[1:]
    return node, text
