"""An expression or a schema that cannot be read is named before anything is done."""

from __future__ import annotations

import pytest

from sprints import grammar
from sprints.errors import BadBacklog
from sprints.grammar import check_grammar
from tests.support.backlogs import item


@pytest.mark.parametrize(
    ("check", "key", "said"),
    [
        ({"expr": "[[["}, "tasks[1].check.expr", "no JMESPath expression"),
        ({"expr": "a ||", "equals": 1}, "tasks[1].check.expr", "no JMESPath expression"),
        ({"schema": {"type": 5}}, "tasks[1].check.schema", r"no JSON Schema: \$\.type"),
        ({"schema": {"properties": []}}, "tasks[1].check.schema", "no JSON Schema"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_key_and_place(check: dict[str, object], key: str, said: str) -> None:
    with pytest.raises(BadBacklog, match=said) as refused:
        check_grammar([item("a"), item("b", check=check)], lambda path: f"app.yaml:{len(path)}")
    assert (refused.value.key, refused.value.place) == (key, "app.yaml:4")
    assert "\n" not in str(refused.value)


def test_what_can_be_read_passes_and_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setitem(grammar._FAULTS, "expr", lambda what: asked.append(what))
    checks = [
        {"expr": "a.b"},
        {"expr": "a.b", "equals": 2},
        {"expr": "c"},
        {"schema": True},
        {"schema": {}},
        {"command": ["["]},
    ]
    check_grammar(item(f"t{at}", check=check) for at, check in enumerate(checks))
    check_grammar([item("none")])
    assert asked == ["a.b", "c"]
