"""What is done goes into a release under its receipt; a release that is late is given up before it counts."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from sprints import shipper as module
from sprints.errors import HookFailed, ReleaseLate
from sprints.hook import Hook
from sprints.place import PlaceDisk
from sprints.release import Releases
from sprints.shipper import GIVEN_UP_AT, Shipper

SPRINT = "sp-20261121-001"


def shipper_in(folder: Path, *hooks: Hook) -> Shipper:
    """One of a sprint with two items that are done, and one that is not."""
    (folder / "work").mkdir(exist_ok=True)
    made = Shipper(SPRINT, Releases(PlaceDisk(), str(folder / "releases"), time.time), str(folder / "work"), hooks)
    for item in ("a", "b"):
        (folder / "work" / item).write_text(item)
        sha256 = hashlib.sha256(item.encode()).hexdigest()
        facts = {"path": item, "sha256": sha256, "size_bytes": 1}
        made.take(item, [facts], f"{item}-digest")
    return made


def test_what_is_done_is_shipped_and_what_changed_since_is_left_out(tmp_path: Path) -> None:
    made = shipper_in(tmp_path)
    (tmp_path / "work" / "b").write_text("B")
    shipment = made.ship(["a", "b", "c"], 10.0)
    assert shipment.items == ("a", "c")  # c has no artifact that counts, and claims none
    assert "changed" in shipment.left_out["b"]
    assert [path.name for path in (tmp_path / "releases" / "current" / "files").iterdir()] == ["a"]
    (entry,) = made.releases.manifest(shipment.release).entries
    assert (entry.item, entry.receipt) == ("a", "a-digest")


@pytest.mark.parametrize("moment", sorted(GIVEN_UP_AT))
def test_a_hurried_release_is_given_up_at_every_moment_before_it_counts(tmp_path: Path, moment: str) -> None:
    made = shipper_in(tmp_path)
    look = made.releases.failpoint

    def hurry(at: str) -> None:
        if at == moment:
            made.hurry()
        look(at)

    made.releases.failpoint = hurry
    with pytest.raises(ReleaseLate):
        made.ship(["a"], 10.0)
    assert made.releases.current() is None
    made.releases.failpoint = look
    assert made.ship(["a"], 10.0).release == f"0001-{SPRINT}"  # the next one is not hurried


def test_a_hook_has_no_longer_than_the_step_but_never_less_than_it_takes_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HOOK_LEAST_S", 0.3)
    made = shipper_in(tmp_path, Hook(command=("sleep", "30")))
    began_s = time.monotonic()
    with pytest.raises(HookFailed):
        made.ship(["a"], 0.0)
    assert 0.25 < time.monotonic() - began_s < 10
