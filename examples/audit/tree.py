"""The source tree of one audit: every module file and the package that it belongs to.

Owns the walk over folders, in an order that is the same on every machine. It opens no file: `source` does, in the
agents.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_from_bytes

from examples.audit.names import Names, dotted
from examples.audit.roots import Root

__all__ = ["Module", "Package", "Tree", "grow", "read_tree"]

#: Folders that never hold a project's own sources.
SKIPPED = frozenset({"__pycache__", "node_modules"})
#: The file that marks a virtual environment: other people's sources, unless it is the root itself.
ENVIRONMENT = "pyvenv.cfg"


@dataclass(frozen=True, slots=True)
class Module:
    """One source file.

    key: its agent's.  path: absolute and percent-encoded, since the name of a file can be any bytes and a message
    cannot. label, place: its root's label and its path below that, with `/`.
    """

    key: str
    path: str
    label: str
    place: str
    package: str


@dataclass(frozen=True, slots=True)
class Package:
    """One folder with modules. key: its agent's.  group: the top-level package that reports show it under."""

    key: str
    group: str
    modules: int


@dataclass(frozen=True, slots=True)
class Tree:
    """What an audit reads, sorted by root and path."""

    roots: tuple[Root, ...]
    modules: tuple[Module, ...]
    packages: tuple[Package, ...]


def read_tree(roots: Iterable[Root]) -> Tree:
    """Find every `.py` file below the roots, each real file once.

    Hidden folders, caches and nested virtual environments are left out; links to folders are not followed.
    """
    keys, groups = Names(), _Groups()
    folders: dict[tuple[str, str], list[tuple[Path, str]]] = {}
    kept, seen = tuple(roots), set[str]()
    for root in kept:
        for path, place in _files(root):
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                folders.setdefault((root.label, place.rpartition("/")[0]), []).append((path, place))
    modules: list[Module] = []
    packages: list[Package] = []
    packages_keys = Names()
    for (label, folder), files in folders.items():
        group = groups.name(label, folder)
        package = packages_keys.unique(dotted(folder.split("/")) if folder else f"{dotted([label])}:top")
        packages.append(Package(package, group, len(files)))
        for path, place in files:
            key = keys.unique(_name(label, place))
            modules.append(Module(key, quote_from_bytes(os.fsencode(path)), label, _shown(place), package))
    return Tree(kept, tuple(modules), tuple(packages))


def grow(tree: Tree, more: Iterable[Root], wanted: int) -> Tree:
    """The tree with further packages, whole and by name, until it has the wanted number of modules or none is left."""
    roots = list(tree.roots)
    missing = wanted - len(tree.modules)
    for root in more:
        sizes: dict[str, int] = {}
        for _path, place in _files(root):
            top = place.partition("/")[0]
            sizes[top] = sizes.get(top, 0) + 1
        taken: set[str] = set()
        for top in sorted(sizes):
            if missing > 0:
                taken.add(top)
                missing -= sizes[top]
        if taken:
            roots.append(Root(root.label, root.path, root.skip, frozenset(taken)))
    return tree if len(roots) == len(tree.roots) else read_tree(roots)


class _Groups:
    """Names of top-level packages, one for each root and first folder."""

    def __init__(self) -> None:
        self._names = Names()
        self._known: dict[tuple[str, str], str] = {}

    def name(self, label: str, folder: str) -> str:
        top = (label, folder.partition("/")[0])
        if top not in self._known:
            self._known[top] = self._names.unique(dotted([top[1]]) if top[1] else f"{dotted([label])}:top")
        return self._known[top]


def _name(label: str, place: str) -> str:
    """The module name of a file below its root."""
    parts = place.removesuffix(".py").split("/")
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    return dotted(parts if parts != ["__init__"] else [label, "__init__"])


def _shown(place: str) -> str:
    """The place as text that can be written anywhere: bytes that are no text become question marks."""
    return place.encode(errors="replace").decode()


def _files(root: Root) -> Iterator[tuple[Path, str]]:
    """Every module file of a root with its place below it, in order."""
    if root.path.is_file():
        yield root.path, root.path.name
        return
    for name, inner, files in os.walk(root.path):
        folder = Path(name)
        at_top = folder == root.path
        inner[:] = sorted(name for name in inner if _is_source(folder / name) and _is_taken(root, at_top, name))
        for file in sorted(files):
            path = folder / file
            if file.endswith(".py") and _is_taken(root, at_top, file) and path.is_file():
                yield path, path.relative_to(root.path).as_posix()


def _is_source(folder: Path) -> bool:
    return not (folder.name.startswith(".") or folder.name in SKIPPED or (folder / ENVIRONMENT).exists())


def _is_taken(root: Root, at_top: bool, name: str) -> bool:
    return not at_top or (name not in root.skip and (root.only is None or name in root.only))
