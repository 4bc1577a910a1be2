"""The steps of a sprint on the line of its time."""

from __future__ import annotations

from engine.dashboard.gantt import Step, steps_of, waves_of
from tests.support.sources import SPRINTS, sprint


def test_of_a_sprint_that_runs_the_steps_to_come_stand_behind_those_that_were() -> None:
    steps = steps_of(SPRINTS[0])
    assert len(steps) == 16
    assert steps[5] == Step("Core Features", "exec", 212.0, 438.0, 384.0, is_begun=True)
    assert steps[6] == Step("Core Features", "test", 596.0, 596.0, 32.0, is_begun=False)
    assert steps[-1].until_s == 900.0


def test_of_one_that_is_over_only_what_was_is_shown() -> None:
    steps = steps_of(SPRINTS[1])
    assert all(step.is_begun for step in steps)
    assert steps[5].end_s - steps[5].begin_s == steps[5].planned_s + 60.0


def test_a_sprint_without_a_shape_has_no_steps() -> None:
    assert steps_of(sprint(1, waves=[], steps=[])) == []


def test_a_wave_goes_from_its_first_step_to_where_it_is() -> None:
    waves = waves_of(steps_of(SPRINTS[0]))
    assert [wave.wave for wave in waves] == ["Quick Wins", "Core Features", "Polish & Test", "Ship & Learn"]
    assert waves[0] == Step("Quick Wins", "", 0.0, 180.0, 180.0, is_begun=True)
    assert waves[1] == Step("Core Features", "exec", 180.0, 438.0, 480.0, is_begun=True)
    assert not waves[2].is_begun
