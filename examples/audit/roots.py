"""Where an audit looks when it is not told: the standard library and the packages installed beside it.

Owns the choice of folders. It lists top-level names at most; `tree` walks them.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Root", "given", "interpreter", "outer"]

#: Folders of the standard library's tree that hold installed packages: roots of their own, or another interpreter's.
INSTALLED = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True, slots=True)
class Root:
    """One folder (or file) to audit.

    label: how reports call it.  skip: names of folders right below it that are left out.
    only: the names right below it that are taken; None takes all.
    """

    label: str
    path: Path
    skip: frozenset[str] = field(default=frozenset())
    only: frozenset[str] | None = None


def interpreter() -> list[Root]:
    """The running interpreter's standard library and the packages installed for it."""
    roots = [Root("stdlib", Path(sysconfig.get_path("stdlib")), skip=INSTALLED)]
    return roots + _packages("site-packages", (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))


def outer() -> list[Root]:
    """The packages of the interpreter that a virtual environment was made from; none outside of one."""
    if sys.prefix == sys.base_prefix:
        return []
    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    return _packages("outer-packages", (sysconfig.get_path("purelib", vars=base), sysconfig.get_path("platlib", vars=base)))


def given(paths: Iterable[Path]) -> list[Root]:
    """A root for each path, called by its own name, numbered where two are called the same."""
    roots: list[Root] = []
    for path in paths:
        name = path.resolve().name or "root"
        same = sum(root.label.partition("+")[0] == name for root in roots)
        roots.append(Root(f"{name}+{same + 1}" if same else name, path.resolve()))
    return roots


def _packages(label: str, places: Iterable[str]) -> list[Root]:
    """One root for each different folder among the places that exist."""
    different = dict.fromkeys(Path(place).resolve() for place in places)
    existing = [place for place in different if place.is_dir()]
    return [Root(label if not n else f"{label}+{n + 1}", path) for n, path in enumerate(existing)]
