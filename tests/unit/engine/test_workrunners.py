"""Another way to run workflows is found by its entry point, as a package that is installed has one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine.errors import BadWorkflow
from engine.workrunners import GROUP, runner_of
from sprints.workflowrun import WorkflowRun

MODULE = """\
from sprints.workflowrun import WorkflowRun

class Backwards(WorkflowRun):
    pass

class Stranger:
    pass
"""
POINTS = f"""\
[{GROUP}]
backwards = other_runners_of_a_test:Backwards
stranger = other_runners_of_a_test:Stranger
gone = other_runners_of_a_test:Gone
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with entry points, as pip leaves one behind."""
    info = tmp_path / "other_runners-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-runners\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    (tmp_path / "other_runners_of_a_test.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "other_runners_of_a_test", raising=False)


def test_without_a_name_it_is_the_usual_way() -> None:
    assert runner_of(None) is WorkflowRun


@pytest.mark.usefixtures("installed")
def test_a_class_is_found_by_its_name() -> None:
    found = runner_of("backwards")
    assert found.__name__ == "Backwards"
    assert issubclass(found, WorkflowRun)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "said"),
    [("nobody", "no runner 'nobody'.*backwards"), ("stranger", "no class of sprints"), ("gone", "cannot be loaded")],
)
def test_what_is_none_is_refused_with_the_reason(name: str, said: str) -> None:
    with pytest.raises(BadWorkflow, match=said):
        runner_of(name)
