"""The log hears of each sort of failure once a minute, with the user's own lines, and its own troubles harm nobody."""

from __future__ import annotations

from typing import Any

import pytest

from pools.agent import Agent
from pools.complaints import QUIET_S, SORTS, Complaints, say
from pools.errors import BadArgument, Failure
from pools.kind import Kind
from tests.support.clocks import Clock


class Sayer(Agent):
    total: int = 0

    def fail(self) -> None:
        raise ValueError("as told")

    def other(self) -> None:
        raise ValueError("as told")


class Silent(Agent):
    total: int = 0

    def fail(self) -> None:
        raise ValueError("as told")


KINDS = {made: Kind(made) for made in (Sayer, Silent)}


class Setup:
    """Complaints with a clock by hand."""

    def __init__(self, now_ns: int = 1_000_000_000) -> None:
        self.clock = Clock(now_ns)
        self.complaints = Complaints(self.clock.ns)

    def fail(self, made: type[Agent] = Sayer, method: str = "fail", error: type[BaseException] | None = None) -> Failure:
        kind = KINDS[made]
        try:
            kind.methods[method].function(kind.make(1))
        except ValueError as caught:
            told = caught if error is None else error("as told")
            return self.complaints.failure(kind, kind.methods[method], told)
        raise AssertionError("it did not fail")


def test_a_failure_is_told_with_the_lines_of_the_users_own_code(capfd: pytest.CaptureFixture[str]) -> None:
    assert Setup().fail() == Failure("ValueError", "as told")
    shown = capfd.readouterr().err
    assert shown.startswith("sayer.fail failed (told once a minute):\n")
    assert 'raise ValueError("as told")' in shown
    assert shown.endswith("ValueError: as told\n")


def test_the_engines_own_lines_are_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    from tests.support.rigs import Rig

    Rig(Sayer).run("sayer", (1, "fail"))
    shown = capfd.readouterr().err
    assert shown.count("File ") == 1
    assert "test_complaints.py" in shown


@pytest.mark.parametrize("now_ns", [0, 1_000_000_000, 10**18])
def test_a_sort_is_told_once_a_minute_and_answered_each_time(now_ns: int, capfd: pytest.CaptureFixture[str]) -> None:
    setup = Setup(now_ns)
    for passed_s, times in ((0, 1), (QUIET_S - 1, 0), (1, 1), (1, 0), (QUIET_S, 1)):
        setup.clock.pass_s(passed_s)
        assert [setup.fail(), setup.fail()] == [Failure("ValueError", "as told")] * 2
        assert capfd.readouterr().err.count("sayer.fail failed") == times


def test_each_method_kind_and_type_of_error_is_a_sort_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    setup = Setup()
    for _ in range(2):
        setup.fail()
        setup.fail(method="other")
        setup.fail(Silent)
        setup.fail(error=KeyError)
    assert capfd.readouterr().err.count("told once a minute") == 4


def test_the_engines_own_errors_are_answered_and_not_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert Setup().fail(error=BadArgument) == Failure("BadArgument", "as told")
    assert capfd.readouterr().err == ""


def test_a_task_without_a_method_can_be_told_too(capfd: pytest.CaptureFixture[str]) -> None:
    Setup().complaints.failure(KINDS[Sayer], None, ValueError("as told"))
    assert capfd.readouterr().err == "sayer.? failed (told once a minute):\nValueError: as told\n"


def test_the_sorts_that_are_remembered_are_bounded(capfd: pytest.CaptureFixture[str]) -> None:
    setup = Setup()
    for number in range(2 * SORTS):
        setup.fail(error=type(f"Error{number}", (Exception,), {}))
        assert len(setup.complaints._told) <= SORTS
    assert capfd.readouterr().err.count("told once a minute") == 2 * SORTS


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), ValueError("I/O operation on closed file")])
def test_a_log_that_cannot_be_written_to_harms_nobody(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def write(self, _text: str) -> int:
            raise error

        def flush(self) -> None: ...

    monkeypatch.setattr("sys.stderr", Broken())
    say("a line")
    assert Setup().fail() == Failure("ValueError", "as told")


def test_an_error_without_a_text_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def unspeakable(_text: str) -> Any:
        return Unspeakable()

    assert Setup().fail(error=unspeakable).type == "Unspeakable"  # type: ignore[arg-type]
    assert "Unspeakable: (its text cannot be shown: RuntimeError)" in capfd.readouterr().err
