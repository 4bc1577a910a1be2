"""One finding about this machine or this user's set-up, and the findings that need no configuration.

Owns the form of a finding and the look at what the engine cannot run without: Python, Linux, pidfd, memfd, open files,
packages. Each check takes what it judges as an argument and changes nothing. The doctor above puts them in order.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "PACKAGES",
    "Check",
    "check_files",
    "check_linux",
    "check_memfd",
    "check_packages",
    "check_pidfd",
    "check_python",
]

#: The oldest Python that the engine runs on.
PYTHON = (3, 11)
#: Packages that the engine imports, by the name that installs them.
PACKAGES = {
    "lz4": "lz4.block",
    "numpy": "numpy",
    "orjson": "orjson",
    "psutil": "psutil",
    "PyYAML": "yaml",
    "rich": "rich",
    "jsonschema": "jsonschema",
    "jmespath": "jmespath",
    "textual": "textual",
    "textual-plotext": "textual_plotext",
    "prometheus-client": "prometheus_client",
    "uvloop": "uvloop",
}
#: Files that the engine itself keeps open, with room for a hundred clients.
FILES = 256
#: Files for each worker: its socket, its pidfd, its output, its gauges, and the same while its successor starts.
FILES_PER_WORKER = 8


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, whether it is good, what was seen, and what to do about it.

    verdict: `ok`; `warn`, the engine runs but something is weaker than asked; `bad`, it cannot run like this.
    """

    name: str
    verdict: Literal["ok", "warn", "bad"]
    said: str
    mend: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The finding as `doctor --json` prints it."""
        return {"name": self.name, "verdict": self.verdict, "said": self.said, "mend": self.mend}


def check_python(version: tuple[int, ...]) -> Check:
    """Whether this Python is new enough; `version` is major, minor, micro."""
    said = "Python " + ".".join(str(part) for part in version[:3])
    if version[:2] < PYTHON:
        wanted = ".".join(str(part) for part in PYTHON)
        return Check("python", "bad", said, f"install Python {wanted} or newer and make the environment again with it")
    return Check("python", "ok", said)


def check_linux(platform: str) -> Check:
    """Whether this is Linux, by the name that `sys.platform` has for it."""
    if platform != "linux":
        return Check("linux", "bad", f"this is {platform}", "run it on Linux, in a virtual machine or a container")
    return Check("linux", "ok", f"Linux {os.uname().release}")


def check_pidfd(pidfd_open: Callable[[int], int] | None) -> Check:
    """Whether the death of a worker can be seen at once; the argument is `os.pidfd_open`, None where it is missing."""
    mend = "use Linux 5.3 or newer, and a container that lets pidfd_open through"
    if pidfd_open is None:
        return Check("pidfd", "bad", "this Python has no os.pidfd_open", mend)
    try:
        os.close(pidfd_open(os.getpid()))
    except OSError as refused:
        return Check("pidfd", "bad", f"pidfd_open: {refused.strerror}", mend)
    return Check("pidfd", "ok", "a worker's death is seen at once")


def check_memfd(memfd_create: Callable[[str], int] | None) -> Check:
    """Whether gauges can be shared in memory; the argument is `os.memfd_create`, None where it is missing."""
    mend = "use Linux 3.17 or newer, and a container that lets memfd_create through"
    if memfd_create is None:
        return Check("memfd", "bad", "this Python has no os.memfd_create", mend)
    try:
        os.close(memfd_create("engine-doctor"))
    except OSError as refused:
        return Check("memfd", "bad", f"memfd_create: {refused.strerror}", mend)
    return Check("memfd", "ok", "gauges can be shared in memory")


def check_files(soft: int, hard: int, workers: int) -> Check:
    """Whether so many workers fit in the limit of open files; -1 is no limit."""
    needed = FILES + FILES_PER_WORKER * workers
    said = f"{_limit(soft)} open files, {needed:,} wanted for {workers} workers"
    if soft == -1 or soft >= needed:
        return Check("open files", "ok", said)
    if hard == -1 or hard >= needed:
        return Check("open files", "warn", said, f"ulimit -n {needed}")
    return Check("open files", "bad", f"{said}, the hard limit is {_limit(hard)}", "raise nofile in limits.conf or the unit")


def check_packages(packages: Mapping[str, str] = PACKAGES, load: Callable[[str], Any] = import_module) -> Check:
    """Whether every package that the engine imports can be imported, with their versions.

    packages: the name that installs each one, and the module that is imported.
    """
    versions, broken = [], {}
    for name, module in packages.items():
        try:
            load(module)
            versions.append(f"{name} {metadata.version(name)}")
        except ImportError as missing:
            broken[name] = str(missing)
    if broken:
        said = "; ".join(f"{name}: {why}" for name, why in broken.items())
        return Check("packages", "bad", said, f"python -m pip install {' '.join(broken)}")
    return Check("packages", "ok", ", ".join(versions))


def _limit(files: int) -> str:
    return "unlimited" if files == -1 else f"{files:,}"
