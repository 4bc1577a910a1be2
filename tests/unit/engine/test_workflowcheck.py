"""What no engine would take is refused before anything is run, with its place."""

from __future__ import annotations

import datetime
import math
from typing import Any

import pytest

from engine.errors import BadWorkflow
from engine.workflowcheck import checked
from sprints.workflow import SCHEMA, read_workflow

STEP = {"id": "a", "kind": "k", "method": "m"}


def document(step: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"schema": SCHEMA, "name": "x", "steps": [{**STEP, **step}], **more}


@pytest.mark.parametrize(
    ("rows", "path", "said"),
    [
        (document({"priority": "urgent"}), "steps.0.priority", "low, normal, high or critical"),
        (document({"timeout_s": -1}), "steps.0.timeout_s", "a number of seconds"),
        (document({"timeout_s": math.nan}), "steps.0.timeout_s", "a number of seconds"),
        (document({"skills": 5}), "steps.0.skills", "texts"),
        (document({"skills": ["x"], "route": "broadcast"}), "steps.0.skills", "route workflow"),
        (document({"kind": "A b"}), "steps.0.kind", "cannot name a kind"),
        ({**document({}), "steps": [{"id": "a", "agent": "k/ x", "method": "m"}]}, "steps.0.agent", "cannot be an agent's key"),
        (document({"method": "m" * 300}), "steps.0.method", "200"),
        (document({"args": [datetime.date(2026, 11, 22)]}), "steps.0.args", "JSON"),
        (document({"args": [math.nan]}), "steps.0.args", "nan"),
        (document({"args": {1: 2}}), "steps.0.args", "key of type int"),
        (document({}, input={"x": datetime.date(2026, 11, 22)}), "input.x", "JSON"),
        (document({}, output=[10**40]), "output", "64 bits"),
        (document({}, agents={"A": 1}), "agents.A", "cannot name a kind"),
        (document({}, kinds={"k": "nonsense"}), "kinds.k", "module:Class"),
        (document({}, kinds={"k": "x.py:"}), "kinds.k", "module:Class"),
    ],
)
def test_what_cannot_be_sent_is_named_with_its_place(rows: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(BadWorkflow, match=said) as refused:
        checked(read_workflow(rows))
    assert refused.value.path == path


def test_what_can_be_is_left_as_it_is() -> None:
    rows = document({"priority": "high", "timeout_s": 3, "skills": ["x"], "args": ["${input.x}"]}, input={"x": [1]})
    workflow = read_workflow(rows | {"kinds": {"k": "m:K"}, "agents": {"k": 2}})
    assert checked(workflow) is workflow
