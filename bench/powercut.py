"""`python -m bench powercut`: a store on a file system that loses its power, again and again. Exit 0 when nothing that was
acknowledged is gone, 1 when something is; 3 where it cannot be tried, which needs root and loop devices.

The file system is ext4 in a file; its power is cut by the ioctl that stops it without writing out its journal. Each time a
process commits as fast as it can and tells what was acknowledged; that set is frozen before the cut. Then the file system is
mounted anew and the store is opened and read. `--plant no-sync` runs a store that does not wait for the disk, which this must
find."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from checkpoints.errors import CheckpointError
from checkpoints.store import open_store, states_part

__all__ = ["main"]

#: Keys that are written in turn, and the bytes of a segment: small, so that many cuts meet a roll.
KEYS, SEGMENT_BYTES = 500, 16 * 1024
#: Commits between two compactions.
COMPACT_EACH = 150
IMAGE_MB = 64
#: EXT4_IOC_SHUTDOWN, and the flag that leaves the journal unwritten (linux/fs/ext4/ext4.h).
SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2
#: Longest time that a process commits before the cut, in seconds.
LONGEST_S = 0.08
UNAVAILABLE = 3


def main(argv: list[str] | None = None) -> int:
    """Cut the power, and say what was lost."""
    options = _parser().parse_args(argv)
    missing = "" if os.geteuid() == 0 else "mounting needs root"
    missing = missing or next(
        (f"{tool} is not installed" for tool in ("mkfs.ext4", "mount", "umount") if not shutil.which(tool)), ""
    )
    if missing:
        print(f"powercut: unavailable: {missing}", file=sys.stderr)
        return UNAVAILABLE
    print(f"seed {options.seed}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        try:
            result = _cuts(Path(folder), options.cuts, Random(options.seed), options.plant)
        except subprocess.CalledProcessError as error:
            print(f"powercut: unavailable: {error.stderr.strip() or error}", file=sys.stderr)
            return UNAVAILABLE
    print(json.dumps(result) if options.json else _line(result))
    return 1 if result["lost"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench powercut", description=__doc__)
    parser.add_argument("--cuts", type=int, default=500, metavar="N", help="how often (default: 500)")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)), help="of the moments")
    parser.add_argument("--plant", choices=["no-sync"], help="a store with this fault")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")
    return parser


def _line(result: dict[str, Any]) -> str:
    return (
        f"{result['lost']} of {result['acknowledged']:,} acknowledged commits lost over {result['cuts']} power cuts; "
        f"{result['torn']} torn tails, {result['damaged']} stores that could not be opened"
    )


def _cuts(folder: Path, cuts: int, chance: Random, plant: str | None) -> dict[str, Any]:
    image, mount = folder / "image", folder / "mount"
    with image.open("wb") as file:
        file.truncate(IMAGE_MB << 20)
    _run("mkfs.ext4", "-q", str(image))
    mount.mkdir()
    result: dict[str, Any] = {"lost": 0, "cuts": 0, "acknowledged": 0, "torn": 0, "damaged": 0, "plant": plant}
    known: dict[int, int] = {}
    for _ in range(cuts):
        _run("mount", "-o", "loop", str(image), str(mount))
        try:
            if not _check(f"{mount}/store", known, result):
                return result
            issued = _cut(mount, chance, result, plant)
        finally:
            _run("umount", str(mount))
        result["cuts"] += 1
        for key, number in issued.items():
            known[key] = max(number, known.get(key, -1))
    _run("mount", "-o", "loop", str(image), str(mount))
    try:
        _check(f"{mount}/store", known, result)
    finally:
        _run("umount", str(mount))
    return result


def _cut(mount: Path, chance: Random, result: dict[str, Any], plant: str | None) -> dict[int, int]:
    """Let a process commit, then cut the power; returns the newest acknowledged number of each key."""
    reading, writing = os.pipe()
    writer = _forked(f"{mount}/store", writing, is_synced=not plant)
    os.close(writing)
    try:
        os.read(reading, 8)
        time.sleep(chance.uniform(0, LONGEST_S))
        descriptor = os.open(mount, os.O_RDONLY)
        os.set_blocking(reading, False)
        said = b""
        with suppress(BlockingIOError):
            while piece := os.read(reading, 1 << 20):
                said += piece
        fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        os.close(descriptor)
    finally:
        os.close(reading)
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
    acknowledged = {number % KEYS: number for (number,) in struct.iter_unpack("<Q", said[: len(said) // 8 * 8])}
    result["acknowledged"] += len(said) // 8
    return acknowledged


def _forked(folder: str, output: int, *, is_synced: bool) -> int:
    """A process of its own that commits, without the start of another interpreter; returns its pid."""
    pid = os.fork()
    if not pid:
        try:
            _write(folder, output, is_synced=is_synced)
        finally:
            os._exit(1)
    return pid


def _check(folder: str, known: dict[int, int], result: dict[str, Any]) -> bool:
    """Compare a store with what was acknowledged; returns whether it can be opened."""
    try:
        store = open_store(folder, chance=os.urandom, segment_bytes=SEGMENT_BYTES)
    except CheckpointError as error:
        print(f"powercut: {error}", file=sys.stderr)
        result["damaged"] += 1
        result["lost"] += len(known)
        return False
    result["torn"] += store.recovered.torn is not None
    found = {key: state["number"] for _, key, state in store.items()}
    store.close()
    result["lost"] += sum(found.get(key, -1) < number for key, number in known.items())
    known.clear()
    known.update((int(key), number) for key, number in found.items())
    return True


def _write(folder: str, output: int, *, is_synced: bool) -> None:
    """Commit numbers to keys in turn, as fast as it goes, and say each one that counts, eight bytes each."""
    store = open_store(folder, chance=os.urandom, segment_bytes=SEGMENT_BYTES, is_synced=is_synced)
    os.write(output, bytes(8))
    number = max((state["number"] for _, _, state in store.items()), default=-1)
    while True:
        number += 1
        store.commit([states_part("key", ["number"], [number % KEYS], [number])], 1)
        os.write(output, struct.pack("<Q", number))
        if number % COMPACT_EACH == 0:
            store.compact()


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, text=True)
