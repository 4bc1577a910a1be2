"""The way to a node: the library for it is loaded late, is missed with a mend, and is never told to trust anybody."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cluster import reach
from engine.cluster.hostkeys import KnownHosts
from engine.errors import Unavailable, exit_code

ROOT = Path(__file__).resolve().parents[4]


def test_the_library_for_ssh_is_loaded_by_no_verb_that_asks_no_host() -> None:
    program = (
        "import sys; from engine.cli.main import main; assert main(['--version']) == 0; "
        "assert main(['cluster', '--help']) == 0; "
        "import engine.cluster.clusterfile, engine.cluster.fanout; assert not {'asyncssh', 'cryptography'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-P", "-c", program], check=True, timeout=60, capture_output=True, cwd=ROOT)


def test_without_the_extra_a_verb_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncssh", None)
    with pytest.raises(Unavailable, match=r"unavailable: .*pip install 'microagent-engine\[cluster\]'") as refused:
        reach.check_library()
    assert exit_code(refused.value) == 2


def keywords(tree: ast.AST, name: str) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == name:
            yield node.value


def test_no_source_turns_the_checking_of_host_keys_off() -> None:
    given = [
        value for file in (ROOT / "engine").rglob("*.py") for value in keywords(ast.parse(file.read_text()), "known_hosts")
    ]
    assert given
    assert not [value for value in given if isinstance(value, ast.Constant) and value.value is None]
    assert KnownHosts(()), "an empty value would mean the default file"
