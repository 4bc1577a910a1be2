"""Small file systems of one's own, mounted for a test: they fill up, turn read only, or stop. Mounting needs root."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

__all__ = ["fill", "mounted", "power_off", "turn_read_only"]

#: EXT4_IOC_SHUTDOWN, and the flag that leaves the journal unwritten (linux/fs/ext4/ext4.h).
SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2
PIECE = bytes(4096)


@contextmanager
def mounted(folder: Path, kind: str, size_mb: int) -> Iterator[Path]:
    """A file system of this kind, tmpfs or ext4, in a folder. Skips where none can be had, and says why."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a file system")
    missing = [tool for tool in ("mount", "umount", "mkfs.ext4") if not shutil.which(tool)]
    if missing:
        pytest.skip(f"{missing[0]} is not installed")
    mount, image = folder / "mount", folder / "image"
    mount.mkdir()
    argv = ["-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs"]
    if kind == "ext4":
        with image.open("wb") as file:
            file.truncate(size_mb << 20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
        argv = ["-o", "loop", str(image)]
    done = subprocess.run(["mount", *argv, str(mount)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield mount
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def fill(mount: Path) -> Path:
    """Take all room that is left; returns the file that has it."""
    path = mount / "everything"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with suppress(OSError):
        while os.write(descriptor, PIECE):
            pass
    os.close(descriptor)
    return path


def turn_read_only(mount: Path) -> None:
    """Have an ext4 take no more writes, as it does itself when it finds an error."""
    done = subprocess.run(["mount", "-o", "remount,abort", str(mount)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"ext4 cannot be turned read only here: {done.stderr.strip()}")


def power_off(mount: Path) -> None:
    """Have an ext4 fail at everything, and forget what it had not written."""
    descriptor = os.open(mount, os.O_RDONLY)
    fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
    os.close(descriptor)
