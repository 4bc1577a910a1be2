"""What the section `log` may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import load
from engine.errors import ConfigError
from engine.logkeys import LogSpec


def read(folder: Path, text: str = "", **more: object) -> LogSpec:
    (folder / "pools.yaml").write_text(f"{text}\npools:\n  p1: {{agents: 10}}\n")
    environ = {name: str(value) for name, value in more.items() if name.isupper()}
    flags = {name.replace("__", "."): value for name, value in more.items() if not name.isupper()}
    return load(None, flags=flags, environ=environ, cwd=folder).log


def test_what_is_not_said_is_as_shipped(tmp_path: Path) -> None:
    assert read(tmp_path) == LogSpec("text", "info", 10 * 1024 * 1024, 4)


def test_a_flag_goes_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    text = "log: {format: json, level: debug, size: 1MiB, files: 2}"
    assert read(tmp_path, text) == LogSpec("json", "debug", 1024 * 1024, 2)
    assert read(tmp_path, text, ENGINE_LOG__LEVEL="error").level == "error"
    assert read(tmp_path, text, ENGINE_LOG__LEVEL="error", log__level="off").level == "off"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("log: {format: xml}", "is not text or json"),
        ("log: {level: warn}", "did you mean warning"),
        ("log: {size: 1KB}", "between 64KiB and 16GiB"),
        ("log: {files: 0}", "between 1 and 1,000"),
        ("log: {colour: red}", "a log has no such key"),
        ("log: json", "a mapping of its keys"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read(tmp_path, text)
    assert caught.value.line == 1


def test_a_variable_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ENGINE_LOG__LEVEL"):
        read(tmp_path, ENGINE_LOG__LEVLE="debug")
