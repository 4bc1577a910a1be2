"""What is found in a module and what runs now make a plan, or a refusal that says what to do."""

from __future__ import annotations

from typing import Any

import pytest

from pools.code import Code
from pools.errors import DeployRefused
from pools.plan import Plan, plan_of
from pools.repertoire import Repertoire


def facts(kind: str, fields: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    known = {"kind": kind, "reference": f"shop:{kind.title()}", "methods": {}, "skills": [], "mark": "1"}
    return known | {"fields": fields or {"total": "an int"}, "has_upgrade": False, "downgraded": None} | more


def known(*kinds: str) -> Repertoire:
    repertoire = Repertoire([f"shop:{kind.title()}" for kind in kinds], [])
    for kind in kinds:
        repertoire.first[repertoire.learn(facts(kind))] = f"shop:{kind.title()}"
    return repertoire


def plan(found: list[dict[str, Any]], repertoire: Repertoire, wanted: str | None = None, **more: Any) -> Plan:
    return plan_of("shop", wanted, found, repertoire, Code(), **({"is_one_way": False, "path": "/two"} | more))


def test_a_plan_has_the_code_that_follows_and_the_kinds_as_they_are_and_will_be() -> None:
    made = plan([facts("till", mark="2"), facts("desk")], known("till"))
    assert (made.code.number, made.code.first, made.code.marks) == (2, ["/two"], {"till": "2", "desk": "1"})
    assert made.code.references(["shop:Till"]) == ["shop:Till", "shop:Desk"]
    assert (made.before["till"]["mark"], made.facts["till"]["mark"], dict(made.back)) == ("1", "2", {})


@pytest.mark.parametrize("wanted", ["till", "Till"])
def test_only_the_kind_that_is_named_is_deployed(wanted: str) -> None:
    made = plan([facts("till"), facts("desk")], known("till", "desk"), wanted)
    assert list(made.facts) == ["till"]


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        ([facts("till")], "lamp", "no kind 'lamp'; it has: till"),
        ([facts("till")], None, "no kind desk any more"),
        ([facts("till", {"cents": "an int"}), facts("desk")], None, r"till: its fields change \(cents, total\)"),
        ([facts("till", {"total": "a text"}), facts("desk")], None, "total keeps its name and changes its type"),
        (
            [facts("till", {"cents": "an int"}, has_upgrade=True, downgraded=["sum"]), facts("desk")],
            None,
            "downgrade gives sum, the old code has total",
        ),
    ],
)
def test_what_would_leave_agents_without_a_class_or_states_without_a_reader_is_refused(
    found: list[dict[str, Any]], wanted: str | None, said: str
) -> None:
    with pytest.raises(DeployRefused, match=said):
        plan(found, known("till", "desk"), wanted)


def test_a_module_of_none_of_the_kinds_that_run_is_refused() -> None:
    with pytest.raises(DeployRefused, match=r"none of the kinds that are loaded \(till\)"):
        plan_of("lamps", None, [facts("lamp")], known("till"), Code(), is_one_way=False, path=None)


def test_fields_that_change_have_a_way_back_where_the_class_has_one_and_need_none_one_way() -> None:
    wide = facts("till", {"cents": "an int"}, has_upgrade=True, downgraded=["total"])
    assert dict(plan([wide], known("till")).back) == {"till": ["total"]}
    assert dict(plan([facts("till", {"cents": "an int"})], known("till"), is_one_way=True).back) == {}


def test_what_is_kept_of_a_plan_is_enough_to_go_back() -> None:
    wide = facts("till", {"cents": "an int"}, has_upgrade=True, downgraded=["total"])
    made = plan([wide], known("till"))
    again = Plan.of_row(made.as_row(), made.code)
    assert (again.module, again.back, again.is_one_way, again.code) == ("shop", made.back, False, made.code)
    assert made.opening(7.0)["kinds"] == ["till"]
