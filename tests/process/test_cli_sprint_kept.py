"""What a sprint keeps to itself: its id, whatever is removed; and what is said where nothing is left, or nothing moves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import commands
from tests.support.yard import POOLS, Yard


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """A yard with one pool, which keeps its state on the disk."""
    with commands(tmp_path) as engine:
        (tmp_path / "pools.yaml").write_text(POOLS)
        yield Yard(engine)


@pytest.mark.parametrize("is_all", [False, True])
def test_a_sprint_whose_folder_was_removed_lends_its_id_and_its_answers_to_no_other(yard: Yard, is_all: bool) -> None:
    file = yard.write(*(yard.task(f"t{at}") for at in range(4)))
    (first,) = yard.run(file)
    assert first["verdicts"] == {"done": 4}
    shutil.rmtree(yard.archive if is_all else yard.archive / first["id"])
    (second,) = yard.run(file)
    assert second["id"] != first["id"]
    assert second["verdicts"] == {"done": 4}
    assert set(yard.diary("begin").values()) == {2}
    yard.sprint("verify")


def test_where_nothing_is_left_json_says_so(yard: Yard) -> None:
    file = yard.write(yard.task("a"))
    yard.run(file)
    (said,) = yard.run(file)
    assert said == {"schema": "engine.sprint/v1", "backlog": "app", "id": None, "state": "nothing left"}
    assert yard.sprint("run", file).stdout == "nothing of app is left to do\n"


def test_a_pause_is_seen_and_outlives_the_engine(yard: Yard) -> None:
    sprint = yard.begun(yard.write(yard.gated("a"), yard.task("b", "a")))
    yard.until(lambda: yard.diary("begin") or yard.events(sprint, "dispatched"))
    yard.sprint("pause")
    assert yard.engine.document("sprint", "ls")["sprints"][0]["state"] == "paused"
    assert f"{sprint} paused" in yard.sprint("show", sprint).stdout
    yard.kill()
    yard.until(lambda: yard.engine("sprint", "pause", sprint).returncode == 3)
    assert json.loads(yard.sprint("ls", "--json").stdout)["sprints"][0]["state"] == "stopped"
    yard.restart()
    (yard.folder / "gate").touch()
    yard.until(lambda: yard.events(sprint, "receipt"))
    assert yard.engine.document("sprint", "ls")["sprints"][0]["state"] == "paused"
    assert not yard.diary("begin")["b"]
    yard.sprint("resume")
    assert yard.over(sprint)["counts"]["done"] == 2
    yard.check_whole(sprint, 2)
