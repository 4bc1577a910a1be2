"""Everything that can be done from the dashboard, done to real engines: asked about, told of, and refused in the past."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.dashboard.rows import Rows
from tests.support.attached import KIND, Attached, attached
from tests.support.commands import Commands, commands
from tests.support.glass import shown, watching
from tests.support.shops import write
from tests.support.sources import busy, settled
from tests.support.yard import POOLS, Yard

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    with commands(tmp_path) as made:
        (tmp_path / "kind.py").write_text(KIND)
        assert made("spawn", "scout", "--count", "10", "--use", "kind.py:Scout").returncode == 0
        yield made


async def pool(at: Attached, name: str) -> str:
    return str(next(one["state"] for one in await at.says("pools") if one["name"] == name))


# -- pools and breakers ----------------------------------------------------------------------------------------------------


async def test_a_pool_is_paused_and_resumed(engine: Commands) -> None:
    async with attached(engine, "2") as at:
        await at.until(lambda: at.pilot.app.screen.query_one("#worker-rows", Rows).row_count == 2)
        await at.press("p")
        await at.sees("Pause pool p1?")
        await at.until(lambda: "begin no task from outside any more" in " ".join(shown(at.pilot).replace("│", " ").split()))
        await at.press("escape")
        assert await pool(at, "p1") == "up"
        await at.press("p")
        await at.sees("Pause pool p1?")
        await at.press("y")
        await at.hears("Pause pool p1: pool p1 is paused; 0 tasks open")
        assert (await pool(at, "p1"), await pool(at, "p2")) == ("paused", "up")
        await at.sees("paused")
        waiting = engine.start("ask", "scout/1", "visit", "/x")
        while not (await at.says("pools"))[0]["open"]:
            await at.pilot.pause(0.05)
        await at.until(lambda: "paused" in shown(at.pilot))
        await at.press("p")
        await at.sees("Resume pool p1?")
        await at.press("y")
        await at.hears("pool p1 is up; 1 task open")
        assert waiting.wait(timeout=20) == 0


async def test_a_breaker_is_held_open_and_let_decide_again(engine: Commands) -> None:
    async with attached(engine, "2") as at:
        await at.until(lambda: at.pilot.app.screen.query_one("#worker-rows", Rows).row_count == 2)
        for keys, state, mode in (
            (("enter",), "open", "open"),
            (("down", "enter"), "closed", "closed"),
            (("up", "enter"), "closed", "auto"),
        ):
            await at.press("b")
            await at.sees("The breaker of pool p1")
            await at.press(*keys)
            await at.sees("breaker of pool p1")
            await at.press("y")
            await at.hears(f"pool p1 is {state}")
            found = next(one for one in (await at.says("breakers"))["breakers"] if (one["pool"], one["kind"]) == ("p1", None))
            assert found["state"] == state, (keys, found)
            assert (found["mode"] == "auto") is (mode == "auto")


async def test_the_agent_that_a_worker_runs_is_a_key_away(engine: Commands) -> None:
    stalls = engine.file("stalls.jsonl", *({"agent": f"scout/{n}", "method": "stall"} for n in range(5)))
    async with attached(engine, "2") as at:
        engine.start("run", stalls)
        table = at.pilot.app.screen.query_one("#worker-rows", Rows)
        await at.until(lambda: table.row_count > 0 and any("scout/" in text for text in table.texts("p1")))
        table.focus()
        await at.press("enter")
        await at.sees("CHECKPOINTS")


# -- agents ----------------------------------------------------------------------------------------------------------------


async def test_an_agent_is_released_from_quarantine(engine: Commands) -> None:
    assert engine("ask", "scout/3", "stall").returncode == 1
    async with attached(engine, "3") as at:
        await at.press("z")
        await at.sees("quarantined")
        await at.press("enter")
        await at.sees("quarantined")
        await at.sees("r Release")
        await at.press("r")
        await at.sees("Release scout/3 from quarantine?")
        await at.press("y")
        await at.hears("scout/3 is released")
        assert (await at.says("agent", agent="scout/3"))["status"] != "quarantined"
        await at.until(lambda: "r Release" not in shown(at.pilot))
    assert engine("ask", "scout/3", "visit", "/a").returncode == 0


# -- sprints ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").write_text(POOLS)
        yield Yard(made)


async def test_a_sprint_is_paused_resumed_and_aborted(yard: Yard) -> None:
    sprint = yard.begun(yard.write(yard.task("a"), yard.gated("b", "a"), yard.task("c", "b")))
    yard.until(lambda: yard.events(sprint, "receipt"))
    async with attached(yard.engine, "5") as at:
        await at.sees(sprint)
        await at.press("p")
        await at.sees(f"Pause sprint {sprint}?")
        await at.press("y")
        await at.hears(f"sprint {sprint} is paused")
        assert (await at.says("sprint-status"))[0]["is_paused"]
        await at.until(lambda: (at.pilot.app.board._chosen or {}).get("now", {}).get("is_paused"))  # type: ignore[attr-defined]
        await at.press("p")
        await at.sees(f"Resume sprint {sprint}?")
        await at.press("y")
        await at.hears(f"sprint {sprint} goes on")
        assert not (await at.says("sprint-status"))[0]["is_paused"]
        await at.press("x")
        await at.sees(f"Abort sprint {sprint}?", "This cannot be undone.")
        await at.press("y")
        await at.hears(f"sprint {sprint} is aborted")
        await at.sees("aborted")
        (yard.folder / "gate").touch()


async def test_a_sprint_is_rolled_back(yard: Yard) -> None:
    for name in ("one", "two"):
        yard.run(yard.write(yard.task(name), name=name))
    first, second = yard.ids()
    async with attached(yard.engine, "5") as at:
        await at.sees(second)
        await at.sees("b Roll back")
        await at.press("b")
        await at.sees(f"Roll back sprint {second}?")
        await at.press("y")
        await at.hears("is current again")
        assert yard.events(second, "rolled_back")
        assert yard.events(first, "rolled_back")
        await at.sees("rolled back")
        await at.press("b")
        await at.pilot.pause(0.2)
        assert len(at.pilot.app.screen_stack) == 1  # it is not offered twice


# -- the engine ------------------------------------------------------------------------------------------------------------


async def test_what_the_engine_refuses_is_said_in_its_words(engine: Commands) -> None:
    async with attached(engine) as at:
        await at.does("Roll back the deploy")
        await at.hears("rollback-deploy: not done")


async def test_a_deploy_is_rolled_back(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        write(tmp_path)
        assert engine("spawn", "till", "--count", "20", "--use", "shop:Till").returncode == 0
        deployed = engine("deploy", "shop", "--path", str(write(tmp_path / "two", "two")))
        assert deployed.returncode == 0, deployed.stderr
        async with attached(engine) as at:
            await at.does("Roll back the deploy")
            await at.hears("Roll back the deploy: deploy: back")
            assert (await at.says("deploy-status"))["phase"] in ("back", "idle")


async def test_the_engine_is_stopped(engine: Commands) -> None:
    async with attached(engine, "3") as at:
        await at.does("Stop the engine")
        await at.hears("the engine ends; it had 10 agents")
        await at.sees("NO ENGINE")
    assert engine("stats").returncode == 3


# -- when nothing is done --------------------------------------------------------------------------------------------------


async def test_nothing_is_done_in_the_past() -> None:
    source = busy()
    async with watching(source, "2", "left") as pilot:
        asked = len(source.asked)
        await pilot.press("p")
        await settled(pilot)
        assert len(pilot.app.screen_stack) == 1
        assert [one.message for one in pilot.app._notifications] == ["what is shown is past: l goes back to now"]
        assert [verb for verb, _ in source.asked[asked:] if verb not in ("overview", "ps", "past", "at")] == []


async def test_nothing_is_done_while_what_is_seen_is_old() -> None:
    source = busy()
    async with watching(source, "2") as pilot:
        source.is_live = False
        source.now_s += 30
        await settled(pilot)
        await pilot.press("p")
        await settled(pilot)
        assert [one.message for one in pilot.app._notifications] == ["what is shown is old: the engine does not answer now"]
        assert [verb for verb, _ in source.asked if verb == "pause-pool"] == []


async def test_nothing_is_done_where_it_has_become_past_while_it_was_asked_about() -> None:
    source = busy()
    async with watching(source, "2") as pilot:
        await pilot.press("p")
        await settled(pilot)
        await pilot.app._rewind.go(min(source.recorded))  # type: ignore[attr-defined]
        await pilot.press("y")
        await settled(pilot)
        assert "pause-pool" not in [verb for verb, _ in source.asked]
        assert any("nothing can be done here" in one.message for one in pilot.app._notifications)


async def test_every_deed_of_every_screen_is_in_the_palette() -> None:
    async with watching(busy(), "5") as pilot:
        titles = [command.title for command in pilot.app.get_system_commands(pilot.app.screen)]
        for title in (
            "Pause pool p1", "Hold the breaker of pool p2 open", "Let the breaker of pool p2 decide", "Roll back the deploy",
            "Stop the engine", "Pause sprint sp-20261122-003", "Abort sprint sp-20261122-003",
        ):  # fmt: skip
            assert title in titles
