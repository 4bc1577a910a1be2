"""Who goes from screen to screen all day leaves nothing of the footers behind."""

from __future__ import annotations

import gc

from textual.widgets import Footer

from engine.dashboard.keys import Keys
from engine.dashboard.screens import PLACES
from tests.support.glass import watching
from tests.support.sources import PlantedSource, settled


def watchers(app_footers: list[Keys]) -> int:
    """Keys that hear of changes of these footers."""
    return sum(len(heard) for footer in app_footers for heard in getattr(footer, "__watchers", {}).values())


async def test_keys_that_were_shown_before_are_let_go() -> None:
    async with watching(PlantedSource()) as pilot:
        seen = []
        for turn in range(8 * len(PLACES)):
            pilot.app.switch_mode(PLACES[turn % len(PLACES)].name)
            await settled(pilot)
            if turn % len(PLACES) == len(PLACES) - 1:
                gc.collect()
                seen.append(watchers([one for one in gc.get_objects() if isinstance(one, Keys)]))
        assert isinstance(pilot.app.screen.query_one(Footer), Keys)
        assert seen[-1] == seen[2], f"the footers hold more and more keys: {seen}"


async def test_keys_of_a_screen_that_is_gone_are_not_made_anew() -> None:
    async with watching(PlantedSource()) as pilot:
        keys = pilot.app.screen.query_one(Keys)
        pilot.app.switch_mode(PLACES[1].name)
        await settled(pilot)
        shown = keys._shown
        await keys.remove()
        await keys.recompose()
        assert keys._shown is shown
