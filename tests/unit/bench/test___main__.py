"""`python -m bench`: what it takes, what it prints, how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bench import __main__ as command
from bench import results
from bench.workload import NAMES, UnknownWorkload, find_workload

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", NAMES)
def test_every_name_leads_to_a_workload_of_that_name(name: str) -> None:
    workload = find_workload(name)
    assert workload.name == name
    assert workload.metrics
    assert workload.runs > 0


def test_an_unknown_workload_is_refused_by_name() -> None:
    with pytest.raises(UnknownWorkload, match="no workload 'speed'; there are throughput"):
        find_workload("speed")


def test_json_is_one_object_a_line_and_quick_keeps_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    assert command.main(["startup", "--json", "--quick"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["metric"] for line in lines] == ["help", "import"]
    assert all(line["workload"] == "startup" for line in lines)
    assert list(tmp_path.iterdir()) == []


def test_a_table_is_printed_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["startup", "--quick"]) == 0
    assert "engine --help" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["throughptu"], "did you mean throughput?"),
        (["nonsense"], "there are throughput, latency"),
        (["wire", "--runs", "0"], "rounds are a whole number from 1, not '0'"),
        (["wire", "--runs", "many"], "rounds are a whole number from 1, not 'many'"),
    ],
)
def test_what_was_asked_wrongly_ends_with_2_and_says_why(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(argv)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_workload_that_could_not_be_measured_ends_with_1_and_the_others_still_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> object:
        if name == "idle":
            raise OSError("no engine here")
        return find_workload(name)

    monkeypatch.setattr(command, "find_workload", broken)
    assert command.main(["idle", "startup", "--json", "--quick"]) == 1
    seen = capsys.readouterr()
    assert "idle was not measured: OSError: no engine here" in seen.err
    assert '"metric":"help"' in seen.out
