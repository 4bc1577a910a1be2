"""A storm's arguments, what it prints, and the faults that it can plant."""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from bench import __main__ as command
from bench import killstorm
from bench.moments import GROUPS
from checkpoints.failpoint import failpoint_of

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULT = {
    "lost": 0,
    "doubled": 0,
    "issued": 1_000,
    "answered": 990,
    "unread": 0,
    "unknown": 10,
    "errors": {"WorkerDied": 10},
    "tasks": {},
    "seconds": 5.5,
    "kills": {"worker": 7, "daemon": 2},
    "moments": {"commit.written": 3},
    "groups": {"write to sync": 3, "replay": 0},
    "alive": 0,
    "damage": "",
    "adds_up": True,
}


class Storm:
    """A storm that kills nobody and says what it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.result = dict(RESULT)
        self.asked: list[tuple[int, float, int]] = []
        self.due: list[str] = []
        self.plants: list[str | None] = []
        monkeypatch.setattr(killstorm, "_storm", self._run)
        monkeypatch.setattr(killstorm, "_home", self._home)

    def _run(self, _daemon: Any, due: list[str], seconds: float, _chance: Random, seed: int) -> dict[str, Any]:
        self.asked.append((len(due), seconds, seed))
        self.due = due
        return dict(self.result)

    @contextmanager
    def _home(self, plant: str | None) -> Iterator[None]:
        self.plants.append(plant)
        yield None


@pytest.fixture
def storm(monkeypatch: pytest.MonkeyPatch) -> Storm:
    return Storm(monkeypatch)


# -- arguments ---------------------------------------------------------------------------------------------------------


def test_it_is_a_verb_of_the_measurements(storm: Storm, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["killstorm", "--kills", "12", "--seconds", "6.5", "--seed", "7"]) == 0
    assert (storm.asked, storm.plants) == ([(12, 6.5, 7)], [None])
    assert "seed 7" in capsys.readouterr().err


def test_without_a_seed_one_is_drawn_and_told(storm: Storm, capsys: pytest.CaptureFixture[str]) -> None:
    killstorm.main([])
    killstorm.main([])
    assert [asked[:2] for asked in storm.asked] == [(300, 60.0)] * 2
    seeds = [asked[2] for asked in storm.asked]
    assert len(set(seeds)) == 2
    assert capsys.readouterr().err.split() == ["seed", str(seeds[0]), "seed", str(seeds[1])]


@pytest.mark.parametrize(
    "argv", [["--kills", "many"], ["--seconds", "x"], ["--plant", "nothing"], ["--seed", "x"], ["--only", "x"], ["more"]]
)
def test_what_was_asked_wrongly_ends_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        killstorm.main(argv)
    assert ended.value.code == 2
    assert argv[0] in capsys.readouterr().err


# -- what it says ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 0),
        ({"lost": 1}, 1),
        ({"doubled": 1}, 1),
        ({"adds_up": False}, 1),
        ({"damage": "x"}, 1),
        ({"unknown": 500, "answered": 500}, 0),
    ],
)
def test_it_ends_with_1_when_anything_does_not_add_up(
    storm: Storm, change: dict[str, Any], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    storm.result |= change
    assert killstorm.main(["--json"]) == code
    assert killstorm.main([]) == code
    assert capsys.readouterr().out


def test_json_is_one_object_a_line_and_the_first_is_the_figure(storm: Storm, capsys: pytest.CaptureFixture[str]) -> None:
    storm.result |= {"lost": 2, "doubled": 3}
    killstorm.main(["--json", "--plant", "no-dedupe"])
    figure, more = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert figure == {
        "workload": "killstorm",
        "metric": "lost_and_doubled",
        "value": 5,
        "unit": "adds",
        "raw": None,
        "ratio": None,
        "n": 12,
        "runs": 1,
    }
    assert more == storm.result | {"plant": "no-dedupe"}


def test_a_table_for_people_has_every_number(storm: Storm, capsys: pytest.CaptureFixture[str]) -> None:
    storm.result |= {"lost": 2, "doubled": 3, "adds_up": False}
    killstorm.main([])
    shown = " ".join(capsys.readouterr().out.split())  # a narrow terminal breaks lines
    for part in ("2 lost, 3 doubled of 1,000 adds", "worker", "7", "write to sync", "990 answered", "WorkerDied", "NO"):
        assert part in shown


# -- what it kills, and what it plants ---------------------------------------------------------------------------------


def test_a_storm_of_the_usual_length_kills_thirty_times_at_each_sort_of_moments() -> None:
    due = killstorm._schedule(300, Random(1))
    counted = Counter(due)
    assert len(due) == 300
    assert all(counted[group] >= 30 for group in GROUPS)
    assert all(counted[target] > 0 for target in (*killstorm.TARGETS, "stale"))


@pytest.mark.parametrize("kills", range(11, 40))
def test_a_short_storm_has_every_sort_once(kills: int) -> None:
    counted = Counter(killstorm._schedule(kills, Random(kills)))
    assert all(counted[target] > 0 for target in (*killstorm.TARGETS, "stale", *GROUPS))
    assert counted.total() == kills


def test_one_sort_alone_can_be_asked_for(storm: Storm) -> None:
    killstorm.main(["--only", "stale", "--kills", "3"])
    assert storm.due == ["stale"] * 3


def test_an_engine_in_a_storm_passes_moments_that_can_be_armed() -> None:
    with killstorm._home(None) as daemon:
        assert callable(failpoint_of(daemon.environ))
        assert daemon.environ["ENGINE_DURABILITY"] == "sync"
        assert daemon.environ["CHECKPOINTS_ARMED"].startswith(daemon.environ["ENGINE_HOME"])


def test_a_start_that_finds_damage_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(killstorm.time, "sleep", lambda _seconds: None)
    for said, tries in (("it is damaged at byte 5: so", killstorm.DAMAGED_TRIES + 1), ("killed", killstorm.TRIES)):
        tried: list[str] = []

        def start(said: str = said, tried: list[str] = tried) -> None:
            tried.append(said)
            raise OSError(said)

        with pytest.raises(OSError, match=said):
            killstorm._try(start)
        assert len(tried) == tries


def test_a_place_for_an_engine_is_gone_afterwards() -> None:
    with killstorm._home("no-dedupe") as daemon:
        home = daemon.environ["ENGINE_HOME"]
        assert daemon.environ["PYTHONPATH"].startswith(home)
        assert Path(home).is_dir()
        assert daemon.environ["CHECKPOINTS_DEATHS"].startswith(home)
    assert not Path(home).exists()


def test_nobody_is_killed_where_there_is_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    killed: list[Any] = []
    monkeypatch.setattr(killstorm, "_start", started.append)
    monkeypatch.setattr(os, "kill", lambda *facts: killed.append(facts))
    with killstorm._home(None) as daemon:
        assert not killstorm.Storm(daemon, Random(1))._kill("worker")
        assert (len(started), killed) == (1, [])


def test_a_lock_file_that_names_nobody_is_no_engine() -> None:
    with killstorm._home(None) as daemon:
        lock = Path(daemon.environ["ENGINE_HOME"]) / "run" / killstorm.NAME / "daemon.lock"
        lock.parent.mkdir(parents=True)
        for text in ("", "x", "99999999"):
            lock.write_text(text)
            assert killstorm._pid(daemon) is None
        lock.write_text(f"{os.getpid()}\n")
        assert killstorm._pid(daemon) == os.getpid()
        lock.unlink()  # else the end of this place would be ours
