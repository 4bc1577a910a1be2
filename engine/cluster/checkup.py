"""Whether what joins a node to its cluster is well, and whether anything of it was left where it should have ended.

Owns that one finding of the doctor, on the machine of a node, and which engine is a node's. Looks only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.check import Check
from engine.cluster.fabriconnode import attendant_of, document_of, left_over
from engine.daemon import is_running
from engine.keeper import keeper_of
from engine.paths import find_paths

__all__ = ["check_fabric", "engine_at"]

#: Files of which one at least is there where a node was ever joined.
SIGNS = ("fabric.json", "attendant.lock", "joined.json")
NAME = "fabric"
#: The locks of engines that were ever started from the folder of a node.
LOCKS = "home/run/*/daemon.lock"


def engine_at(environ: Mapping[str, str]) -> tuple[str, Path] | None:
    """The name of the engine and the pools.yaml of a node, where ENGINE_HOME is that of one; None where it is not."""
    home = environ.get("ENGINE_HOME")
    if not home or not (Path(home).parent / "current").is_symlink():
        return None
    root = Path(home).parent
    engine = (document_of(root / "node.json") or {}).get("engine")
    known = [engine.get("name")] if isinstance(engine, dict) else [lock.parent.name for lock in root.glob(LOCKS)]
    pools = root / "pools.yaml"
    return (known[0], pools) if len(known) == 1 and isinstance(known[0], str) and pools.is_file() else None


def check_fabric(environ: Mapping[str, str]) -> list[Check]:
    """The finding, where ENGINE_HOME is that of a node; none where it is not."""
    home = environ.get("ENGINE_HOME")
    root = Path(home).parent if home else None
    if root is None or not any((root / sign).exists() for sign in SIGNS):
        return []
    return [_judged(root)]


def _judged(root: Path) -> Check:
    pid, found = attendant_of(root), left_over(root)
    if pid is None and found:
        said = f"no attendant runs, and processes of it were left: {', '.join(str(one) for one in found)}"
        return Check(NAME, "bad", said, "engine cluster stop")
    if pid is None and (running := _engine_of(root)):
        said = f"no attendant runs, and its engine was left: {running}"
        return Check(NAME, "bad", said, "engine cluster stop, or engine cluster up")
    if pid is None:
        stale = [name for name in ("joined.json", "server/serving.json") if (root / name).exists()]
        if stale:
            said = f"nothing runs, and {', '.join(stale)} in {root} says otherwise: it was killed"
            return Check(NAME, "warn", said, "engine cluster up, or engine cluster stop")
        return Check(NAME, "ok", f"nothing of it runs from {root}")
    return _attended(root, pid)


def _engine_of(root: Path) -> str:
    """What runs of the engine there, in words."""
    environ = {"ENGINE_HOME": str(root / "home")}
    found = engine_at(environ)
    if found is None:
        return ""
    paths = find_paths(found[0], environ)
    keeper = keeper_of(paths)
    parts = [f"{found[0]} runs"] if is_running(paths) is not None else []
    return " and ".join(parts + ([f"its keeper is pid {keeper['pid']}"] if keeper is not None else []))


def _attended(root: Path, pid: int) -> Check:
    told = document_of(root / "attendant.json") or {}
    wards: dict[str, Any] = {name: told.get(name) or {} for name in ("server", "gateway", "driver")}
    given_up = [
        f"the {name} was given up: {ward.get('said')}" for name, ward in wards.items() if ward.get("state") == "given up"
    ]
    if given_up:
        return Check(NAME, "bad", "; ".join(given_up), "mend that, then: engine cluster up")
    joined = document_of(root / "joined.json")
    if joined is None:
        said = wards["gateway"].get("said") or "its gateway says nothing"
        return Check(NAME, "warn", f"the attendant runs (pid {pid}), the node has not joined: {said}", "engine cluster stats")
    return Check(NAME, "ok", f"{joined.get('node')} has joined the cluster {joined.get('cluster')}; its attendant is pid {pid}")
