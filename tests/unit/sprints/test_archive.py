"""The folder of the sprints: ids in their order, files by name, ledgers as far as they are right."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from checkpoints.files import Disk
from sprints.archive import MARKDOWN, NEWEST, Archive
from sprints.errors import LedgerCorrupt, SprintBusy, UnknownSprint
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


def test_an_id_is_given_once_whatever_was_removed_since(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    for name in [archive.make(NOON_S, {"name": "app"}) for _ in range(3)]:
        shutil.rmtree(tmp_path / name)
    assert archive.make(NOON_S, {"name": "app"}) == "sp-20261121-004"
    assert archive.make(NOON_S - 86_400.0 * 3, {"name": "app"}) == "sp-20261121-005"  # the clock was set back, too
    assert archive.make(NOON_S + 86_400.0, {"name": "app"}) == "sp-20261122-001"


def test_an_id_under_which_others_know_something_is_not_given(tmp_path: Path) -> None:
    known = {"sp-20261121-001", "sp-20261121-002"}
    assert Archive(str(tmp_path / "new")).make(NOON_S, {"name": "app"}, known.__contains__) == "sp-20261121-003"


@pytest.mark.parametrize("said", [b"", b"\xff\x00", b"sp-99999999-001", b"../x"])
def test_what_says_no_id_takes_none_away(tmp_path: Path, said: bytes) -> None:
    (tmp_path / NEWEST).write_bytes(said)
    assert Archive(str(tmp_path)).make(NOON_S, {"name": "app"}) == "sp-20261121-001"


def test_many_who_make_sprints_at_once_get_an_id_each(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        given = list(threads.map(lambda at: Archive(str(tmp_path)).make(NOON_S, {"name": f"app{at}"}), range(40)))
    assert sorted(given) == [f"sp-20261121-{at:03d}" for at in range(1, 41)]
    assert {archive_name(tmp_path, sprint) for sprint in given} == {f"app{at}" for at in range(40)}


def archive_name(folder: Path, sprint: str) -> str:
    """The name of a sprint's backlog, as its file says."""
    return str(Archive(str(folder)).backlog(sprint)["name"])


def test_one_at_a_time_claims_a_backlog_and_who_comes_second_is_told_the_sprint(tmp_path: Path) -> None:
    archive, sprint = made(tmp_path, name="a/b")
    claim = archive.claim("a/b")
    other = Archive(str(tmp_path))
    with pytest.raises(SprintBusy, match=sprint) as refused:
        other.claim("a/b")
    assert refused.value.sprint == sprint
    other.claim("other").close()
    claim.close()
    second = other.claim("a/b")
    with pytest.raises(SprintBusy):
        archive.claim("a/b")
    second.close()
    first = archive.claim("new")
    with pytest.raises(SprintBusy, match="another process"):
        other.claim("new")
    first.close()
