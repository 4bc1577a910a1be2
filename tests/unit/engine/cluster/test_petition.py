"""What can be asked for about a sprint of the cluster, and what is said when it has come about, or cannot."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine.cluster.orders import Ended
from engine.cluster.petition import Petition
from engine.cluster.wishes import Wish
from pools.errors import BadArgument
from sprints.errors import SprintOver, UnknownSprint

ONE, TWO, OVER = "sp-20261121-001", "sp-20261121-002", "sp-20261121-003"
ORDER, WAITING, GONE = "q-000000000001", "q-000000000002", "q-000000000003"


class Sea:
    """A cluster: sprints with how they stand, orders, and a driver that obeys after some looks, or never."""

    def __init__(self, obeys_after: int | None = 2) -> None:
        self.sprints: dict[str, Any] = {ONE: self.told(ORDER), OVER: self.told("q-000000000004", is_over=True)}
        self.orders: dict[str, Ended | None] = {ORDER: None, WAITING: None, GONE: Ended(None)}
        self.wanted: list[tuple[str, str]] = []
        self._obeys_after = obeys_after
        self.becomes: Any = None
        self.archive = SimpleNamespace(ids=lambda: list(self.sprints))

    @staticmethod
    def told(order: str, *, is_over: bool = False) -> Any:
        header = {"settings": {"queued": order}}
        return SimpleNamespace(header=header, is_over=is_over, pause=None, aborted=None)

    # as a logbook

    async def read(self, _only: str | None = None) -> None:
        self._look()

    def _look(self) -> None:
        if self.wanted and self._obeys_after is not None:
            self._obeys_after -= 1
            if self._obeys_after == 0:
                self._obey(*self.wanted[-1])

    def _obey(self, name: str, what: str) -> None:
        if self.becomes is not None:
            self.becomes(self)
        elif name in self.orders:
            self.orders[name] = Ended(("TakenOut", "it was taken out"))
        elif what == "abort":
            self.sprints[name].aborted = "asked for"
        else:
            self.sprints[name].pause = 1.0 if what == "pause" else None

    def told_of(self, sprint: str) -> Any:
        if sprint not in self.sprints:
            raise UnknownSprint(sprint)
        return self.sprints[sprint]

    async def runs(self, told: Any) -> bool:
        return not told.is_over

    async def running(self, order: str | None = None) -> list[str]:
        return [
            name
            for name, told in self.sprints.items()
            if not told.is_over and order in (None, told.header["settings"]["queued"])
        ]

    # as orders

    async def ended(self, order: str) -> Ended | None:
        self._look()
        return self.orders.get(order)

    async def open_ones(self) -> list[Any]:
        return [SimpleNamespace(id=name) for name, ended in self.orders.items() if ended is None]

    # as wishes

    async def want(self, name: str, wish: Wish) -> Wish:
        if ("abort") in [what for one, what in self.wanted if one == name]:
            return wish._replace(what="abort")
        self.wanted.append((name, wish.what))
        return wish

    async def ask(self, what: str, word: str = "", obey_s: float = 60.0) -> dict[str, Any]:
        logbook: Any = SimpleNamespace(
            read=self.read, told=self.told_of, runs=self.runs, running=self.running, archive=self.archive
        )
        fake: Any = self
        return await Petition(logbook, fake, fake, obey_s).ask(what, word)


@pytest.mark.parametrize("word", ["", ONE, ORDER])
@pytest.mark.parametrize("what", ["pause", "abort"])
async def test_the_one_that_runs_is_told_by_its_id_its_order_or_no_word_at_all(what: str, word: str) -> None:
    sea = Sea()
    assert await sea.ask(what, word) == {"id": ONE, "asked": what, "is_obeyed": True}
    assert sea.wanted == [(ONE, what)]


async def test_what_is_so_already_is_said_at_once() -> None:
    assert (await Sea(None).ask("resume"))["is_obeyed"]


async def test_where_nobody_drives_it_is_said_that_nobody_has_done_it() -> None:
    assert await Sea(None).ask("pause", obey_s=0.0) == {"id": ONE, "asked": "pause", "is_obeyed": False}
    assert await Sea(None).ask("abort", WAITING, obey_s=0.0) == {"id": WAITING, "asked": "abort", "is_obeyed": False}


async def test_without_a_word_there_must_be_one_that_runs() -> None:
    sea = Sea()
    sea.sprints[TWO] = sea.told(WAITING)
    with pytest.raises(BadArgument, match=f"pause which sprint\\? {ONE}, {TWO} run; write its id"):
        await sea.ask("pause")
    sea.sprints = {}
    with pytest.raises(BadArgument, match="abort which sprint\\? no sprint runs; write its id"):
        await sea.ask("abort")


async def test_what_has_ended_or_never_was_can_be_told_nothing() -> None:
    sea = Sea()
    for word in (OVER, GONE):
        with pytest.raises(SprintOver, match=f"{word} has ended, so it cannot be paused"):
            await sea.ask("pause", word)
    for word in (TWO, "q-00000000000a"):
        with pytest.raises(UnknownSprint):
            await sea.ask("abort", word)
    assert sea.wanted == []


async def test_one_that_ends_before_it_is_told_has_ended() -> None:
    sea = Sea()
    sea.becomes = lambda sea: setattr(sea.sprints[ONE], "is_over", True)
    with pytest.raises(SprintOver, match="has ended, so it cannot be paused"):
        await sea.ask("pause")


async def test_one_that_is_being_aborted_does_not_go_on() -> None:
    sea = Sea(None)
    await sea.ask("abort", obey_s=0.0)
    with pytest.raises(BadArgument, match=f"{ONE} is being aborted, so it cannot go on"):
        await sea.ask("resume")


async def test_one_that_waits_can_be_taken_out_and_nothing_else() -> None:
    sea = Sea()
    with pytest.raises(BadArgument, match=f"{WAITING} waits for its turn, so it cannot be paused; .* sprint abort {WAITING}"):
        await sea.ask("pause", WAITING)
    assert await sea.ask("abort", WAITING) == {"id": WAITING, "asked": "abort", "is_obeyed": True}


async def test_one_that_has_its_turn_in_this_moment_is_aborted_or_was_done() -> None:
    for aborted in ("asked for", None):
        sea = Sea()

        def turn(sea: Sea, aborted: str | None = aborted) -> None:
            sea.sprints[TWO] = sea.told(WAITING, is_over=True)
            sea.sprints[TWO].aborted = aborted
            sea.orders[WAITING] = Ended(None)

        sea.becomes = turn
        if aborted is None:
            with pytest.raises(SprintOver):
                await sea.ask("abort", WAITING)
        else:
            assert (await sea.ask("abort", WAITING))["is_obeyed"]
