"""Rows are lines, or one document that is whole whatever came, and holds what the lines hold."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.listing import Listing

ROWS = st.lists(st.lists(st.dictionaries(st.text(max_size=5), st.text() | st.integers(-9, 9) | st.none(), max_size=3)))


def lines(rows: list[dict[str, object]]) -> bytes:
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


@given(batches=ROWS)
def test_a_document_has_the_rows_of_all_batches_then_what_else_is_said(batches: list[list[dict[str, object]]]) -> None:
    listing = Listing("json", "engine.run/v1", "results")
    text = b"".join(bytes(listing.part(lines(batch))) for batch in batches) + listing.end({"done": 2, "name": "中"})
    assert text.endswith(b"}\n")
    assert text.count(b"\n") == 1
    rows = [row for batch in batches for row in batch]
    assert json.loads(text) == {"schema": "engine.run/v1", "results": rows, "done": 2, "name": "中"}


def test_a_document_may_have_nothing_beside_its_rows() -> None:
    assert json.loads(Listing("json", "s/v1", "rows").end({})) == {"schema": "s/v1", "rows": []}


@pytest.mark.parametrize("form", ["table", "ndjson"])
def test_in_the_other_forms_rows_leave_as_they_are(form: str) -> None:
    listing = Listing(form, "s/v1", "rows")
    assert (listing.part(b'{"a":1}\n{"b":2}\n'), listing.end({"sum": 2})) == (b'{"a":1}\n{"b":2}\n', b"")
