"""Control groups that share the cpu: where this process may make them, made, weighted, capped and taken away.

Owns groups below this process's own control group only, never above it: limits that somebody set on the engine stay in
force. Knows both kernel interfaces (v1 and v2) and nothing of pools: a group gets a name and a number of cores. The
root of the file system is an argument, so that tests stand on a tree of their own. Above it stands a pool's share.
"""

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CpuTree", "NoTree", "find_tree", "is_occupied", "make_group", "move_into", "remove_stale"]

CONTROLLER = "cpu"
#: The kernel's two interfaces: a hierarchy a controller, and one hierarchy for all.
V1, V2 = 1, 2
#: `cpu.shares` of one core's worth (v1): the kernel's default, what one plain process weighs against a group.
SHARES_PER_CORE = 1_024
#: `cpu.weight` of one core's worth (v2): the kernel's default for a group.
WEIGHT_PER_CORE = 100
#: Least and most that the kernel takes, v1 and v2.
SHARES_RANGE = (2, 262_144)
WEIGHT_RANGE = (1, 10_000)
#: Microseconds of a cap's period: the kernel's default; a cap of 25% of 2 cores runs 50 ms of each 100 ms.
PERIOD_US = 100_000
#: Microseconds of the least quota that the kernel takes.
QUOTA_LEAST_US = 1_000
#: Groups of one name that one process may have, when it runs several engines of one name.
SAME_NAME_MOST = 1_000
#: The part of a group's name that stands for the engine's own process; no pool can be called so.
SELF = "_self"

_OCTAL = re.compile(r"\\([0-7]{3})")
_OURS = re.compile(r"engine\.[^.]+\.([0-9]+)-([0-9]+)\.([^.]+)\.[0-9]+")


@dataclass(frozen=True, slots=True)
class CpuTree:
    """Where this process may make groups that share the cpu.

    version: 1 or 2.  home: the directory of its own group.  owner: its pid and start time, as group names carry them.
    root: of the file system.  remove: takes an empty group away.
    """

    version: int
    home: Path
    owner: str
    root: Path = Path("/")
    remove: Callable[[Path], None] = os.rmdir


@dataclass(frozen=True, slots=True)
class NoTree:
    """No group can be made here; `reason` says why."""

    reason: str


def find_tree(root: Path = Path("/")) -> CpuTree | NoTree:
    """The place where this process may make cpu groups, or why there is none."""
    try:
        mounts = (root / "proc/self/mountinfo").read_text()
        groups = (root / "proc/self/cgroup").read_text()
        owner = _owner(root / "proc/self/stat")
    except OSError as missing:
        return NoTree(f"{missing.filename}: {missing.strerror}")
    for version, mounted_root, mount in _mounts(mounts):
        own = _own_group(groups, version)
        if own is None or not own.is_relative_to(mounted_root):
            continue
        home = root / mount.relative_to("/") / own.relative_to(mounted_root)
        found = _OURS.fullmatch(home.name)
        if found and found[3] == SELF:
            home = home.parent
        if version == V2 and CONTROLLER not in _words(home / "cgroup.controllers"):
            continue
        if not os.access(home, os.W_OK | os.X_OK):
            return NoTree(f"{home} is not writable for this user")
        return CpuTree(version, home, owner, root)
    return NoTree("no cpu controller is mounted where this process can see its own group")


def is_occupied(tree: CpuTree) -> bool:
    """Whether other processes in our group keep it from handing out cpu; only v2 minds, and not in its root."""
    if tree.version == V1 or CONTROLLER in _words(tree.home / "cgroup.subtree_control"):
        return False
    others = set(_words(tree.home / "cgroup.procs")) - {tree.owner.partition("-")[0]}
    return bool(others) and (tree.home / "cgroup.type").exists()


def make_group(tree: CpuTree, engine: str, name: str, cores: float, *, is_hard: bool) -> Path:
    """A new group whose processes weigh, or if it is hard use at most, so many cores; none is left where a step fails.

    engine, name: without dots and slashes.  cores: above 0, 0.5 is half of one.  Raises OSError with the file's name.
    """
    if tree.version == V2:
        _hand_out(tree, engine)
    group = _new_directory(tree.home / f"engine.{engine}.{tree.owner}.{name}")
    quota_us = max(QUOTA_LEAST_US, round(cores * PERIOD_US))
    try:
        if tree.version == V1:
            _write(group / "cpu.shares", str(_within(SHARES_RANGE, cores * SHARES_PER_CORE)))
            _write(group / "cpu.cfs_period_us", str(PERIOD_US))
            _write(group / "cpu.cfs_quota_us", str(quota_us if is_hard else -1))
        else:
            _write(group / "cpu.weight", str(_within(WEIGHT_RANGE, cores * WEIGHT_PER_CORE)))
            _write(group / "cpu.max", f"{quota_us if is_hard else 'max'} {PERIOD_US}")
    except OSError:
        with suppress(OSError):
            tree.remove(group)
        raise
    return group


def move_into(group: Path, pid: int) -> None:
    """Put a process with all its threads into a group. Raises OSError, ProcessLookupError if it has ended.

    The first move can take some milliseconds, for which the kernel waits for all cores; later ones take 0.02 ms.
    """
    _write(group / "cgroup.procs", str(pid))


def remove_stale(tree: CpuTree, engine: str) -> list[str]:
    """Take away the empty groups that dead processes left under this engine's name; the names of those removed."""
    removed = []
    for group in sorted(tree.home.glob(f"engine.{engine}.*")):
        found = _OURS.fullmatch(group.name)
        if found is None or _is_alive(tree.root, found[1], found[2]):
            continue
        with suppress(OSError):
            tree.remove(group)
            removed.append(group.name)
    return removed


def _hand_out(tree: CpuTree, engine: str) -> None:
    """Let the groups below ours share the cpu (v2).

    A group that does so must not hold processes itself; where ours holds this process alone, as a delegated systemd
    unit does, the process moves into a group of its own first. Raises OSError, EBUSY where others are in it.
    """
    switch = tree.home / "cgroup.subtree_control"
    if CONTROLLER in _words(switch):
        return
    try:
        _write(switch, f"+{CONTROLLER}")
    except OSError as refused:
        pid = tree.owner.partition("-")[0]
        if refused.errno != errno.EBUSY or _words(tree.home / "cgroup.procs") != [pid]:
            raise
        leaf = _new_directory(tree.home / f"engine.{engine}.{tree.owner}.{SELF}")
        _write(leaf / "cgroup.procs", pid)
        _write(switch, f"+{CONTROLLER}")


def _new_directory(wanted: Path) -> Path:
    for ordinal in range(SAME_NAME_MOST):
        with suppress(FileExistsError):
            made = wanted.with_name(f"{wanted.name}.{ordinal}")
            made.mkdir()
            return made
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(wanted))


def _mounts(mountinfo: str) -> Iterator[tuple[int, Path, Path]]:
    """Version, root in its hierarchy and mount point of each cgroup mount that can hold the controller, v1 first."""
    found = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.partition(" ")
        mounted_root, mount = (Path(_OCTAL.sub(lambda o: chr(int(o[1], 8)), text)) for text in before.split()[3:5])
        if kind == "cgroup" and CONTROLLER in options.split()[-1].split(","):
            found.append((V1, mounted_root, mount))
        elif kind == "cgroup2":
            found.append((V2, mounted_root, mount))
    yield from sorted(found)


def _own_group(groups: str, version: int) -> Path | None:
    for line in groups.splitlines():
        _, controllers, path = line.split(":", 2)
        if (controllers == "") if version == V2 else (CONTROLLER in controllers.split(",")):
            return None if "/.." in path else Path(path)
    return None


def _owner(stat: Path) -> str:
    """`PID-START` of a process: its start time tells it from a later one with the same pid."""
    before, _, after = stat.read_text().rpartition(")")
    return f"{before.split()[0]}-{after.split()[19]}"


def _is_alive(root: Path, pid: str, start: str) -> bool:
    try:
        return _owner(root / "proc" / pid / "stat") == f"{pid}-{start}"
    except OSError:
        return False


def _within(least_most: tuple[int, int], wanted: float) -> int:
    return max(least_most[0], min(least_most[1], round(wanted)))


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def _write(file: Path, text: str) -> None:
    """One write, which the kernel takes or refuses as a whole; the error names the file."""
    try:
        with file.open("wb", buffering=0) as out:
            out.write(text.encode())
    except OSError as refused:
        refused.filename = str(file)
        raise
