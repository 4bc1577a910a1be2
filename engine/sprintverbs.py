"""The control verbs about sprints.

Owns their names and the form of what they answer. What a sprint is, and what is done with it, is the business of `sprinting`.
Nothing of the sprints is loaded before one is asked for, or one that was killed is to go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from engine.engine import Engine
from engine.order import Order
from pools.errors import BadArgument

if TYPE_CHECKING:
    from engine.sprinting import Sprinting
    from engine.sprintqueue import Run

__all__ = ["SprintVerbs"]


class SprintVerbs:
    """What the socket of an engine can be asked about sprints. verbs: what each name does.  folder: where they are kept."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._sprinting: Sprinting | None = None
        self.verbs: dict[str, Callable[[Order], Awaitable[Any]]] = {
            "sprint-run": self._run,
            "sprint-status": self._status,
            "sprint-turn": self._turn,
            "sprint-wait": self._wait,
            "sprint-pause": self._pause,
            "sprint-resume": self._resume,
            "sprint-abort": self._abort,
        }

    def start(self) -> None:
        """Go on with what was killed, if there is anything."""
        if self._folder.is_dir() and any(self._folder.iterdir()):
            self._loaded().resume()

    async def close(self) -> None:
        """Leave what runs as it is."""
        if self._sprinting is not None:
            await self._sprinting.close()

    def _loaded(self) -> Sprinting:
        if self._sprinting is None:
            self._sprinting = self._engine.sprinting_in(self._folder)
        return self._sprinting

    async def _run(self, order: Order) -> dict[str, Any]:
        """Begin a campaign on the backlog in a file, which is removed once it is read."""
        from sprints.backlog import read_backlog
        from sprints.settings import Settings

        file = Path(order.text("file"))
        if file.parent != self._folder:
            raise BadArgument(f"a backlog is handed over in {self._folder}, not as {file}")
        try:
            backlog = await asyncio.to_thread(lambda: read_backlog(orjson.loads(file.read_bytes())))
        except OSError as error:
            raise BadArgument(f"{file} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise BadArgument(f"{file} is no JSON: {error}") from error
        finally:
            await asyncio.to_thread(file.unlink, missing_ok=True)
        price = order.value("price")
        settings = Settings(
            folder=order.text("folder"),
            sprints=order.value("sprints"),
            speed=1.0 if order.value("speed") is None else order.value("speed"),
            seed=order.value("seed") or 0,
            path=tuple(order.texts("path")),
            price=price,
            is_optimized=not order.flag("is_plain"),
            workers=len(self._engine.swarm.seats),
        )
        sprinting = self._loaded()
        if not order.flag("is_queued"):
            return await self._begun(await sprinting.run(backlog, settings))
        found = await sprinting.queue(backlog, settings)
        if isinstance(found, str):
            return {"backlog": backlog.name, "sprint": "", "queued": found}
        return await self._begun(found)

    async def _turn(self, order: Order) -> dict[str, Any]:
        """Answer when a campaign that waited has begun."""
        found = await self._loaded().turn(order.text("queued"))
        return {"sprint": found} if isinstance(found, str) else await self._begun(found)

    async def _begun(self, run: Run) -> dict[str, Any]:
        await self._loaded().begun(run)
        return {"backlog": run.campaign.backlog.name, "sprint": run.campaign.first}

    async def _wait(self, order: Order) -> None:
        """Answer when a campaign has ended, known by its first sprint; with what it failed with."""
        await self._loaded().ended(order.text("sprint"))

    async def _status(self, _order: Order) -> list[dict[str, Any]]:
        return [] if self._sprinting is None else self._sprinting.status()

    async def _pause(self, order: Order) -> None:
        await self._loaded().pause(order.text("sprint"))

    async def _resume(self, order: Order) -> None:
        await self._loaded().go_on(order.text("sprint"))

    async def _abort(self, order: Order) -> None:
        await self._loaded().abort(order.text("sprint"), order.text_if_any("why") or "somebody asked for it")
