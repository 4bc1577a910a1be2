"""The agents of a real engine on their screen: a window of them, chosen and sorted by the engine; one in three keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.dashboard.agents import WINDOW
from engine.dashboard.rows import Rows
from tests.support.attached import KIND, Attached, attached
from tests.support.commands import Commands, commands
from tests.support.glass import lines_of, shown

pytestmark = pytest.mark.timeout(180)

AGENTS = 100_000


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """An engine with very many agents, one of which has waited, failed and waits again."""
    folder = tmp_path_factory.mktemp("a")
    with commands(folder) as made:
        (folder / "pools.yaml").write_text(
            "agents: 200000\npools:\n  p1: {agents: 100000}\n  p2: {agents: 100000, workers: 2}\n"
        )
        (folder / "kind.py").write_text(KIND)
        assert made("spawn", "counter", "--count", str(AGENTS)).returncode == 0
        assert made("spawn", "scout", "--count", "50", "--use", "kind.py:Scout").returncode == 0
        assert made("ask", "scout/7", "visit", "/index").returncode == 0
        for _ in range(2):
            assert made("ask", "scout/7", "crash", "/gone").returncode == 1
        for _ in range(3):
            made.start("ask", "scout/7", "wait", "600")
        yield made


async def ready(at: Attached) -> None:
    await at.sees("showing")
    await at.until(lambda: at.pilot.app.screen.query_one(Rows).row_count)


async def first(at: Attached, agent: str) -> None:
    """Wait until an agent stands in the first row."""
    await at.until(lambda: at.pilot.app.screen.query_one(Rows).row_count and _key(at) == agent, f"{agent} is not first")


def _key(at: Attached) -> str:
    return at.pilot.app.screen.query_one(Rows).keys[0]


async def test_a_window_of_very_many_is_shown_and_moved(engine: Commands) -> None:
    async with attached(engine, "3") as at:
        await ready(at)
        assert f"showing 1–{WINDOW} of 100,050" in shown(at.pilot)
        assert at.pilot.app.screen.query_one(Rows).row_count == WINDOW
        await at.press("n")
        await first(at, f"counter/{WINDOW}")
        await at.press("N", "N")
        await first(at, "counter/0")
        await at.press("s", "S")  # by address, the other way round
        await first(at, "scout/49")
        assert max(at.source.rows) == WINDOW


async def test_it_is_filtered_while_it_is_written(engine: Commands) -> None:
    async with attached(engine, "3") as at:
        await ready(at)
        await at.press("slash", *"ter/77", "enter")
        await at.sees("filter ter/77")
        await first(at, "counter/77")
        assert f"showing 1–{WINDOW} of 1,111, of 100,050 in all" in shown(at.pilot)
        await at.press("escape")
        await at.sees(f"showing 1–{WINDOW} of 100,050")


async def test_expressions_inverses_and_names_choose_too(engine: Commands) -> None:
    async with attached(engine, "3") as at:
        await ready(at)
        await at.press("slash", *"!counter", "enter")
        await at.sees("showing 50 of 50, of 100,050 in all")
        await at.press("slash", *["backspace"] * 8, *"^scout/4.$ pool:p2", "enter")
        await at.sees("showing 10 of 10, of 100,050 in all")
        await at.press("slash", *["backspace"] * 30, *"(a+)+", "enter")
        await at.sees("could take long")


async def test_the_most_urgent_come_first_by_mailbox_and_restarts(engine: Commands) -> None:
    async with attached(engine, "3") as at:
        await ready(at)
        await at.press(*"sssss")
        await at.sees("sorted by mailbox ↓")
        await first(at, "scout/7")
        row = next(line for line in lines_of(at.pilot) if "scout/7" in line)
        assert row.split()[:6] == ["scout/7", "p1", "p1", "run", "2", "2"]
        await at.press("s")
        await at.sees("sorted by restarts ↓")
        await first(at, "scout/7")


async def test_only_those_with_problems_and_only_those_of_a_status(engine: Commands) -> None:
    async with attached(engine, "3") as at:
        await ready(at)
        await at.press("z")
        await at.sees("showing 1 of 1, of 100,050 in all")
        await at.sees("status problems")
        await at.press("z", "f")
        await at.sees("status run")
        await at.sees("showing 1 of 1")
        await at.press("escape")
        await at.sees("of 100,050")


async def test_one_agent_is_three_keys_away_with_everything_known_of_it(engine: Commands) -> None:
    async with attached(engine, "3", "z") as at:
        await at.sees("showing 1 of 1")
        await at.press("enter")
        await at.sees(
            "CHECKPOINTS", "scout/7", "run", "pool p1", "worker p1", "shard", "restarts 2", "mailbox 2", "seen", '["/index"]',
            "runs", "wait for", "in the mailbox", "LAST TASKS", "KeyError: '/gone'", "WENT WRONG", "milestone", "50%",
            '{"partial_result":{"seen":1}}',
        )  # fmt: skip
        assert await at.says("agent", agent="scout/7")
        await at.press("escape")
        await at.sees("showing 1 of 1")


async def test_the_palette_sorts_and_filters_too(engine: Commands) -> None:
    async with attached(engine, "3") as at:
        await ready(at)
        await at.chooses("Agents with problems")
        await at.sees("status problems")


async def test_the_address_of_the_chosen_one_is_copied(engine: Commands) -> None:
    async with attached(engine, "3", "z") as at:
        await at.sees("showing 1 of 1")
        await at.press("c")
        await at.hears("Copied: scout/7")
        assert at.pilot.app.clipboard == "scout/7"


async def test_a_row_is_drawn_again_only_where_a_cell_has_changed(engine: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    async with attached(engine, "3") as at:
        await ready(at)
        drawn: list[object] = []
        monkeypatch.setattr(at.pilot.app.screen.query_one(Rows), "refresh", lambda *regions, **_more: drawn.append(regions))
        before = len(at.source.rows)
        await at.until(lambda: len(at.source.rows) >= before + 3)
        assert drawn == []


async def test_in_a_small_terminal_what_matters_most_stays(engine: Commands) -> None:
    async with attached(engine, "3", size=(80, 24)) as at:
        await ready(at)
        head = next(line for line in lines_of(at.pilot) if "AGENT" in line)
        assert head.split() == ["AGENT", "POOL", "WORKER", "STATUS", "MAILBOX", "RESTARTS"]
