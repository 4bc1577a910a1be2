"""What a release says it holds is read as it was written, and nothing else is."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sprints.errors import ManifestUnreadable
from sprints.manifest import Entry, Manifest

ENTRY = Entry("a/b.txt", "ab" * 32, 3, "t1", "sp-20261121-004", "cd" * 32)
WHOLE = Manifest("0002-sp-20261121-004", "sp-20261121-004", "0001-sp-20261121-003", 1.5, (ENTRY,))


def test_a_manifest_is_read_as_it_was_written() -> None:
    data = WHOLE.data()
    assert Manifest.read("m", data) == WHOLE
    assert data.decode().splitlines()[1] == '  "schema": "engine.release/v1",'
    assert len(WHOLE.sha256) == 64


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../b", "", "a\0"])
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    row = orjson.loads(WHOLE.data())
    row["files"][0]["path"] = path
    with pytest.raises(ManifestUnreadable):
        Manifest.read("m", orjson.dumps(row))


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "engine.release/v2"},
        {"files": 3},
        {"files": [{"path": "x"}]},
        {"files": [{**orjson.loads(WHOLE.data())["files"][0], "size_bytes": "3"}]},
    ],
)
def test_what_is_none_is_refused_with_its_file(change: dict[str, Any]) -> None:
    with pytest.raises(ManifestUnreadable, match="m/manifest"):
        Manifest.read("m/manifest.json", orjson.dumps(orjson.loads(WHOLE.data()) | change))
    for data in (b"", b"{", b"[]", b"3"):
        with pytest.raises(ManifestUnreadable):
            Manifest.read("m", data)
