"""What is done on a node for its part of the fabric: this file is sent to its Python, and answers with a line of JSON.

Owns the files of the fabric in the folder of the cluster, each written in one go with mode 0600, and the start, the end and the
look at the attendant that runs from them. An end needs nothing that was installed, and also finds what an attendant that was
killed has left. It uses the standard library alone and nothing of this package, which may not be there.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["ORDERS", "SENT", "TRIAL", "Refused", "attendant_of", "document_of", "left_over", "main", "program"]

#: What was sent for the fabric, until it is used: the texts of its files by name, null for one that is not to be there.
SENT = "fabric.sent"
#: The folder in which files are tried before they are used.
TRIAL = "trial"
#: Files that are told of, as JSON.
TOLD = ("fabric.json", "credentials.json", "node.json", "attendant.json", "joined.json")
#: Those that go when nothing runs any more.
STALE = ("joined.json", "attendant.json", "server/serving.json", SENT)
#: The programs of the fabric, by what stands in their command lines behind the interpreter.
PROGRAMS = ("attendant", "driver", "gateway", "server")
#: Seconds between two looks, that an attendant has to end all that it has run, and that what is killed has to be gone.
LOOK_S, END_S, GONE_S = 0.1, 130.0, 10.0
#: Characters of what a command said that are told, and of who brings the cluster up.
SAID_CHARS, WHO_CHARS = 600, 200


class Refused(Exception):
    """It cannot be done; the message says why."""


def program() -> bytes:
    """This file, to be sent to the Python of a node."""
    return Path(__file__).read_bytes()


def hold(order: dict[str, Any]) -> dict[str, Any]:
    """Say that one `up` may go on, again and again, until nobody reads that any more; another one is told who does."""
    root = Path(order["root"])
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(root / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return {"who": lock.read(WHO_CHARS)}
        lock.truncate()
        lock.write(order["who"])
        lock.flush()
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        while True:
            print(json.dumps({"ok": True, "who": None}), flush=True)
            time.sleep(LOOK_S)


def survey(order: dict[str, Any]) -> dict[str, Any]:
    """What there is of the fabric: its files, and the attendant's pid."""
    root = Path(order["root"])
    found = {name.partition(".")[0]: document_of(root / name) for name in TOLD}
    current = root / "current"
    return {**found, "pid": attendant_of(root), "build": current.readlink().name if current.is_symlink() else None}


def ports(order: dict[str, Any]) -> dict[str, Any]:
    """Which of some ports another program listens at; those of the server that runs from here are its own."""
    root = Path(order["root"])
    server = document_of(root / "server.json") or {}
    mine = {server.get("port"), server.get("peer_port")} if attendant_of(root) is not None else set()
    return {"taken": [port for port in order["ports"] if port not in mine and _is_taken(order["host"], port)]}


def write(order: dict[str, Any]) -> dict[str, Any]:
    """Have the files that were sent, in a folder of the cluster's; returns the names of those that are new."""
    root = Path(order["root"]) / order["into"]
    root.mkdir(mode=0o700, exist_ok=True)
    sent = Path(order["root"]) / SENT
    content = sent.read_bytes()
    if hashlib.sha256(content).hexdigest() != order["digest"]:
        raise Refused("the files of the fabric were copied wrongly: try again")
    changed = []
    for name, text in json.loads(content).items():
        file = root / name
        if text is None:
            if file.exists():
                changed.append(name)
                file.unlink()
        elif not file.is_file() or file.read_text() != text:
            changed.append(name)
            _put(file, text)
    sent.unlink()
    return {"changed": changed}


def forget(order: dict[str, Any]) -> dict[str, Any]:
    """Have the folder no more in which files were tried."""
    shutil.rmtree(Path(order["root"]) / TRIAL, ignore_errors=True)
    return {}


def attend(order: dict[str, Any]) -> dict[str, Any]:
    """Have an attendant that runs from these files; one of another build is ended first."""
    root = Path(order["root"])
    build = (root / "current").readlink().name
    told = document_of(root / "attendant.json") or {}
    pid = attendant_of(root)
    if pid is not None and told.get("build") != build:
        _end(root, is_killed=False)
        pid = None
    if pid is not None:
        _signal([pid] if pid else [], signal.SIGHUP)
        if not _await(lambda: (document_of(root / "attendant.json") or {}).get("looked", 0) > told.get("looked", 0), GONE_S):
            raise Refused(f"its attendant does not look at its files; see {root}/attendant.log")
        return {"is_started": False}
    words = [str(root / "current" / "bin" / "python"), "-P", "-m", "engine.cluster.attendant", str(root), "--detach"]
    nothing = subprocess.DEVNULL
    done = subprocess.run(words, cwd=root, stdin=nothing, stdout=nothing, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise Refused(f"its attendant did not start: {done.stderr.strip()[-SAID_CHARS:]}")
    return {"is_started": True}


def wait(order: dict[str, Any]) -> dict[str, Any]:
    """Wait until the node has joined; says why it has not."""
    root = Path(order["root"])
    until_s = time.monotonic() + order["within_s"]
    while True:
        told = document_of(root / "attendant.json") or {}
        gateway, server = told.get("gateway") or {}, told.get("server") or {}
        if (joined := _joined(root, gateway)) is not None and _serves(root, server):
            return {"joined": joined, "reason": None}
        if attendant_of(root) is None:
            return {"joined": None, "reason": f"its attendant has ended; see {root}/attendant.log"}
        for one in (server, gateway):
            if one.get("state") == "given up":
                return {"joined": None, "reason": one["said"]}
        if time.monotonic() > until_s:
            said = [one["said"] for one in (gateway, server) if one.get("said")]
            return {"joined": None, "reason": "; ".join(said) or "neither its gateway nor its server says anything"}
        time.sleep(LOOK_S)


def _joined(root: Path, gateway: dict[str, Any]) -> dict[str, Any] | None:
    """What the gateway that runs now said when it joined."""
    joined = document_of(root / "joined.json")
    is_now = joined is not None and gateway.get("state") == "running" and joined.get("pid") == gateway.get("pid")
    return joined if is_now else None


def _serves(root: Path, server: dict[str, Any]) -> bool:
    """Whether the server of this node serves, where it has one."""
    if not (root / "server.json").exists():
        return True
    serving = document_of(root / "server" / "serving.json") or {}
    return server.get("state") == "running" and serving.get("supervisor") == server.get("pid")


def leave(order: dict[str, Any]) -> dict[str, Any]:
    """End all of the fabric that runs here, and what a killed attendant left; returns whether anything ran."""
    root = Path(order["root"])
    if not root.is_dir():
        return {"was_running": False, "left_over": []}
    pid = attendant_of(root)
    if pid is not None:
        _end(root, is_killed=order["is_emergency"])
    left = left_over(root)
    for number in (signal.SIGTERM, signal.SIGKILL):
        _signal(left, number)
        _await(lambda: not left_over(root), GONE_S)
    if rest := left_over(root):
        raise Refused(f"processes of the fabric do not end: {', '.join(str(one) for one in rest)}")
    for name in STALE:
        (root / name).unlink(missing_ok=True)
    return {"was_running": pid is not None or bool(left), "left_over": left if pid is None else []}


#: What can be asked for.
ORDERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "hold": hold,
    "survey": survey,
    "ports": ports,
    "write": write,
    "forget": forget,
    "attend": attend,
    "wait": wait,
    "leave": leave,
}


def main(words: list[str]) -> int:
    """Do what the order in the only word says; returns the exit code."""
    order = json.loads(words[0])
    try:
        answer = {"ok": True, **ORDERS[order["do"]](order)}
    except (Refused, OSError) as error:
        answer = {"ok": False, "message": str(error)}
    print(json.dumps(answer))
    return 0


def document_of(file: Path) -> dict[str, Any] | None:
    """What a file says; None where there is none that can be read."""
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _put(file: Path, text: str) -> None:
    """Have a file with this text on the disk, for this user alone."""
    part = file.with_name(f".{file.name}")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:
        target.write(text)
        target.flush()
        os.fsync(target.fileno())
    part.replace(file)


def attendant_of(root: Path) -> int | None:
    """The pid of the attendant, which holds its lock; 0 while it is not known, None where none does."""
    try:
        descriptor = os.open(root / "attendant.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        return int(text) if text.isdigit() else 0
    finally:
        os.close(descriptor)
    return None


def _end(root: Path, *, is_killed: bool) -> None:
    """End the attendant: asked first, then killed."""
    pid = attendant_of(root)
    mine = [pid] if pid and pid in left_over(root) else []
    if not is_killed:
        _signal(mine, signal.SIGTERM)
        _signal(mine, signal.SIGCONT)  # one that stands still hears nothing else
        if _await(lambda: attendant_of(root) is None, END_S):
            return
    _signal(mine, signal.SIGKILL)
    _await(lambda: attendant_of(root) is None, GONE_S)


def left_over(root: Path) -> list[int]:
    """The processes of this user that run from the files of this folder."""
    names = dict.fromkeys(("driver", "gateway"), f"{root}/node.json")
    names |= {"attendant": str(root), "server": f"{root}/server.json"}
    wanted = {(f"engine.cluster.{name}", names[name]) for name in PROGRAMS} | {("--config", f"{root}/server/nats.conf")}
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            is_hook = "sprints.leash" in words and any(word.startswith(f"{root}/hooks/") for word in words)
            is_program = any(pair in wanted for pair in itertools.pairwise(words)) or _installs(words, root)
            if process.stat().st_uid == os.getuid() and (is_hook or is_program):
                found.append(int(process.name))
    return sorted(found)


def _installs(words: list[str], root: Path) -> bool:
    """Whether a command is one that installs there, or what that has run."""
    if words[1:3] == ["-I", "-"]:
        with contextlib.suppress(ValueError, KeyError, IndexError, TypeError):
            order = json.loads(words[3])
            return bool(order["do"] == "install" and order["root"] == str(root))
    if words[1:3] == ["-m", "venv"]:
        return words[-2:][0].startswith(f"{root}/versions/")  # an empty word follows the last one
    return any(word.startswith(f"{root}/wheels/pip-") for word in words[1:4])


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _await(is_so: Callable[[], bool], within_s: float) -> bool:
    until_s = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > until_s:
            return False
        time.sleep(LOOK_S)
    return True


def _is_taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
