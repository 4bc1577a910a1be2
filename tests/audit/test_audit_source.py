"""Every way in which a file can fail to be Python is a fact, not an error."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from examples.audit.source import LARGEST_BYTES, Broken, Source, parse, read

CASES = [
    ("python 2", b"print 'hello'\n", "invalid-syntax"),
    ("null bytes", b"a = 1\0\n", "invalid-syntax"),
    ("an unknown encoding", b"# coding: martian\n", "undecodable"),
    ("bytes that are not the encoding", b"a = '\xe9'\n", "undecodable"),
    ("bytes that are not the encoding, after much that is", b"a = 1\n" * 5_000 + b"b = '\xff'\n", "undecodable"),
    ("brackets without end", b"(" * 300 + b")" * 300, "invalid-syntax"),
    ("minus signs without end", b"a = " + b"-" * 100_000 + b"1\n", "too-deep"),
]


@pytest.mark.parametrize(("_why", "data", "cause"), CASES, ids=[why for why, _data, _cause in CASES])
def test_what_is_no_python_is_said_to_be_broken_and_why(_why: str, data: bytes, cause: str) -> None:
    found = parse(data)
    assert isinstance(found, Broken)
    assert found.cause == cause
    assert found.detail
    assert "\n" not in found.detail


def test_a_syntax_error_is_placed() -> None:
    found = parse(b"a = 1\nb = = 2\n")
    assert isinstance(found, Broken)
    assert found.line == 2


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbfa = 1\n", b"# coding: latin-1\na = '\xe9'\n", b"a = 1\r\nb = 2\r"])
def test_empty_marked_and_encoded_files_are_python(data: bytes) -> None:
    assert isinstance(parse(data), Source)


def test_what_the_parser_warns_of_is_not_shown() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(parse(b"a = '\\d'\n"), Source)


def test_a_column_is_counted_in_characters_of_the_files_own_encoding() -> None:
    found = parse("# coding: latin-1\na = 'é', b\n".encode("latin-1"))
    assert isinstance(found, Source)
    assert found.column(2, len("a = 'é', ".encode())) == 10


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.py"
    with path.open("wb") as file:
        os.truncate(file.fileno(), LARGEST_BYTES + 1)
    found = read(path)
    assert isinstance(found, Broken)
    assert found.cause == "too-large"


def test_a_file_that_is_gone_is_unreadable(tmp_path: Path) -> None:
    found = read(tmp_path / "gone.py")
    assert found == Broken("unreadable", "No such file or directory")
