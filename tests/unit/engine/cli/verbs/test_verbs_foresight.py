"""`engine foresight` prints the report of a trial, for people and for programs."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

import pytest

from engine.cli.screen import Screen
from engine.cli.verbs import foresight
from engine.foreseen import Foreseen
from pools.spec import ForesightSpec
from tests.support.grounds import Plain


def report(*, is_on: bool = True, lift: bool = True) -> dict[str, Any]:
    made = Foreseen(ForesightSpec(is_on=is_on), Plain(), lambda: 0.0)
    trial = made.trial
    trial.judged, trial.risky, trial.helpless = 12_345, 1_100, 100
    trial.risks, trial.actions = {"high_error_rate": 1_100}, {"assign_to_specialist": 950}
    trial.ended(950, 19 if lift else 900, is_treated=True)
    trial.ended(50, 47, is_treated=False)
    trial.forecast(0.05, 1_000, 50)
    return made.report()


def test_a_lift_is_told_with_what_it_was_found_from() -> None:
    shown = foresight.lines(report(), Screen())
    assert shown == [
        "judged    12,345 tasks, 1,100 risky (from 70% on), 100 beyond help",
        "risks     1,100 high_error_rate",
        "done      950 assign_to_specialist",
        "treated   19 of 950 failed (2.0%)",
        "control   47 of 50 failed (94.0%), 5% of those that could be helped",
        f"lift      97.9%, p {report()['p']:.2g}",
        "error     0.0000 (of the forecasts, expected)",
        "waiting   0 of 0 failed behind what was run first, 0 of 0 failed behind what was not: no lift",
        "verdict   98% fewer failures among risky tasks",
    ]


def test_where_there_is_none_it_says_so() -> None:
    assert foresight.lines(report(lift=False), Screen())[-1] == "verdict   no lift"
    fresh = foresight.lines(Foreseen(ForesightSpec(), Plain(), lambda: 0.0).report(), Screen())
    assert fresh[1:] == [
        "risks     none",
        "done      none",
        "treated   0 of 0 failed",
        "control   0 of 0 failed, 5% of those that could be helped",
        "lift      not known",
        "error     nothing was forecast",
        "waiting   0 of 0 failed behind what was run first, 0 of 0 failed behind what was not: no lift",
        "verdict   no lift",
    ]


def test_foresight_that_is_off_is_told_to_be() -> None:
    assert foresight.lines(report(is_on=False), Screen()) == ["foresight is off (foresight.enabled in pools.yaml)"]


@pytest.mark.parametrize("is_json", [True, False])
def test_the_report_comes_from_the_engine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_json: bool
) -> None:
    asked = []

    def request(_options: Namespace, verb: str) -> dict[str, Any]:
        asked.append(verb)
        return report()

    monkeypatch.setattr(foresight, "request", request)
    options = Namespace(json=is_json, quiet=False, color=None, name=None, file=None, no_color=True)
    assert foresight.run(options) == 0
    out = capsys.readouterr().out
    assert asked == ["foresight"]
    if is_json:
        assert json.loads(out) == {"schema": "engine.foresight/v1", **report()}
    else:
        assert out.splitlines()[-1] == "verdict   98% fewer failures among risky tasks"
