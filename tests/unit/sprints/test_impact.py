"""Each figure of a sprint is what its formula says, and none where there is nothing to compute it from."""

from __future__ import annotations

import orjson
import pytest

from sprints.impact import impact_of, patterns_of
from tests.support.ledgers import told_of

RECEIPTS = [
    {"verdict": "done", "ran_s": 10.0, "feature": "login", "effects": {"tests": 2, "lines": 30}, "artifacts": [{}, {}]},
    {"verdict": "done", "ran_s": 20.0, "feature": "login"},
    {"verdict": "done", "ran_s": 5.0, "bug": "b1"},
    {"verdict": "failed", "ran_s": 5.0, "feature": "search", "effects": {"tests": 9}, "artifacts": [{}]},
    {"verdict": "unproven", "ran_s": 0.0, "feature": "search"},
    {"verdict": "expired"},
]


def test_the_formulas_on_a_sprint_that_is_known() -> None:
    told = told_of(
        RECEIPTS,
        planned=[f"t{at}" for at in range(8)],
        carried={"the time was up": ["t6", "t7"]},
        exec_s=99.0,
        more=[{"e": "shipped", "s": 50.0, "release": "0001-x", "items": ["t0", "t1", "t2"]}],
        features={"login": 2, "search": 2},
        bugs={"b1": 1, "b2": 1},
    )
    impact = impact_of(told)
    assert (impact.done, impact.failed, impact.unproven, impact.expired, impact.carried) == (3, 1, 1, 1, 2)
    assert impact.velocity == pytest.approx(3 / (100 / 60))
    assert impact.defect_rate == pytest.approx(2 / 5)
    assert impact.quality == pytest.approx(3 / 5)
    assert impact.success == pytest.approx(3 / 8)
    assert impact.coverage == pytest.approx(1 / 2)
    assert impact.efficiency == pytest.approx(40 / (99 * 2))
    assert (impact.features, impact.bugs, impact.tests, impact.lines, impact.artifacts) == (1, 1, 2, 30, 2)
    assert orjson.loads(orjson.dumps(impact.row()))["efficiency"] == round(40 / 198, 6)


def test_what_cannot_be_known_is_none() -> None:
    impact = impact_of(told_of(exec_s=0.0))
    assert (impact.defect_rate, impact.quality, impact.success, impact.coverage, impact.efficiency) == (None,) * 5
    assert impact.velocity == 0.0


def test_a_pattern_is_what_was_seen_again_and_again_and_was_not_known() -> None:
    failed = [{"verdict": "failed", "role": "a", "method": "m", "error": {"type": "KeyError"}}] * 3
    mixed = [{"verdict": "done", "role": "a", "method": "m"}] * 5
    good = [{"verdict": "done", "role": "b", "method": "m"}] * 3
    few = [{"verdict": "done", "role": "c", "method": "m"}] * 2
    told = told_of([*failed, *mixed, *good, *few])
    found = {("failure", "a", "m", "KeyError"), ("success", "b", "m", "")}
    assert patterns_of(told.receipts) == found
    assert set(impact_of(told).patterns) == found
    impact = impact_of(told, known={("success", "b", "m", "")})
    assert (impact.learning, impact.patterns) == (1, (("failure", "a", "m", "KeyError"),))


def test_efficiency_is_at_most_one() -> None:
    assert impact_of(told_of([{"ran_s": 1e6}])).efficiency == 1.0


def test_agents_work_by_the_machines_clock_however_fast_the_sprint_goes() -> None:
    receipts = [{"ran_s": 1.0}] * 4
    assert impact_of(told_of(receipts, exec_s=100.0)).efficiency == 0.02
    assert impact_of(told_of(receipts, exec_s=100.0, speed=10.0)).efficiency == 0.2


def test_what_ended_by_an_error_adds_no_time_that_was_not_measured() -> None:
    error = {"verdict": "failed", "error": "ValueError: no", "ran_s": 50.0}
    impact = impact_of(told_of([{"ran_s": 10.0}, error], exec_s=100.0))
    assert (impact.ran_s, impact.efficiency) == (10.0, 0.05)


def test_a_feature_is_covered_once_something_of_it_is_shipped() -> None:
    receipts = [{"item": "a", "feature": "x"}, {"item": "b", "feature": "y"}, {"item": "c", "feature": "y"}]
    shipped = {"e": "shipped", "s": 9.0, "release": "0001-x", "items": ["a"], "left_out": {"b": "b is missing"}}
    facts = {"features": {"x": 1, "y": 2, "z": 1}}
    assert impact_of(told_of(receipts, **facts)).coverage == 0
    impact = impact_of(told_of(receipts, more=[shipped], **facts))
    assert (impact.coverage, impact.features) == (pytest.approx(1 / 3), 2)
