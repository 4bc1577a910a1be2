"""What is shown, into a file and out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.dashboard.replay import ReplaySource, TapedSource
from engine.errors import AGAIN, NotRecorded, RecordingDamaged, RecordingInUse, exit_code
from tests.support.sources import NOW_S, PlantedSource, overview_at


def source() -> PlantedSource:
    made = PlantedSource(ps=[])

    def overview(**facts: Any) -> dict[str, Any]:
        document = overview_at(made.now_s)
        return {"stats": {"time_s": made.now_s}, "overview": document} if facts.get("stats") else document

    made.documents["overview"] = overview
    return made


async def test_what_was_shown_is_what_is_read_back(tmp_path: Path) -> None:
    shown = source()
    taped = TapedSource(shown, tmp_path / "monday")
    seen = []
    for _ in range(100):
        seen.append(await taped.ask("overview"))
        shown.now_s += 1.0
    await taped.ask("ps")
    await taped.close()
    assert shown.is_closed
    assert [verb for verb, _ in shown.asked] == ["overview"] * 100 + ["ps"]

    replayed = ReplaySource(tmp_path / "monday")
    past = await replayed.past()
    assert past == (NOW_S, NOW_S + 99, 100)
    for number, document in enumerate(seen):
        found = await replayed.at(NOW_S + number + 0.5)
        assert (found["overview"], found["time_s"]) == (document, NOW_S + number)
        assert found["stats"] == {"time_s": NOW_S + number}


async def test_of_a_file_nothing_else_is_known_and_nothing_can_be_done(tmp_path: Path) -> None:
    await TapedSource(source(), tmp_path / "empty").close()
    replayed = ReplaySource(tmp_path / "empty")
    assert (replayed.is_file, replayed.is_live, replayed.name) == (True, False, "empty")
    assert await replayed.past() is None
    with pytest.raises(NotRecorded, match="release is not in a recording"):
        await replayed.ask("release", agent="counter/1")


def test_what_is_no_recording_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "letter"
    file.write_text("dear engine")
    for make in (ReplaySource, lambda path: TapedSource(source(), path)):
        with pytest.raises(RecordingDamaged):
            make(file)
    assert file.read_text() == "dear engine"


async def test_where_it_cannot_be_written_what_is_shown_goes_on(tmp_path: Path) -> None:
    shown, said = source(), []
    taped = TapedSource(shown, tmp_path / "monday", said.append)
    await taped.ask("overview")

    def record(*_given: Any) -> None:
        raise OSError(28, "No space left on device")

    taped._scribe.record = record  # type: ignore[union-attr, method-assign, assignment]
    shown.now_s += 1.0
    assert (await taped.ask("overview"))["time_s"] == NOW_S + 1
    shown.now_s += 1.0
    assert (await taped.ask("overview"))["time_s"] == NOW_S + 2
    assert said == [taped.why] == [f"{tmp_path / 'monday'}: nothing more is recorded: No space left on device"]
    assert taped.note == "NOT recording monday"


async def test_two_cannot_record_into_one_file_and_the_first_one_is_not_harmed(tmp_path: Path) -> None:
    shown, file = source(), tmp_path / "monday"
    first = TapedSource(shown, file)
    assert first.note == "recording monday"
    await first.ask("overview")
    (tmp_path / "link").symlink_to(file)
    for name in ("monday", "link"):
        with pytest.raises(RecordingInUse, match="by another engine monitor: end that one, or record into another") as caught:
            TapedSource(source(), tmp_path / name)
        assert (caught.value.file, exit_code(caught.value)) == (str(tmp_path / name), AGAIN)
    assert len(ReplaySource(file)._recording) == 1, "it can be looked at meanwhile"
    shown.now_s += 1.0
    await first.ask("overview")
    await first.close()
    second = TapedSource(shown, file)
    shown.now_s += 1.0
    await second.ask("overview")
    await second.close()
    assert ReplaySource(file)._recording.instants() == [NOW_S, NOW_S + 1, NOW_S + 2]


async def test_a_file_whose_recording_has_ended_can_be_recorded_into_by_others(tmp_path: Path) -> None:
    first = TapedSource(source(), tmp_path / "monday")

    def record(*_given: Any) -> None:
        raise OSError(28, "No space left on device")

    first._scribe.record = record  # type: ignore[union-attr, method-assign, assignment]
    await first.ask("overview")
    await TapedSource(source(), tmp_path / "monday").close()
    await first.close()


def test_a_file_that_was_refused_is_not_held(tmp_path: Path) -> None:
    file = tmp_path / "letter"
    file.write_text("dear engine")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(RecordingDamaged):
            TapedSource(source(), file)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
