"""Sprints are worth what their receipts say: whole features once for each backlog, as they are stamped and as they are kept."""

from __future__ import annotations

from typing import Any

from engine.harvest import Harvest
from sprints.chronicle import Chronicle, chronicle_of
from sprints.errors import UnknownSprint


class Archive:
    """Sprints that are kept, by id; one of which nothing can be read."""

    def __init__(self, **kept: Chronicle) -> None:
        self._kept: dict[str, Chronicle] = kept

    def ids(self) -> list[str]:
        return [*self._kept, "broken"]

    def chronicle(self, sprint: str) -> Chronicle:
        if sprint not in self._kept:
            raise UnknownSprint(sprint)
        return self._kept[sprint]


def told(sprint: str, backlog: str = "app", *receipts: dict[str, Any], **planned: Any) -> Chronicle:
    header = {"e": "sprint", "s": 0.0, "id": sprint, "backlog": backlog, **planned}
    return chronicle_of([header, *(receipt(at, **facts) for at, facts in enumerate(receipts))])


def receipt(at: int, **facts: Any) -> dict[str, Any]:
    return {"e": "receipt", "s": 1.0, "item": f"i{at}", "role": "r", "verdict": "done", **facts}


def test_nothing_is_known_before_all_were_read_and_where_there_was_none() -> None:
    harvest = Harvest(Archive())  # type: ignore[arg-type]
    assert harvest.worth() is None
    harvest.follow(told("a"))
    assert harvest.worth() is None, "there may be more on the disk"
    harvest.read()
    assert harvest.worth() == {"features": 0, "tests": 0, "bugs_fixed": 0, "code_lines": 0}
    empty = Harvest(Archive())  # type: ignore[arg-type]
    empty.read()
    assert empty.worth() is None


def test_sprints_of_one_backlog_have_a_feature_once() -> None:
    login = {"feature": "login", "effects": {"tests": 2, "lines": 5}}
    kept = {
        "a": told("a", "app", login, login, features={"login": 2}),
        "b": told("b", "app", login, {"bug": "b1"}, features={"login": 1}, bugs={"b1": 1}),
        "c": told("c", "other", login, features={"login": 1}),
    }
    harvest = Harvest(Archive(**kept))  # type: ignore[arg-type]
    harvest.read()
    assert harvest.worth() == {"features": 2, "tests": 8, "bugs_fixed": 1, "code_lines": 20}


def test_what_runs_is_followed_receipt_by_receipt_and_counts_once_though_it_is_kept_too() -> None:
    running = told("a", "app", features={"login": 2})
    harvest = Harvest(Archive(a=told("a", "app", {"feature": "login"}, features={"login": 2})))  # type: ignore[arg-type]
    harvest.follow(running)
    harvest.read()
    seen = []
    for at, facts in enumerate(({"feature": "login"}, {"feature": "login", "verdict": "failed"}, {"feature": "login"})):
        running.take(receipt(at, effects={"tests": 1}, **facts))
        harvest.follow(running)
        harvest.follow(running)
        worth = harvest.worth()
        assert worth is not None
        seen.append((worth["features"], worth["tests"]))
    assert seen == [(0, 1), (0, 1), (1, 2)]


def test_a_sprint_that_goes_on_from_its_ledger_is_counted_anew() -> None:
    harvest = Harvest(Archive())  # type: ignore[arg-type]
    harvest.read()
    harvest.follow(told("a", "app", {"effects": {"tests": 1}}))
    harvest.follow(told("a", "app", {"effects": {"tests": 1}}, {"effects": {"tests": 1}}))
    worth = harvest.worth()
    assert worth is not None
    assert worth["tests"] == 2
