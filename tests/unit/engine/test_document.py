"""A YAML file becomes texts with lines; everything else that YAML can do is refused at its line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.document import DEPTH, FILE_BYTES, Branch, Leaf, Row, read_document
from engine.errors import ConfigError


def written(tmp_path: Path, text: str | bytes) -> Path:
    file = tmp_path / "pools.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def refused(tmp_path: Path, text: str | bytes) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_document(written(tmp_path, text))
    assert caught.value.file == tmp_path / "pools.yaml"
    return caught.value


def test_every_value_keeps_its_text_and_every_key_its_line(tmp_path: Path) -> None:
    tree = read_document(written(tmp_path, "# first\na: 25%\n\nb:\n  c: no\n  d: [x, 'y z']\n"))
    assert tree.items["a"] == Leaf("25%", 2)
    assert tree.lines == {"a": 2, "b": 4}
    inner = tree.items["b"]
    assert isinstance(inner, Branch)
    assert inner.lines == {"c": 5, "d": 6}
    assert inner.items["c"] == Leaf("no", 5)
    assert inner.items["d"] == Row((Leaf("x", 6), Leaf("y z", 6)), 6)


@pytest.mark.parametrize("text", ["1:30", "0x10", "1e3", "yes", "2026-01-01", "010", "1_000", ".5"])
def test_what_yaml_would_turn_into_something_else_stays_text(tmp_path: Path, text: str) -> None:
    assert read_document(written(tmp_path, f"a: {text}")).items["a"] == Leaf(text, 1)


@pytest.mark.parametrize(
    ("text", "value"), [("~", None), ("null", None), ("", ""), ("'null'", "null"), ('""', ""), ("|\n  x", "x")]
)
def test_a_plain_null_is_told_from_a_quoted_one_and_from_nothing(tmp_path: Path, text: str, value: str | None) -> None:
    assert read_document(written(tmp_path, f"a: {text}")).items["a"] == Leaf(value, 1)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "~\n", "{}\n"])
def test_an_empty_file_is_an_empty_mapping(tmp_path: Path, text: str) -> None:
    assert read_document(written(tmp_path, text)).items == {}


def test_an_alias_is_the_value_that_its_anchor_names(tmp_path: Path) -> None:
    tree = read_document(written(tmp_path, "a: &one {x: 1}\nb: *one\n"))
    assert tree.items["a"] is tree.items["b"]


@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "a", "is there twice, first in line 1"),
        ("p:\n  q:\n    x: 1\n    x: 2\n", 4, "p.q.x", "is there twice, first in line 3"),
        ("a: &one\n  b: *one\n", 2, "a.b", r"\*one refers to itself"),
        ("a:\n  - *two\n", 2, "a[0]", r"\*two refers to nothing above it"),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "b", "is not read: write the value alone"),
        ("a: !!binary aGk=\n", 1, "a", "tag:yaml.org,2002:binary"),
        ("a: 1\n---\nb: 2\n", 2, "", "a second document begins here"),
        ("- a\n- b\n", 1, "", "not a mapping of keys"),
        ("just text\n", 1, "", "not a mapping of keys"),
        ("? [a, b]\n: c\n", 1, "", "a key must be a plain text"),
        ("a: 1\n  b: 2\n", 2, "", "not YAML"),
        ("a:\n\tb: 1\n", 2, "", "not YAML"),
        ("a: [1, 2\nb: 3\n", 2, "", "not YAML"),
        ("a: 'open\n", 2, "", "not YAML"),
        ("a: {b: 1\n", 2, "", "not YAML"),
    ],
)
def test_a_file_that_cannot_be_read_names_line_and_key(tmp_path: Path, text: str, line: int, key: str, said: str) -> None:
    error = refused(tmp_path, text)
    assert (error.line, error.key) == (line, key)
    with pytest.raises(ConfigError, match=said):
        raise error


def test_nesting_without_end_is_refused_before_it_can_hurt(tmp_path: Path) -> None:
    assert f"more than {DEPTH}" in str(refused(tmp_path, "a: " + "[" * 500_000))
    assert f"more than {DEPTH}" in str(refused(tmp_path, "a:\n" + "- " * 200_000 + "x"))


def test_aliases_that_multiply_are_read_in_linear_time(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 60)]
    tree = read_document(written(tmp_path, "\n".join(lines)))
    assert len(tree.items) == 60


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b"a: \xff", b"a: \x00"])
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, text: bytes) -> None:
    assert "not YAML" in str(refused(tmp_path, text))


def test_a_file_that_is_far_too_large_is_refused_unread(tmp_path: Path) -> None:
    assert "larger than" in str(refused(tmp_path, b"#" * (FILE_BYTES + 1)))


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_document(tmp_path / "pools.yaml")
    with pytest.raises(ConfigError, match="Is a directory"):
        read_document(tmp_path)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read every file")
def test_a_file_of_somebody_else_says_so(tmp_path: Path) -> None:
    file = written(tmp_path, "a: 1")
    file.chmod(0)
    with pytest.raises(ConfigError, match="Permission denied"):
        read_document(file)


TEXT_THAT_LOOKS_LIKE_YAML = st.text(alphabet=st.sampled_from(list("ab1:-[]{}&*!|>'\"#%@`,? \n\t~")), max_size=60)


@given(TEXT_THAT_LOOKS_LIKE_YAML | st.text(max_size=60))
def test_any_text_is_a_tree_or_a_config_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(text.encode(errors="surrogatepass"))
    try:
        assert isinstance(read_document(file), Branch)
    except ConfigError as error:
        assert error.file == file
