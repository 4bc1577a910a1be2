"""The folder of the sprints: ids in their order, files by name, ledgers as far as they are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkpoints.files import Disk
from sprints.archive import MARKDOWN, Archive
from sprints.errors import LedgerCorrupt, UnknownSprint
from sprints.ledger import open_ledger

NOON_S = 1_795_262_400.0


def made(folder: Path, *releases: str, name: str = "app", at_s: float = NOON_S) -> tuple[Archive, str]:
    """An archive with a sprint that shipped these."""
    archive = Archive(str(folder))
    sprint = archive.make(at_s, {"name": name})
    ledger = open_ledger(Disk(), archive.path(sprint), sprint, lambda: at_s, lambda _line: None)
    ledger.add("sprint", 0.0, id=sprint, backlog=name, campaign=sprint, agents=1)
    ledger.add("receipt", 1.0, item="a", verdict="done")
    for release in releases:
        ledger.add("shipped", 2.0, release=release, items=["a"])
    ledger.add("ended", 3.0, counts={})
    ledger.sync()
    ledger.close()
    return archive, sprint


def test_ids_are_in_the_order_of_the_sprints_and_nothing_else_is_one(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path / "none"))
    assert archive.ids() == []
    found = [made(tmp_path)[1] for _ in range(3)]
    (tmp_path / "backlog-x.json").touch()
    archive, _ = made(tmp_path, at_s=NOON_S - 86_400.0 * 3)  # a clock that was set back
    assert archive.ids() == [*found, "sp-20261121-004"]
    for unknown in ("sp-20261121-009", "../x", ""):
        with pytest.raises(UnknownSprint):
            archive.path(unknown)


def test_what_a_ledger_tells_and_to_whom_it_belongs(tmp_path: Path) -> None:
    archive, first = made(tmp_path, "0001-x")
    _, second = made(tmp_path, name="other")
    assert [archive.backlog_of(sprint) for sprint in (first, second)] == ["app", "other"]
    assert [told.id for told in archive.campaign(second)] == [second]
    (row,) = archive.rows(first)
    assert row["sprint"]["verdicts"] == {"done": 1}
    assert [event["e"] for event in archive.events(first)] == ["sprint", "receipt", "shipped", "ended"]
    assert not archive.has_report(first)
    archive.write(first, MARKDOWN, "# done\n")
    assert archive.has_report(first)


def test_a_damaged_ledger_is_named_and_none_of_it_is_taken_for_all_of_it(tmp_path: Path) -> None:
    archive, sprint = made(tmp_path)
    path = Path(archive.path(sprint, "ledger.jsonl"))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"done"', b'"lost"'))
    assert [event["e"] for event in archive.events(sprint)] == ["sprint"]
    assert (archive.chronicle(sprint).damage or "").startswith(f"{path}:2: ")
    with pytest.raises(LedgerCorrupt):
        archive.lines(sprint)
    path.write_bytes(whole[:-9])  # a death in the midst of a write is no damage
    assert archive.chronicle(sprint).damage is None
    assert len(archive.lines(sprint)) == 2
    path.write_bytes(whole.replace(b'"backlog":"app"', b'"backlog":"apq"'))
    assert archive.backlog_of(sprint) == "app"  # as the file beside it says


def test_a_sprint_without_a_ledger_has_no_events(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    sprint = archive.make(NOON_S, {"name": "app"})
    assert (list(archive.events(sprint)), archive.lines(sprint), archive.has_ledger(sprint)) == ([], [], False)
    assert archive.backlog_of(sprint) == "app"
