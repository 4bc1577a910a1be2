"""The audit against ruff, which it does not use, on the standard library of the running interpreter and a file of our own.

What some rules are about is in the library's own tests alone, which not every interpreter comes with.

Not only the totals of each rule must agree, but every file and line. Files that either side cannot parse are left out on
both, and there may only be a handful.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest

from examples.audit import source
from examples.audit.inspection import inspect
from examples.audit.roots import interpreter
from examples.audit.rules.catalogue import RULES
from examples.audit.tree import read_tree

Places = Counter[tuple[str, int, str]]

#: Rules of ruff that say a file could not be read, which `--select` would silence.
UNREADABLE = "E902"


def _ours(path: str) -> tuple[str, list[tuple[int, str]] | None]:
    """The places of the findings in one file, None where it is not Python."""
    read = source.read(Path(path))
    if isinstance(read, source.Broken):
        return path, None
    return path, [(finding.line, finding.code) for finding in inspect(read).findings]


def _theirs(ruff: str, paths: list[str]) -> tuple[Places, set[str]]:
    """The places that ruff finds, and the files that it cannot read."""
    codes = ",".join([*(rule.code for rule in RULES), UNREADABLE])
    version = f"py3{sys.version_info.minor}"
    command = [ruff, "check", "--isolated", "--no-cache", "--ignore-noqa", "--exit-zero", "--quiet", "--no-respect-gitignore",
               "--target-version", version, "--select", codes, "--output-format", "json"]  # fmt: skip
    places: Places = Counter()
    unreadable: set[str] = set()
    answer = subprocess.run([*command, *paths], capture_output=True, text=True, check=True)
    for item in json.loads(answer.stdout):
        if item["code"] in (None, "invalid-syntax", UNREADABLE):
            unreadable.add(item["filename"])
        else:
            places[item["filename"], item["location"]["row"], item["code"]] += 1
    return places, unreadable


RARE = """
def rare(x):
    return x == None, x is "a", x is not 1, None != x
"""


@pytest.mark.timeout(120)
def test_every_finding_in_the_standard_library_is_one_of_ruffs_and_the_other_way_round(tmp_path: Path) -> None:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or pytest.skip("ruff is not installed")
    (tmp_path / "rare.py").write_text(RARE)
    paths = [unquote(module.path) for module in read_tree(interpreter()[:1]).modules] + [str(tmp_path / "rare.py")]
    ours = dict(map(_ours, paths))
    broken = {path for path, places in ours.items() if places is None}
    theirs, unreadable = _theirs(ruff, [path for path in paths if path not in broken])

    mine: Places = Counter(
        (path, line, code) for path, places in ours.items() if path not in unreadable for line, code in places or ()
    )
    both = Counter({place: count for place, count in theirs.items() if place[0] not in unreadable})

    totals = _by_rule(mine)
    assert totals == _by_rule(both)
    assert mine == both
    assert len(paths) > 500
    assert len(broken | unreadable) < len(paths) // 50
    assert set(totals) == {rule.code for rule in RULES}


def _by_rule(places: Places) -> Counter[str]:
    totals: Counter[str] = Counter()
    for (_path, _line, code), count in places.items():
        totals[code] += count
    return totals
