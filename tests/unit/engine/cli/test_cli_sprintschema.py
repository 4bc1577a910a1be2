"""The schema of backlogs is printed, and a backlog that is read fits it."""

from __future__ import annotations

import json

import jsonschema
import pytest

from tests.support.sprinting import document
from tests.unit.engine.cli.conftest import Sprint


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_it_is_json_that_judges_backlogs(sprint: Sprint, words: tuple[str, ...]) -> None:
    code, out, _ = sprint("schema", *words)
    assert code == 0
    schema = json.loads(out)
    jsonschema.validate(document({"id": "a"}), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document({"id": "a", "afer": []}), schema)
    assert sprint("schema", "x")[0] == 2
