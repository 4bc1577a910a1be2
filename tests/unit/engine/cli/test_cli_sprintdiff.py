"""Two sprints are compared figure by figure, and item by item where they ended otherwise."""

from __future__ import annotations

import json
from pathlib import Path

from engine.cli.sprintdiff import NAMED
from tests.support.bygone import kept
from tests.support.sprinting import document
from tests.unit.engine.cli.conftest import Sprint


def test_figures_are_pairs_and_items_that_ended_alike_are_left_out(sprint: Sprint, tmp_path: Path, archive: Path) -> None:
    one = document({"id": "a"}, {"id": "same"}, name="one")
    two = document({"id": "same"}, {"id": "bad"}, {"id": "b"}, name="two")
    first, second = kept(tmp_path, one, two, archive=archive)
    found = json.loads(sprint("diff", first, second, "--json")[1])
    assert (found["schema"], found["a"], found["b"]) == ("engine.sprint-diff/v1", first, second)
    assert found["items"] == {"a": ["done", None], "bad": [None, "failed"], "b": [None, "done"]}
    assert (found["figures"]["done"], found["figures"]["failed"]) == ([2, 2], [0, 1])
    lines = sprint("diff", first, second)[1].splitlines()
    assert lines[0] == f"A is {first}, B is {second}"
    assert next(line.split() for line in lines if line.startswith("failed")) == ["failed", "0", "1", "+1"]
    assert "  bad: not there in A, failed in B" in lines
    back = json.loads(sprint("diff", second, first, "--json")[1])
    assert back["figures"] == {name: [b, a] for name, (a, b) in found["figures"].items()}


def test_of_many_items_some_are_named_and_the_others_counted(sprint: Sprint, tmp_path: Path, archive: Path) -> None:
    many = document(*({"id": f"t{at}"} for at in range(NAMED + 3)), name="many")
    first, second = kept(tmp_path, document({"id": "a"}, name="one"), many, archive=archive)
    out = sprint("diff", first, second)[1]
    assert out.count("not there in") == NAMED
    assert out.endswith("  and 4 more\n")


def test_a_sprint_that_is_not_there_is_named(sprint: Sprint, tmp_path: Path, archive: Path) -> None:
    (first,) = kept(tmp_path, document({"id": "a"}), archive=archive)
    code, _, error = sprint("diff", first, "sp-20260101-009")
    assert (code, "sp-20260101-009" in error) == (2, True)
    assert sprint("diff", first)[0] == 2
