"""The cells of the overview, from its document."""

from __future__ import annotations

import pytest

from engine.dashboard.figures import Figure, alerts, panels, performers
from tests.support.sources import OVERVIEW


def texts(document: object) -> dict[str, list[str]]:
    return {name: [figure.text for figure in figures] for name, figures in panels(document).items()}  # type: ignore[arg-type]


def test_without_a_document_every_cell_is_a_dash() -> None:
    assert texts(None) == {
        **dict.fromkeys(("agents", "tasks", "performance", "resources", "impact"), ["–"] * 4),
        "cost": ["–", "", "", "–"],
    }


def test_what_a_document_does_not_know_is_a_dash_too() -> None:
    unknown = {**OVERVIEW, "impact": dict.fromkeys(OVERVIEW["impact"]), "agents": {**OVERVIEW["agents"], "active": None}}
    assert texts(unknown)["impact"] == ["–"] * 4
    assert texts(unknown)["agents"] == ["1,247", "–", "42", "7"]


def test_more_providers_than_have_room_are_summed_and_the_dearest_are_named() -> None:
    providers = {"a": 0.01, "b": 0.5, "c": 0.02, "d": 0.4, "e": None}
    cost = panels({"cost": {"currency": "USD", "providers": providers, "total": 0.93}})["cost"]
    assert cost == [
        Figure("B", "$0.50"),
        Figure("D", "$0.40"),
        Figure("3 others", "$0.03"),
        Figure("Total", "$0.93", "bold"),
    ]


@pytest.mark.parametrize(("share", "tone"), [(None, ""), (0.5, ""), (0.8, "warning"), (0.99, "error")])
def test_a_resource_that_is_short_stands_out(share: float | None, tone: str) -> None:
    assert panels({"resources": {"cpu": share}})["resources"][0].tone == tone


def test_who_did_most_is_at_least_that_much_where_not_every_task_was_looked_at() -> None:
    assert performers(OVERVIEW) == [
        "frontend/342: 127 tasks (frontend)",
        "backend/17: ≥98 tasks (backend)",
        "tester/3: 1 task (tester)",
    ]
    assert performers(None) == ["–"]


def test_alerts_are_in_the_order_of_their_weight_with_a_sign_and_a_word() -> None:
    assert [(row.sign, row.word, row.text) for row in alerts(OVERVIEW)] == [
        ("✗", "ERROR", "Worker p1/2 is down: killed by signal 9"),
        ("⚠", "WARN", "Pool p3 at 89% capacity"),
        ("ℹ", "INFO", "Next sprint in 07:41"),
    ]
    assert alerts({"alerts": [{"level": "ok", "text": "All systems operational"}]})[0][:2] == ("✓", "OK")


def test_what_others_wrote_commands_no_terminal() -> None:
    document = {
        "top": [{"agent": "a/\x1b[2J", "kind": "a\x07", "done": 1}],
        "alerts": [{"level": "error", "text": "\x1b]0;x\x07bad"}],
    }
    assert performers(document) == ["a/: 1 task (a)"]
    assert alerts(document)[0].text == "bad"
