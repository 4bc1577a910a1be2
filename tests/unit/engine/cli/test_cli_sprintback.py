"""The release before is current again, without an engine, and both ledgers tell of it."""

from __future__ import annotations

import json
from pathlib import Path

from checkpoints.files import Disk
from sprints.archive import Archive
from tests.support.bygone import kept
from tests.support.sprinting import document
from tests.unit.engine.cli.conftest import Sprint


def current(folder: Path) -> str:
    """The release that counts."""
    return (folder / "releases" / "current").readlink().name


def test_back_and_forth_and_what_cannot_be_is_refused(sprint: Sprint, tmp_path: Path, archive: Path) -> None:
    assert "no sprint has shipped yet" in sprint("rollback")[2]
    rows = [document({"id": name, "artifacts": [name]}, name=name) for name in ("one", "two")]
    first, second = kept(tmp_path, *rows, archive=archive)
    assert current(tmp_path) == f"0002-{second}"
    code, out, _ = sprint("rollback")
    assert code == 0
    assert out.startswith(f"0001-{first} is current again, 0002-{second} no more, in ")
    assert current(tmp_path) == f"0001-{first}"
    assert [Archive(str(archive)).chronicle(each).rolled_back for each in (first, second)] == [None, f"0001-{first}"]
    code, _, error = sprint("rollback")
    assert (code, "is the first release" in error) == (2, True)
    told = json.loads(sprint("rollback", second, "--json")[1])
    assert (told["schema"], told["from"], told["to"]) == ("engine.sprint/v1", f"0001-{first}", f"0002-{second}")
    assert current(tmp_path) == f"0002-{second}"
    assert sprint("verify")[0] == 0


def test_a_sprint_that_shipped_nothing_has_nothing_to_go_back_to(sprint: Sprint, tmp_path: Path, archive: Path) -> None:
    first, *_ = kept(tmp_path, document({"id": "bad"}), archive=archive)
    code, _, error = sprint("rollback", first)
    assert (code, f"{first} has shipped nothing" in error) == (2, True)


def test_a_ledger_that_cannot_be_written_keeps_no_release_from_going_back(
    sprint: Sprint, tmp_path: Path, archive: Path
) -> None:
    rows = [document({"id": name, "artifacts": [name]}, name=name) for name in ("one", "two")]
    first, second = kept(tmp_path, *rows, archive=archive)
    lock = Disk().lock(str(archive / second / "LOCK"))
    code, _, error = sprint("rollback")
    lock.close()
    assert (code, current(tmp_path)) == (0, f"0001-{first}")
    assert f"the ledger of {second} does not tell of it" in error
