"""Each rule on the smallest sources that break it, and on those that nearly do.

The same sources go through ruff, so that the table itself is checked by a tool that the audit does not use.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.audit.inspection import Finding
from examples.audit.rules.catalogue import RULES

Find = Callable[[str], list[Finding]]

#: code, why the lines are (not) wrong, the wrong lines, the source.
CASES = [
    ("E711", "none on either side", [1, 2], "a == None\nNone != a"),
    ("E711", "none in a chain", [1], "ok = a == None == b"),
    ("E711", "a literal against none is not a slip", [], "ok = 1 == None\nok = None == 'a'"),
    ("E711", "identity is right", [], "ok = a is None"),
    ("F632", "strings, numbers, displays", [1, 2, 3, 4], "x is 'a'\n1 is not x\nx is []\nx is {}"),
    ("F632", "a tuple of constants", [1], "x is (1, 2)"),
    ("F632", "singletons are one of a kind", [], "x is None or x is True or x is ..."),
    ("F632", "each wrong step of a chain", [1, 1], "x is 1 is y"),
    ("F632", "a negative number is an expression", [], "x is -1"),
    ("B015", "a comparison alone on its line", [1, 3], "a == b\ndef f():\n    a < b\n"),
    ("B015", "used comparisons", [], "assert a == b\nc = a == b\nf(a == b)\na == b or c"),
    ("E722", "bare", [3], "try:\n    a\nexcept:\n    b"),
    ("E722", "raised again", [], "try:\n    a\nexcept:\n    b\n    raise"),
    ("E722", "raised again, but not always", [3], "try:\n    a\nexcept:\n    if b:\n        raise"),
    ("S110", "everything dropped", [3], "try:\n    a\nexcept Exception:\n    pass"),
    ("S110", "bare and dropped", [3], "try:\n    a\nexcept:\n    pass"),
    ("S110", "one of several catches all", [3], "try:\n    a\nexcept (OSError, BaseException):\n    pass"),
    ("S110", "a named error may be expected", [], "try:\n    a\nexcept OSError:\n    pass"),
    ("S110", "something is done", [], "try:\n    a\nexcept Exception:\n    b()"),
    ("S110", "another Exception", [], "from mine import Exception\ntry:\n    a\nexcept Exception:\n    pass"),
    ("B904", "no cause", [4], "try:\n    a\nexcept E:\n    raise F"),
    ("B904", "with a cause, or again", [],
     "try:\n    a\nexcept E as e:\n    if a: raise F from e\n    if b: raise e\n    raise"),
    ("B904", "inside branches and loops", [5, 7],
     "try:\n    a\nexcept E:\n    if a:\n        raise F\n    for b in c:\n        raise G"),
    ("B904", "inside a function it is another matter", [], "try:\n    a\nexcept E:\n    def f():\n        raise F"),
    ("B012", "leaving a finally block", [6],
     "def f():\n    try:\n        a\n    finally:\n        b\n        return 1"),
    ("B012", "a loop of its own may be left", [], "try:\n    a\nfinally:\n    for b in c:\n        break"),
    ("B012", "a return in that loop may not", [6],
     "def f():\n    try:\n        a\n    finally:\n        for b in c:\n            return 1"),
    ("B006", "displays and makers", [1, 2, 3], "def f(a=[]): ...\ndef g(*, a={}): ...\ndef h(a=dict()): ..."),
    ("B006", "imported makers", [2, 4],
     "from collections import OrderedDict as O\ndef f(a=O()): ...\nimport collections as c\ndef g(a=c.deque()): ..."),
    ("B006", "one's own list is unknown", [], "def list(): ...\ndef f(a=list()): ..."),
    ("B006", "the method called list starts to exist after its defaults", [2],
     "class A:\n    def list(self, a=list()): ..."),
    ("B006", "an annotation that promises no change", [],
     "from typing import Sequence\ndef f(a: Sequence[int] = []): ..."),
    ("B006", "optional and united promises", [],
     "import typing as t\ndef f(a: t.Optional[t.Mapping] = {}): ...\ndef g(a: tuple | None = []): ..."),
    ("B006", "an annotation that promises nothing", [1], "def f(a: list[int] = []): ..."),
    ("B006", "immutable values", [], "def f(a=(), b=None, c=0, d=frozenset()): ..."),
    ("S102", "the builtin", [1], "exec('a')"),
    ("S102", "by its module", [2], "import builtins\nbuiltins.exec('a')"),
    ("S102", "one's own exec, a method", [], "def exec(a): ...\nexec('a')\nself.exec('a')"),
    ("S102", "a later one does not count at module level", [1], "exec('a')\ndef exec(a): ..."),
    ("S102", "in a function a later one does", [], "def f():\n    exec('a')\ndef exec(a): ..."),
    ("S307", "the builtin", [1], "eval('1')"),
    ("S307", "a class's own name is not seen in its methods", [4],
     "class A:\n    def eval(self): ...\n    def f(self):\n        eval('1')"),
    ("S307", "a parameter", [], "def f(eval):\n    return eval('1')"),
    ("S307", "literal_eval", [], "import ast\nast.literal_eval('1')"),
    ("F403", "all names", [1, 2], "from os import *\nfrom . import *"),
    ("F403", "some names", [], "from os import path, sep as s"),
]  # fmt: skip


def _branches(number: int) -> str:
    return "def f(a):\n" + "".join(f"    if a == {n}: return {n}\n" for n in range(number))


CASES += [
    ("C901", "eleven", [1], _branches(10)),
    ("C901", "ten", [], _branches(9)),
    ("C901", "a last case that takes all is an else", [],
     "def f(a):\n    match a:\n" + "".join(f"        case {n}: ...\n" for n in range(9)) + "        case _: ..."),
    ("C901", "a last case with a guard is not", [1],
     "def f(a):\n    match a:\n" + "".join(f"        case {n}: ...\n" for n in range(9)) + "        case _ if a: ..."),
    ("C901", "handlers and the else of a try count", [1],
     "def f(a):\n    try: a\n" + "".join(f"    except E{n}: ...\n" for n in range(9)) + "    else: b"),
    ("C901", "functions inside count with what they hold", [1],
     "def f(a):\n    def g():\n" + "".join(f"        if {n}: ...\n" for n in range(9))),
]  # fmt: skip

NAMES = [f"{code} {why}" for code, why, _lines, _text in CASES]


@pytest.mark.parametrize(("code", "_why", "lines", "text"), CASES, ids=NAMES)
def test_a_rule_finds_what_it_is_for_and_nothing_near_it(code: str, _why: str, lines: list[int], text: str, find: Find) -> None:
    assert [finding.line for finding in find(text) if finding.code == code] == lines


def test_every_rule_has_a_source_that_breaks_it() -> None:
    assert {code for code, _why, lines, _text in CASES if lines} == {rule.code for rule in RULES}


def test_ruff_says_the_same_of_every_source_of_this_table(tmp_path: Path, find: Find) -> None:
    for number, (_code, _why, _lines, text) in enumerate(CASES):
        (tmp_path / f"case_{number:03}.py").write_text(text)
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or pytest.skip("ruff is not installed")
    codes = ",".join(rule.code for rule in RULES)
    command = [ruff, "check", "--isolated", "--no-cache", "--ignore-noqa", "--exit-zero", "--quiet",
               "--target-version", "py311", "--select", codes, "--output-format", "json", str(tmp_path)]  # fmt: skip
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs: dict[str, list[tuple[str, int]]] = {}
    for item in json.loads(answer.stdout):
        theirs.setdefault(Path(item["filename"]).stem, []).append((item["code"], item["location"]["row"]))
    for number, (_code, why, _lines, text) in enumerate(CASES):
        ours = sorted((finding.code, finding.line) for finding in find(text))
        assert ours == sorted(theirs.get(f"case_{number:03}", [])), why


def test_a_column_is_counted_in_characters(find: Find) -> None:
    assert [(f.line, f.column) for f in find("'\N{SNOWMAN}é', eval('1')")] == [(1, 7)]


def test_findings_come_by_line_then_column(find: Find) -> None:
    found = find("def f(a=[], b={}):\n    eval(a); exec(b)\n    return a == None\n")
    assert [(f.line, f.code) for f in found] == [(1, "B006"), (1, "B006"), (2, "S307"), (2, "S102"), (3, "E711")]


def test_a_source_nested_as_deep_as_the_parser_goes_is_walked(find: Find) -> None:
    chain = "x = " + " + ".join(["a"] * 900) + "\n"
    branches = "".join(f"{'if' if n == 0 else 'elif'} a == {n}:\n    b\n" for n in range(400))
    assert find(chain + branches + "eval('1')") != []
