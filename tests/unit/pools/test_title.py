"""A process shows the words it was given as its command line, in the room that it has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SHOWN = """\
from pools.title import entitle
entitle(*{words!r})
print(open("/proc/self/cmdline", "rb").read())
print(open("/proc/self/environ", "rb").read()[:9])
"""


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["a worker"], b"a worker"),
        (["python", "-m", "pools.worker"], b"python\0-m\0pools.worker"),
        (["é"], "é".encode()),
        ([""], b""),
    ],
)
def test_the_words_are_the_command_line(words: list[str], shown: bytes) -> None:
    said = _said(words)
    assert said.rstrip(b"\0") == shown


def test_words_longer_than_there_is_room_are_cut_and_end_the_command_line() -> None:
    said = _said(["w" * 100_000])
    assert said.rstrip(b"\0") == b"w" * (len(said) - 1)
    assert said.endswith(b"\0")


def _said(words: list[str]) -> bytes:
    code = SHOWN.format(words=words) if len(words[0]) < 1_000 else SHOWN.replace("{words!r}", "('w' * 100_000,)")
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=ROOT,
        env={"FIRST": "abc", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    line, environ = done.stdout.decode().splitlines()
    assert environ == str(b"FIRST=abc")
    shown = line[2:-1].encode().decode("unicode_escape").encode("latin-1")
    assert isinstance(shown, bytes)
    return shown


def test_a_kernel_that_forbids_it_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from pools import title

    def forbidden(*_arguments: object, **_named: object) -> None:
        raise PermissionError(13, "not here")

    before = Path("/proc/self/cmdline").read_bytes()
    monkeypatch.setattr(title, "open", forbidden, raising=False)
    title.entitle("something", "else")
    assert Path("/proc/self/cmdline").read_bytes() == before
