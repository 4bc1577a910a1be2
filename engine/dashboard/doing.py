"""Having something done: asked about first, refused where what is seen is not now, and told of afterwards.

Owns that sequence. What can be done is the business of `deeds`; the engine is asked by the app.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from textual.app import App

from engine.dashboard.board import Board, Command
from engine.dashboard.deeds import Deed
from engine.dashboard.question import Options, Question

__all__ = ["choose", "commands_for", "do"]

#: Why nothing is done now, by the class that the screen has then.
REFUSED = {
    "past": "what is shown is past: l goes back to now",
    "stale": "what is shown is old: the engine does not answer now",
}


def commands_for(board: Board, deeds: Iterable[Deed]) -> list[Command]:
    """The deeds for the palette of a screen."""
    return [Command(deed.title, deed.will, partial(do, board, deed)) for deed in deeds]


def do(board: Board, deed: Deed) -> None:
    """Ask about a deed, and do it."""
    why = next((why for name, why in REFUSED.items() if board.has_class(name)), None)
    if why is not None:
        board.app.notify(why, title=f"{deed.title}: not done", severity="warning", markup=False)
        return
    board.app.run_worker(_done(board, board.app, deed), group="deeds")


def choose(board: Board, title: str, deeds: Sequence[Deed]) -> None:
    """Have one of some deeds chosen, and do that."""

    def chosen(at: int | None) -> None:
        if at is not None:
            do(board, deeds[at])

    board.app.push_screen(Options(title, [deed.title for deed in deeds]), chosen)


async def _done(board: Board, app: App[Any], deed: Deed) -> None:
    if not await app.push_screen_wait(Question(deed)):
        return
    try:
        answer = await board.stage.act(deed.verb, **deed.facts)
    except Exception:  # noqa: BLE001 - the app has said why
        return
    app.notify(deed.done(answer), title=deed.title, markup=False)
