"""What is done on a node itself to install an engine there: this file is sent to its Python, and answers with a line of JSON.

Owns the folder of the cluster on a node: `wheels`, `versions/VERSION` (an environment each, whole when it has the file
`whole`), `current` (a link to the one that is used, switched in one go), `pools.yaml`, `home`, `code`. Two versions are kept.
It uses the standard library alone and nothing of this package, which is not there yet.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

__all__ = ["ORDERS", "PART", "SENT", "Refused", "main", "program"]

#: Written into an environment when all of it is there.
WHOLE = "whole"
#: The end of the name of a file that is still being copied, which is called after the digest that it is to have.
PART = ".part"
#: The pools.yaml that was sent, until it is used.
SENT = "pools.yaml.sent"
#: Versions that are kept: the one that is used, and the one before.
KEPT = 2
#: Seconds to wait for another one that installs there, as one goes on whose caller was killed; and between two looks.
WAIT_S, LOOK_S = 120.0, 0.1
#: Characters of what the installer said that are told.
SAID_CHARS = 600


class Refused(Exception):
    """It cannot be done; the message says why."""


def program() -> bytes:
    """This file, to be sent to the Python of a node."""
    return Path(__file__).read_bytes()


def probe(order: dict[str, Any]) -> dict[str, Any]:
    """What there is: the Python, the machine, the room, the clock, and what is installed already. Makes the folder."""
    root = Path(order["root"])
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("wheels", "versions", "home"):
        (root / name).mkdir(mode=0o700, exist_ok=True)
    facts, found = os.statvfs(root), root.stat()
    wheels, parts = {}, {}
    for file in (root / "wheels").iterdir():
        if file.name.endswith(PART):
            parts[file.name[: -len(PART)]] = file.stat().st_size
        else:
            wheels[file.name] = _digest(file)
    current, pools = root / "current", root / "pools.yaml"
    return {
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "tag": sys.implementation.cache_tag,
        "machine": os.uname().machine,
        "system": os.uname().sysname,
        "cores": len(os.sched_getaffinity(0)),
        "free_bytes": facts.f_bavail * facts.f_frsize,
        "time_s": time.time(),
        "current": current.readlink().name if current.is_symlink() else None,
        "versions": [one.name for one in (root / "versions").iterdir() if (one / WHOLE).is_file()],
        "pools": pools.read_text() if pools.is_file() else "",
        "wheels": wheels,
        "parts": parts,
        "place": [Path("/proc/sys/kernel/random/boot_id").read_text().strip(), found.st_dev, found.st_ino],
    }


def install(order: dict[str, Any]) -> dict[str, Any]:
    """Make the environment of a version from the wheels that were copied, each of them checked first."""
    root, version = Path(order["root"]), order["version"]
    folder = root / "versions" / version
    if (folder / WHOLE).is_file():
        return {"is_new": False}
    _take_over(root / "wheels", order["wheels"])
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    installer = next(str(root / "wheels" / name) for name in order["wheels"] if name.startswith("pip-"))
    python = str(folder / "bin" / "python")
    words = ["install", "--no-index", "--find-links", str(root / "wheels"), "--no-compile", "--disable-pip-version-check"]
    _run([python, "-I", f"{installer}/pip", *words, "--quiet", "--no-cache-dir", order["wanted"]])
    _run([str(folder / "bin" / "engine"), "--version"])
    _sync(folder / WHOLE, "")
    return {"is_new": True}


def switch(order: dict[str, Any]) -> dict[str, Any]:
    """Use a version from now on, with the configuration that was sent, unless an engine goes on with the one before.

    The oldest versions are let go of, and the wheels that none needs.
    """
    root, version = Path(order["root"]), order["version"]
    current = root / "current"
    before = current.readlink().name if current.is_symlink() else None
    if order["is_kept"]:
        (root / SENT).unlink()
    else:
        (root / SENT).replace(root / "pools.yaml")
    if before != version:
        link = root / ".current"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("versions") / version)
        link.replace(current)
    others = [one for one in (root / "versions").iterdir() if one.name not in (version, before)]
    others.sort(key=lambda one: one.stat().st_mtime, reverse=True)
    room = KEPT - len({version, before} - {None})
    for one in others[room:]:
        shutil.rmtree(one)
    for file in (root / "wheels").iterdir():
        if file.name not in order["wheels"]:
            file.unlink()
    return {"before": before}


def unpack(order: dict[str, Any]) -> dict[str, Any]:
    """The folder of some code; None where its archive was not copied yet."""
    root, digest = Path(order["root"]), order["digest"]
    folder, part = root / "code" / digest[:16], root / "wheels" / (digest + PART)
    if folder.is_dir():
        return {"folder": str(folder)}
    if not part.is_file() or _digest(part) != digest:
        return {"folder": None}
    making = root / "code" / f".{digest[:16]}"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700, parents=True)
    with zipfile.ZipFile(part) as archive:
        archive.extractall(making)
    making.rename(folder)
    part.unlink()
    return {"folder": str(folder)}


#: What can be asked for.
ORDERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "probe": probe,
    "install": install,
    "switch": switch,
    "unpack": unpack,
}


def main(words: list[str]) -> int:
    """Do what the order in the only word says; returns the exit code."""
    order = json.loads(words[0])
    root = Path(order["root"])
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (root / "lock").open("a+") as lock:
            _take(lock)
            answer = {"ok": True, **ORDERS[order["do"]](order)}
    except Refused as refused:
        answer = {"ok": False, "message": str(refused)}
    except OSError as error:
        said = "it is there, and no folder" if isinstance(error, FileExistsError) else error.strerror
        answer = {
            "ok": False,
            "message": f"{error.filename or root}: {said}; mend that there, or give the cluster another folder",
        }
    print(json.dumps(answer))
    return 0


def _take(lock: TextIO) -> None:
    """Have the lock of the folder, and say in it who has it. Raises Refused."""
    until_s = time.monotonic() + WAIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError as taken:
            if time.monotonic() > until_s:
                lock.seek(0)
                who = lock.read(32).strip()
                said = f"somebody else{f' (pid {who})' if who else ''} is installing in {Path(lock.name).parent}"
                raise Refused(f"{said}: wait for the end, or engine cluster stop") from taken
            time.sleep(LOOK_S)
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()


def _take_over(folder: Path, wheels: dict[str, str]) -> None:
    """Have each wheel as it was sent. What was copied otherwise is removed, so that it is copied anew."""
    for name, digest in wheels.items():
        part = folder / (digest + PART)
        if part.is_file():
            if _digest(part) != digest:
                part.unlink()
                raise Refused(f"{name} was copied wrongly and is removed: try again")
            part.replace(folder / name)
        if not (folder / name).is_file() or _digest(folder / name) != digest:
            raise Refused(f"{name} is not there as it was sent: try again")


def _digest(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _sync(file: Path, text: str) -> None:
    """Have a file with this text on the disk, in one go."""
    part = file.with_name(f".{file.name}")
    with part.open("w") as target:
        target.write(text)
        target.flush()
        os.fsync(target.fileno())
    part.replace(file)


def _run(words: list[str]) -> None:
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "PIP_", "VIRTUAL_ENV"))}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-SAID_CHARS:]
        raise Refused(f"{Path(words[0]).name} {' '.join(words[1:4])} ended with {done.returncode}: {said}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
