"""A ledger is as it was written, or the line that is not is named, and the code says so."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.bygone import kept
from tests.support.sprinting import document
from tests.unit.engine.cli.conftest import Sprint


def test_all_are_looked_at_or_one_and_what_is_wrong_is_named_with_its_line(
    sprint: Sprint, tmp_path: Path, archive: Path
) -> None:
    assert sprint("verify") == (0, "there is no sprint yet\n", "")
    first, second = kept(tmp_path, *(document({"id": "a"}, name=name) for name in ("one", "two")), archive=archive)
    assert sprint("verify") == (0, f"{first}: as it was written\n{second}: as it was written\n", "")
    ledger = archive / first / "ledger.jsonl"
    whole = ledger.read_bytes()
    at = whole[: whole.index(b'"done"')].count(b"\n") + 1
    ledger.write_bytes(whole.replace(b'"done"', b'"dona"', 1))
    code, out, _ = sprint("verify")
    assert (code, f"{ledger}:{at}: " in out, f"{second}: as it was written" in out) == (1, True, True)
    assert sprint("verify", second)[0] == 0
    code, out, _ = sprint("verify", first, "--json")
    assert (code, json.loads(out)["schema"]) == (1, "engine.sprint-verify/v1")
    assert json.loads(out)["sprints"].keys() == {first}
    assert sprint("verify", "sp-20260101-001")[0] == 2
