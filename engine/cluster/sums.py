"""What the engines of all nodes count, as one document.

Owns which figures are added, and that a node that cannot be asked is named and missing from every sum, never guessed. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["SCHEMA", "summed"]

SCHEMA = "engine.cluster.stats/v1"
#: The figures of a snapshot that can be added, by the object in which they stand.
ADDED = {
    "agents": ("total", "live", "asleep", "dormant", "limit"),
    "tasks": ("accepted", "done", "failed", "cancelled", "expired", "open"),
    "workers": ("total", "running", "restarts"),
    "messages": ("tells",),
    "memory_bytes": ("engine", "workers", "total"),
}


def summed(name: str, time_s: float, nodes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The document about a cluster.

    nodes: each with `node`, `state`, `reason` and `stats`, its snapshot or None. time_s: when this was put together.
    """
    known = [stats for node in nodes if isinstance(stats := node.get("stats"), dict)]
    facts: dict[str, Any] = {"schema": SCHEMA, "cluster": name, "time_s": round(time_s, 3)}
    facts["nodes"] = {"total": len(nodes), "answered": len(known), "missing": len(nodes) - len(known)}
    for group, figures in ADDED.items():
        facts[group] = {figure: sum(_number(stats, group, figure) for stats in known) for figure in figures}
    facts["agents"]["kinds"] = _kinds(known)
    facts["versions"] = sorted({str(stats.get("version")) for stats in known})
    facts["by_node"] = [dict(node) for node in nodes]
    return facts


def _number(stats: Mapping[str, Any], group: str, figure: str) -> int:
    within = stats.get(group)
    value = within.get(figure) if isinstance(within, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _kinds(known: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    kinds: Counter[str] = Counter()
    for stats in known:
        agents = stats.get("agents")
        named = agents.get("kinds") if isinstance(agents, dict) else None
        for kind, count in (named if isinstance(named, dict) else {}).items():
            kinds[str(kind)] += count if isinstance(count, int) else 0
    return dict(sorted(kinds.items()))
