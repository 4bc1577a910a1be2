"""An error is one line, or one JSON object, and a code."""

from __future__ import annotations

import errno
import json
import os

import pytest

from engine import errors
from engine.cli.failure import report
from engine.cli.misuse import Misuse


def said(
    error: Exception, capsys: pytest.CaptureFixture[str], *, is_json: bool = False, is_debug: bool = False
) -> tuple[int, str]:
    code = report(error, is_json=is_json, is_debug=is_debug)
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Misuse("what"), 2),
        (errors.ConfigError("is bad", key="pools.p1.cpu"), 2),
        (errors.UnknownAgent("no agent"), 2),
        (errors.TaskFailed(errors.Failure("ValueError", "as told")), 1),
        (errors.NotRunning("none runs"), 3),
        (errors.StartFailed("its log is there"), 4),
        (errors.FolderInUse("data/p1/0", 7), 3),
        (errors.NewerFormat("data/p1/0/00000001.log", 9, 1), 4),
    ],
)
def test_an_error_is_one_line_and_its_code(error: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(error, capsys) == (code, f"engine: {error}\n")


def test_a_message_of_many_lines_from_an_agent_is_one_line_without_commands(capsys: pytest.CaptureFixture[str]) -> None:
    error = errors.TaskFailed(errors.Failure("ValueError", "one\ntwo\x1b[2J"))
    assert said(error, capsys)[1] == "engine: ValueError: one two\n"


def test_the_note_of_an_error_says_what_it_was_about(capsys: pytest.CaptureFixture[str]) -> None:
    error = errors.UnknownMethod("it has add, get")
    error.add_note("counter/1 nope")
    assert said(error, capsys)[1] == "engine: counter/1 nope: it has add, get\n"


def test_a_kind_that_does_not_load_shows_the_traceback_of_its_own_code(capsys: pytest.CaptureFixture[str]) -> None:
    error = errors.KindNotLoaded("x.py could not be imported", "Traceback (most recent call last):\n  File x.py\nValueError\n")
    code, text = said(error, capsys)
    assert code == 2
    assert text.splitlines()[0] == "Traceback (most recent call last):"
    assert text.splitlines()[-1] == "engine: x.py could not be imported"


def test_json_carries_the_type_the_message_the_code_and_when_to_try_again(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(errors.MailboxFull("full"), capsys, is_json=True)
    assert json.loads(text) == {
        "schema": "engine.error/v1",
        "exit_code": code,
        "error": {"type": "MailboxFull", "message": "full", "retry_after_s": 0.1},
    }


def test_json_of_a_failed_task_names_what_the_agent_raised(capsys: pytest.CaptureFixture[str]) -> None:
    _, text = said(errors.TaskFailed(errors.Failure("ValueError", "as told")), capsys, is_json=True)
    assert json.loads(text)["error"] == {"type": "ValueError", "message": "as told"}


@pytest.mark.parametrize(
    ("number", "code", "mend"),
    [
        (errno.EACCES, 2, "; take a place that is yours"),
        (errno.ENOENT, 2, "; see how it is written"),
        (errno.ENOTDIR, 2, "; a part of this path is a file"),
        (errno.EROFS, 2, "; take a place that can be written"),
        (errno.ENAMETOOLONG, 2, ""),
        (errno.ENOSPC, 3, "; make room, then try again"),
        (errno.EMFILE, 3, "; see: engine doctor"),
        (errno.EIO, 4, ""),
    ],
)
def test_a_refusal_of_the_system_names_the_file_and_what_to_do(
    number: int, code: int, mend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, line = said(OSError(number, os.strerror(number), "/x/y"), capsys)
    assert found == code
    assert line.startswith(f"engine: /x/y: {os.strerror(number)}{mend}")
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "mend"),
    [
        (errors.Corrupt("00000001.log", 80, "it is torn"), 4, "engine checkpoints verify"),
        (errors.ReadFailed("00000001.log", OSError(5, "Input/output error")), 4, "try again"),
        (errors.StoreFailed("00000001.log", "a sync failed"), 4, "start the engine again"),
        (errors.DiskFull("00000001.log", OSError(28, "No space left on device")), 3, "make room"),
    ],
)
def test_an_error_of_a_store_names_its_file_and_what_to_do(
    error: Exception, code: int, mend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, line = said(error, capsys)
    assert (found, line.count("\n")) == (code, 1)
    assert line.startswith(f"engine: {error}; ")
    assert mend in line


def test_json_of_a_damaged_file_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    _, text = said(errors.Corrupt("00000001.log", 80, "it is torn"), capsys, is_json=True)
    assert json.loads(text)["error"] == {
        "type": "Corrupt",
        "message": "00000001.log is damaged at byte 80: it is torn",
        "file": "00000001.log",
        "offset": 80,
    }


def test_an_error_of_ours_is_named_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(ZeroDivisionError("division by zero"), capsys)
    assert code == 4
    assert text.startswith("engine: internal error, ZeroDivisionError: division by zero")
    assert "--debug" in text


def test_json_of_an_instant_that_was_not_recorded_names_those_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(errors.NotRecorded("a gap", before_s=1.5, after_s=None), capsys, is_json=True)
    assert (code, json.loads(text)["error"]) == (
        2, {"type": "NotRecorded", "message": "a gap", "before_s": 1.5, "after_s": None},
    )  # fmt: skip
