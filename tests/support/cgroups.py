"""A file system root with /proc and control groups of its own, for code that takes the root as an argument.

It keeps what is written, as plain files; it refuses nothing by itself, so that a test says which step fails.
"""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path

from pools.cgroup import CpuTree, find_tree

__all__ = ["PID", "STARTED", "busy", "fake_root", "fake_tree", "start_process"]

#: The process that the fake root's /proc/self stands for.
PID = 4_242
#: Its start time in clock ticks since boot.
STARTED = 777

V1_MOUNT = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
V2_MOUNT = "41 31 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n"
OTHER_MOUNTS = "23 1 0:1 / / rw - ext4 /dev/vda rw\n33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"


def start_process(root: Path, pid: int | str, started: int = STARTED) -> None:
    """Let a process run in the fake /proc; its name holds the characters that break a careless parser."""
    directory = root / "proc" / str(pid)
    directory.mkdir(parents=True, exist_ok=True)
    number = PID if pid == "self" else pid
    (directory / "stat").write_text(f"{number} (a) name (S) S " + "0 " * 18 + f"{started} 0 0\n")


def fake_root(root: Path, version: int, group: str = "/user/shell", controllers: str = "cpu memory") -> Path:
    """A root whose own process is in this group; the group's directory is returned."""
    start_process(root, "self")
    start_process(root, PID)
    own = f"4:memory:/elsewhere\n3:cpu,cpuacct:{group}\n1:name=systemd:/\n0::{group}\n"
    (root / "proc/self/cgroup").write_text(own if version == 1 else f"0::{group}\n")
    (root / "proc/self/mountinfo").write_text(OTHER_MOUNTS + (V1_MOUNT if version == 1 else V2_MOUNT))
    home = root / ("sys/fs/cgroup/cpu,cpuacct" if version == 1 else "sys/fs/cgroup") / group.lstrip("/")
    home.mkdir(parents=True)
    (home / "cgroup.procs").write_text(f"{PID}\n")
    if version == 2:
        (home / "cgroup.controllers").write_text(f"{controllers}\n")
        (home / "cgroup.subtree_control").write_text("")
    return home


def fake_tree(root: Path, version: int) -> CpuTree:
    """The tree found in a new fake root; its groups are taken away with the files in them."""
    fake_root(root, version)
    found = find_tree(root)
    assert isinstance(found, CpuTree)
    return replace(found, remove=shutil.rmtree)


def busy(path: Path) -> None:
    """Refuse as the kernel does while a group holds a process."""
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(path))
