"""The sprints, read from the screen."""

from __future__ import annotations

from engine.dashboard.rows import Rows
from tests.support.glass import shown, watching
from tests.support.sources import busy


async def test_the_sprints_are_listed_the_newest_first() -> None:
    async with watching(busy(), "5", size=(160, 48)) as pilot:
        rows = pilot.app.screen.query_one("#sprint-rows", Rows)
        listed = [rows.texts(key) for key in rows.keys]
    assert listed == [
        ["sp-20261122-003", "app", "11-22 10:39", "exec", "07:18", "57", "120", "1", "3", "87.4 %", "–", "–"],
        ["sp-20261122-002", "app", "11-22 10:24", "left some", "14:30", "120", "140", "3", "17", "87.4 %", "$0.12", "0002"],
        ["sp-20261122-001", "app", "11-22 10:09", "rolled back", "14:30", "120", "120", "0", "0", "87.4 %", "$0.12", "0001"],
    ]


async def test_of_the_one_that_runs_steps_progress_and_time_left_are_shown() -> None:
    async with watching(busy(), "5", size=(120, 40)) as pilot:
        text = shown(pilot, below="sp-20261122-003 app")
    assert "47.5 %  57 of 120 items done  07:41 left in exec  1 waiting" in text
    lines = {line[2:].split("  ")[0].strip(): line for line in text.splitlines() if " of 0" in line}
    assert len(lines) == 16
    assert "█" in lines["Core Features exec"]
    assert "░" in lines["Core Features exec"]
    assert "03:46 of 06:24" in lines["Core Features exec"]
    assert "█" not in lines["Ship & Learn ship"]
    assert "– of 00:04" in lines["Ship & Learn ship"]
    assert "efficiency 87.4 %" in text
    assert "carried     3: 3 no time left" in text


async def test_of_one_that_is_over_what_took_longer_and_what_was_left_are_shown() -> None:
    async with watching(busy(), "5", "down", size=(120, 40)) as pilot:
        text = shown(pilot, below="sp-20261122-002 app")
    line = next(line for line in text.splitlines() if "Core Features exec" in line)
    assert "▓" in line
    assert "07:24 of 06:24" in line
    assert "not done    2 failed, 1 unproven" in text
    assert "carried     17: 12 no time left, 5 waits for what is not done" in text
    assert "shipped     0002-20261122: 120 items" in text
    assert "not shipped hook 1 ended with 3" in text


async def test_in_a_small_terminal_each_wave_is_one_line() -> None:
    async with watching(busy(), "5") as pilot:
        text = shown(pilot, below="sp-20261122-003 app")
    assert sum(" of 0" in line for line in text.splitlines()) == 4
    assert "Core Features exec" in text
    assert "carried" in text


async def test_where_there_is_no_sprint_it_says_how_one_is_begun() -> None:
    source = busy()
    source.documents["sprints"] = []
    async with watching(source, "5") as pilot:
        assert "begin one with: engine sprint run BACKLOG.yaml" in shown(pilot)


async def test_what_goes_wrong_is_shown_where_the_sprints_would_be() -> None:
    source = busy()
    source.documents["sprints"] = OSError(5, "a disk has failed")
    async with watching(source, "5") as pilot:
        assert "a disk has failed" in shown(pilot)
