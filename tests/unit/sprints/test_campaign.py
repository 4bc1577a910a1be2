"""A campaign works on a backlog sprint by sprint; what one leaves the next takes, and what was done is not done again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sprints import fitting
from sprints.archive import HTML, MARKDOWN, Archive
from sprints.backlog import Backlog, read_backlog
from sprints.campaign import FUTILE, Campaign, Hands
from sprints.errors import BadBacklog, SprintBusy
from sprints.item import Item
from sprints.outcome import Outcome
from sprints.settings import Settings
from sprints.verification import verify
from tests.support.sprinting import Answers, document, done


class Desk:
    """An archive, and agents that answer; what they were asked, sprint by sprint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = Archive(str(folder / "sprints"))
        self.asked: list[list[str]] = []
        self.prepared: list[dict[str, int]] = []
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        self.deed: Callable[[Item], Outcome | None] = done
        self.known: set[str] = set()
        self.hands = Hands(self._agents, self._prepare, lambda: 0.0, self._told, lambda sprint, _backlog: sprint in self.known)

    def _agents(self, sprint: str, _backlog: Backlog, answered: Callable[[Iterable[Outcome]], None]) -> Answers:
        agents = Answers(lambda item: self.deed(item))
        agents.runner = Answered(answered)  # type: ignore[assignment]
        self.asked.append(agents.sent)
        return agents

    def _told(self, sprint: str, event: Mapping[str, Any]) -> None:
        self.told.append((sprint, event))

    async def _prepare(self, backlog: Backlog) -> None:
        self.prepared.append({name: role.agents for name, role in backlog.roles.items()})

    def settings(self, **facts: Any) -> Settings:
        return Settings(**{"folder": str(self.folder), "speed": 100.0, "sprints": None} | facts)

    def campaign(self, row: Mapping[str, Any], **facts: Any) -> Campaign:
        return Campaign(self.archive, read_backlog(row), self.settings(**facts), self.hands, lambda: 1_795_219_200.0)


class Answered:
    """Takes the place of a runner for agents that only need to answer."""

    def __init__(self, answered: Callable[[Iterable[Outcome]], None]) -> None:
        self.answered = answered


def many(count: int) -> dict[str, Any]:
    """A backlog of more than one sprint: one agent, which has room for ten items."""
    return document(*({"id": f"t{at}"} for at in range(count)), roles={"maker": {"kind": "maker", "agents": 1}})


async def test_sprint_after_sprint_until_everything_is_done_and_each_item_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.campaign(many(25), is_optimized=False).run()
    assert [len(items) for items in desk.asked][:1] == [10]
    assert sorted(name for items in desk.asked for name in items) == sorted(f"t{at}" for at in range(25))
    ids = desk.archive.ids()
    assert ids == [f"sp-20261121-{at:03d}" for at in range(1, len(desk.asked) + 1)]
    for sprint in ids:
        assert verify(desk.archive.path(sprint), sprint=sprint, is_over=True) == []
        assert "items done" in Path(desk.archive.path(sprint, MARKDOWN)).read_text()
        assert Path(desk.archive.path(sprint, HTML)).read_text().startswith("<!doctype html>")
    first, second = (list(desk.archive.events(sprint)) for sprint in ids[:2])
    assert second[0]["previous"] == desk.archive.lines(ids[0])[-1].digest
    assert first[-1]["impact"]["done"] == 10
    assert set(first[-1]["next"]) == {"carried", "retry", "follow_ups"}


async def test_no_more_sprints_than_were_asked_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.campaign(many(45), sprints=2, is_optimized=False).run()
    assert len(desk.archive.ids()) == 2
    await desk.campaign(many(45), sprints=1, is_optimized=False).run()
    assert len(desk.archive.ids()) == 3
    assert len({name for items in desk.asked for name in items}) == sum(map(len, desk.asked))


async def test_where_nothing_is_done_it_ends(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.deed = lambda item: Outcome(item.id, False, error_type="ValueError", error="no")
    await desk.campaign(many(5)).run()
    assert len(desk.archive.ids()) == FUTILE
    assert list(desk.archive.events(desk.archive.ids()[0]))[-1]["next"]["retry"] == [f"t{at}" for at in range(5)]


async def test_a_campaign_that_ended_for_want_of_progress_is_not_begun_again_by_a_restart_but_by_somebody(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path)
    desk.deed = lambda item: Outcome(item.id, False, error_type="ValueError", error="no")
    await desk.campaign(many(5)).run()
    campaign, _ = Campaign.restored(desk.archive, desk.archive.ids()[-1], desk.hands)
    await campaign.run(is_going_on=True)
    assert len(desk.archive.ids()) == FUTILE
    desk.deed = done
    await desk.campaign(many(5)).run()
    assert len(desk.archive.ids()) == FUTILE + 1


async def test_a_killed_campaign_goes_on_in_its_sprint_and_then_with_the_rest(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.deed = lambda item: done(item) if item.id in ("t0", "t1") else None
    running = asyncio.create_task(desk.campaign(many(15), sprints=3, speed=1.0, is_optimized=False).run())
    async with asyncio.timeout(10):
        while sum(event["e"] == "receipt" for _, event in desk.told) < 2:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    (sprint,) = desk.archive.ids()
    desk.deed = done
    campaign, is_over = Campaign.restored(desk.archive, sprint, desk.hands, lambda: 1_795_219_300.0)
    assert not is_over
    assert campaign.settings.sprints == 3
    campaign.settings = desk.settings(sprints=3, is_optimized=False)
    await campaign.run(is_going_on=True)
    assert sorted(desk.asked[1]) == sorted(set(desk.asked[0]) - {"t0", "t1"} | set(desk.asked[1]))
    assert {"t0", "t1"} & set(desk.asked[1]) == set()
    done_in = [receipt.item for each in desk.archive.ids() for receipt in desk.archive.chronicle(each).receipts]
    assert sorted(done_in) == sorted(f"t{at}" for at in range(15))


async def test_a_campaign_that_died_between_two_sprints_begins_the_next_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.campaign(many(25), sprints=1, is_optimized=False).run()
    (first,) = desk.archive.ids()
    campaign, is_over = Campaign.restored(desk.archive, first, desk.hands)
    assert is_over
    await campaign.run(is_going_on=True)
    assert desk.archive.ids() == [first]  # it was to be one
    await desk.campaign(many(25), sprints=3, is_optimized=False).run()
    assert len({name for items in desk.asked for name in items}) == sum(map(len, desk.asked))


async def test_no_bit_of_a_kept_backlog_changes_unseen(tmp_path: Path, chance: Random) -> None:
    desk = Desk(tmp_path)
    await desk.campaign(many(5), sprints=1, is_optimized=False).run()
    (sprint,) = desk.archive.ids()
    file = Path(desk.archive.path(sprint, "backlog.json"))
    assert verify(desk.archive.path(sprint)) == []
    whole = file.read_bytes()
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :])
        with pytest.raises((BadBacklog, ValueError)):
            Campaign.restored(desk.archive, sprint, desk.hands)
        assert [finding.file for finding in verify(desk.archive.path(sprint))] == [str(file)]
    file.unlink()
    assert [finding.file for finding in verify(desk.archive.path(sprint))] == [str(file)]


async def test_an_aborted_sprint_is_the_last_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.deed = lambda item: None
    campaign = desk.campaign(many(15), speed=1.0)
    running = asyncio.create_task(campaign.run())
    async with asyncio.timeout(10):
        while campaign.runner is None:
            await asyncio.sleep(0.01)
        await campaign.runner.abort("as told")
        await running
    assert len(desk.archive.ids()) == 1
    assert desk.archive.chronicle(desk.archive.ids()[0]).aborted == "as told"


async def test_each_sprint_takes_the_advice_of_the_one_before_unless_told_not_to(tmp_path: Path) -> None:
    tasks = [{"id": f"a{at}", "role": "a"} for at in range(80)] + [{"id": f"b{at}", "role": "b"} for at in range(2)]
    roles = {"a": {"kind": "maker", "agents": 1}, "b": {"kind": "maker", "agents": 1 + 2}}
    desk = Desk(tmp_path)
    await desk.campaign(document(*tasks, roles=roles), sprints=2).run()
    assert desk.prepared[0] == {"a": 1, "b": 3}
    assert desk.prepared[1]["a"] > 1
    assert sum(desk.prepared[1].values()) == 4
    other = Desk(tmp_path / "other")
    (tmp_path / "other").mkdir()
    await other.campaign(document(*tasks, roles=roles), sprints=2, is_optimized=False).run()
    assert other.prepared[0] == other.prepared[1]


@pytest.mark.parametrize(
    ("ship", "price", "said"),
    [({"hooks": [{"command": []}]}, None, r"ship\.hooks\[0\]"), ({}, {"cpu_hour": -1}, "price")],
)
def test_hooks_and_prices_that_cannot_be_are_refused_at_once(tmp_path: Path, ship: Any, price: Any, said: str) -> None:
    with pytest.raises(BadBacklog, match=said):
        Desk(tmp_path).campaign(document({"id": "a"}, ship=ship), price=price)


async def test_what_could_not_be_shipped_is_shipped_by_the_next_sprint(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    def write(item: Item) -> Outcome:
        (tmp_path / "work" / f"{item.id}.txt").write_text(item.id)
        return done(item)

    desk.deed = write
    tasks = [{"id": f"t{at}", "artifacts": [f"t{at}.txt"]} for at in range(12)]
    roles = {"maker": {"kind": "maker", "agents": 1}}
    refusing = document(*tasks, roles=roles, ship={"hooks": [{"command": ["false"]}]})
    await desk.campaign(refusing, sprints=1, is_optimized=False).run()
    first = desk.archive.chronicle(desk.archive.ids()[0])
    assert (first.verdicts["done"], first.releases) == (10, [])
    await desk.campaign(document(*tasks, roles=roles), is_optimized=False).run()
    second = desk.archive.ids()[1]
    assert next(desk.archive.events(second))["unshipped"] == [receipt.item for receipt in first.receipts]
    assert desk.archive.chronicle(second).releases[-1][1] == 12
    assert {path.name for path in (tmp_path / "releases" / "current" / "files").iterdir()} == {f"t{at}.txt" for at in range(12)}
    assert verify(desk.archive.path(second), sprint=second, is_over=True) == []
    assert [len(items) for items in desk.asked] == [10, 2]


async def test_where_only_a_release_is_missing_a_sprint_ships_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    tasks = [{"id": "a"}]
    await desk.campaign(document(*tasks, ship={"hooks": [{"command": ["false"]}]}), sprints=1).run()
    await desk.campaign(document(*tasks)).run()
    assert [len(desk.archive.chronicle(sprint).releases) for sprint in desk.archive.ids()] == [0, 1]
    await desk.campaign(document(*tasks)).run()
    assert len(desk.archive.ids()) == 2


async def test_a_backlog_that_another_process_works_on_is_left_to_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    claim = Archive(str(tmp_path / "sprints")).claim("app")
    with pytest.raises(SprintBusy):
        await desk.campaign(many(5)).run()
    assert (desk.archive.ids(), desk.asked) == ([], [])
    claim.close()
    await desk.campaign(many(5)).run()
    assert sorted(desk.asked[0]) == [f"t{at}" for at in range(5)]
    desk.archive.claim("app").close()  # it was given back


async def test_a_sprint_has_no_id_under_which_the_engine_knows_tasks(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.known = {"sp-20261121-001", "sp-20261121-002"}
    await desk.campaign(many(5)).run()
    assert desk.archive.ids() == ["sp-20261121-003"]


async def test_what_one_line_cannot_name_is_done_by_the_next_sprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "IDS_BYTES", 30)
    desk = Desk(tmp_path)
    await desk.campaign(many(20), is_optimized=False).run()
    assert [len(items) for items in desk.asked][:2] == [6, 5]  # "t0" has 5 bytes with what parts it from the next
    assert sorted(name for items in desk.asked for name in items) == sorted(f"t{at}" for at in range(20))


async def test_what_was_not_shipped_and_one_line_cannot_name_is_shipped_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path)
    refusing = many(8) | {"ship": {"hooks": [{"command": ["false"]}]}}
    await desk.campaign(refusing, sprints=1, is_optimized=False).run()
    monkeypatch.setattr(fitting, "IDS_BYTES", 30)
    await desk.campaign(many(8), is_optimized=False).run()
    assert [len(next(desk.archive.events(sprint))["unshipped"]) for sprint in desk.archive.ids()] == [0, 6, 2]
    assert [told[1] for sprint in desk.archive.ids() for told in desk.archive.chronicle(sprint).releases] == [6, 2]


async def test_a_clock_on_the_wall_that_is_set_back_changes_no_step_and_no_order(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    wall_s = [1_795_219_200.0]

    def back() -> float:
        wall_s[0] -= 3_600.0
        return wall_s[0]

    row = many(25) | {"sprint": {"shape": "waves"}}
    await Campaign(desk.archive, read_backlog(row), desk.settings(is_optimized=False), desk.hands, back).run()
    assert sorted(name for items in desk.asked for name in items) == sorted(f"t{at}" for at in range(25))
    ids = desk.archive.ids()
    assert ids == [f"sp-20261120-{at:03d}" for at in range(1, len(ids) + 1)]
    for sprint in ids:
        events = list(desk.archive.events(sprint))
        times = [event["s"] for event in events]
        assert times == sorted(times)
        phases = [(event["wave"], event["phase"]) for event in events if event["e"] == "phase"]
        assert phases == [(wave, phase) for wave in range(4) for phase in ("plan", "exec", "test", "ship")]
        assert all(span.end_s >= span.begin_s for span in desk.archive.chronicle(sprint).spans)
        assert verify(desk.archive.path(sprint), sprint=sprint, is_over=True) == []


async def test_what_was_changed_after_its_receipt_is_in_no_release_and_done_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    def write(item: Item) -> Outcome:
        (tmp_path / "work" / f"{item.id}.txt").write_text(item.id)
        if item.id == "vandal" and len(desk.asked) == 1:
            (tmp_path / "work" / "page.txt").write_text("not what the receipt says")
        return done(item)

    desk.deed = write
    tasks = [
        {"id": "page", "artifacts": ["page.txt"]},
        {"id": "vandal", "after": ["page"]},
        {"id": "more", "after": ["vandal"]},
    ]
    await desk.campaign(document(*tasks), is_optimized=False).run()
    first, second = (desk.archive.chronicle(sprint) for sprint in desk.archive.ids())
    assert first.left_out == {"page": "page.txt was changed after its receipt"}
    assert (first.verdicts["done"], first.next["retry"], first.row()["sprint"]["left_out"]) == (3, ["page"], first.left_out)
    assert desk.asked[1] == ["page"]
    assert (second.left_out, second.next["retry"]) == ({}, [])
    assert (tmp_path / "releases" / "current" / "files" / "page.txt").read_text() == "page"


async def test_where_all_that_is_done_is_spoiled_again_and_again_it_ends(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    def spoil(_sprint: str, event: Mapping[str, Any]) -> None:
        if event["e"] == "receipt":
            (tmp_path / "work" / "page.txt").write_text("not what the receipt says")

    def write(item: Item) -> Outcome:
        (tmp_path / "work" / "page.txt").write_text("page")
        return done(item)

    desk.deed, desk.hands = write, desk.hands._replace(told=spoil)
    await desk.campaign(document({"id": "page", "artifacts": ["page.txt"]})).run()
    assert len(desk.archive.ids()) == FUTILE
