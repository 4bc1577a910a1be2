"""What the tests of the audit share: small trees on disk, and an outcome made by hand from a real analysis."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from examples.audit import source
from examples.audit.inspection import Finding, inspect
from examples.audit.outcome import Broken, Outcome, Run
from examples.audit.roots import given
from examples.audit.source import parse
from examples.audit.totals import Totals
from examples.audit.tree import Tree, read_tree

#: A tree with something of everything: findings of several rules, packages in packages, files that are no Python.
SHOP = {
    "shop/__init__.py": "from shop.cart import *\n",
    "shop/cart.py": "def add(item, items=[]):\n    items.append(item)\n    return items\n",
    "shop/pay/__init__.py": "",
    "shop/pay/card.py": "def pay(sum):\n    try:\n        return eval(sum)\n    except:\n        return sum == None\n",
    "shop/pay/cash.py": "# nothing but words\n\nclass Cash:\n    def pay(self):\n        ...\n",
    "tool.py": "import shop\nprint(shop is 'open')\n",
    "old.py": "print 'two'\n",
    "text.py": "word = '\xe9'\n",
}

Grow = Callable[[dict[str, str]], Path]


@pytest.fixture
def grow(tmp_path: Path) -> Grow:
    """Writes files (by place, in Latin-1) and gives the folder that holds them."""

    def write(files: dict[str, str]) -> Path:
        folder = tmp_path / "src"
        for place, text in files.items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("latin-1"))
        return folder

    return write


@pytest.fixture
def shop(grow: Grow) -> Path:
    """The folder of SHOP."""
    return grow(SHOP)


@pytest.fixture
def outcome(shop: Path) -> Outcome:
    """The outcome of auditing SHOP, added up here without agents."""
    return audited(read_tree(given([shop])))


def audited(tree: Tree) -> Outcome:
    """What an audit of the tree must come to."""
    totals = Totals()
    groups: dict[str, Totals] = {}
    lines = {root.label: 0 for root in tree.roots}
    findings: dict[int, list[Finding]] = {}
    broken: list[Broken] = []
    group_of = {package.key: package.group for package in tree.packages}
    for index, module in enumerate(tree.modules):
        read = source.read(Path(os.fsdecode(unquote_to_bytes(module.path))))
        if isinstance(read, source.Broken):
            broken.append(Broken(module, read.cause, read.detail, read.line))
            part = Totals.of_broken(read.cause)
        else:
            found = inspect(read)
            part = Totals.of_module(found, f"{module.label}/{module.place}")
            lines[module.label] += found.lines
            if found.findings:
                findings[index] = found.findings
        totals.add(part)
        groups.setdefault(group_of[module.package], Totals()).add(part)
    for group in groups.values():
        group.complex_functions, group.loud_modules = [], []
    run = Run({"for modules": len(tree.modules)}, len(tree.modules), 1, len(tree.modules), 0.1, 2.0, 2**20)
    return Outcome(tree, totals, groups, lines, findings, broken, 0, 0, run)


@pytest.fixture
def find() -> Callable[[str], list[Finding]]:
    """The findings in a source text."""

    def findings(text: str) -> list[Finding]:
        read = parse(text.encode())
        assert not isinstance(read, source.Broken), read
        return inspect(read).findings

    return findings
