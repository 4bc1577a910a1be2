"""A `.env` file gives the engine's variables and nothing else, and runs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.dotenv import FILE_BYTES, read_dotenv
from engine.errors import ConfigError


def read(tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / ".env").write_text(text)
    return {name: variable.text for name, variable in read_dotenv(tmp_path / ".env").items()}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("ENGINE_A=1", "1"),
        ("export ENGINE_A=1", "1"),
        ("  ENGINE_A = 1  ", "1"),
        ("ENGINE_A=a b", "a b"),
        ("ENGINE_A=a # why", "a"),
        ("ENGINE_A=a#b", "a#b"),
        ("ENGINE_A='a # b'", "a # b"),
        ('ENGINE_A="a" # why', "a"),
        ("ENGINE_A=$HOME `id` $(id)", "$HOME `id` $(id)"),
        ("ENGINE_A=a=b", "a=b"),
        ("ENGINE_A=", ""),
    ],
)
def test_a_line_is_a_name_and_a_value(tmp_path: Path, line: str, value: str) -> None:
    assert read(tmp_path, line) == {"ENGINE_A": value}


def test_lines_of_other_programs_are_not_read_whatever_they_hold(tmp_path: Path) -> None:
    text = "# a comment\n\nSECRET='open\nnot a line at all\nPATH=/x\nENGINE_A=1\n"
    assert read(tmp_path, text) == {"ENGINE_A": "1"}


def test_the_last_of_two_lines_wins_and_knows_its_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ENGINE_A=1\n#\nENGINE_A=2\n")
    assert read_dotenv(tmp_path / ".env")["ENGINE_A"] == ("2", 3)


def test_no_file_is_no_variable(tmp_path: Path) -> None:
    assert read_dotenv(tmp_path / ".env") == {}
    (tmp_path / ".env").mkdir()
    assert read_dotenv(tmp_path / ".env") == {}


@pytest.mark.parametrize(
    ("line", "said"), [("ENGINE_A", "NAME=value"), ("ENGINE_A='x", "one quoted"), ('ENGINE_A="x" y', "one quoted")]
)
def test_a_broken_line_of_the_engine_names_file_and_line(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read(tmp_path, f"A=1\n{line}\n")
    assert (caught.value.file, caught.value.line, caught.value.key) == (tmp_path / ".env", 2, "ENGINE_A")


def test_a_file_that_is_far_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="larger than"):
        read(tmp_path, "#" * (FILE_BYTES + 1))


def test_bytes_that_are_no_text_do_not_break_the_lines_around_them(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"X=\xff\xfe\nENGINE_A=1\n")
    assert read_dotenv(tmp_path / ".env")["ENGINE_A"].text == "1"
