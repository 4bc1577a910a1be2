"""New code for agents while they work: the verbs of `Engine` and `Client` about it.

Owns their names and what they return. How it is done is the pools' business.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from engine.order import Order
from pools.spec import BOUND, CANARY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pools.swarm import Swarm

__all__ = ["DEPLOYING", "DeployVerbs", "Deployed", "DeployedHere"]

#: What the verbs are called on the socket.
DEPLOYING = {"deploy": "deploy", "rollback": "rollback-deploy", "confirm": "confirm-deploy", "status": "deploy-status"}
#: Seconds within which a deploy may be told to be confirmed.
CONFIRM_S = 30 * 86_400.0


class Deployed(ABC):
    """The part of an engine or a client that is about the code of agents.

    All of these return how the deploy stands: `phase` (idle, rolling, rolled: it waits to be confirmed, back), `outcome`
    (rolled, back, stuck where some worker could not be given the old code, None while it is open), `why`, `code` (the number of
    the code that counts), `next` (of the deployed one), `share` and `highest_share` of the agents that run or ran it,
    `seconds`, `back_s`, `tasks` (all and failed, of new and old code), `warm` (processes, memory_bytes) and `workers` (the
    number of the code that each of them runs).
    """

    @abstractmethod
    async def _deploying(self, verb: str, **facts: Any) -> dict[str, Any]:
        """Have something done about a deploy."""

    async def deploy(
        self,
        module: str,
        *,
        kind: str | None = None,
        canary: float = CANARY,
        bound: float = BOUND,
        confirm_after_s: float | None = None,
        is_one_way: bool = False,
        path: str | os.PathLike[str] | None = None,
    ) -> dict[str, Any]:
        """Give all agents of a module's kinds its new code, worker by worker, while they work; their states stay.

        module: its name, or a file.  kind: the only one that is meant, by its class or its name.  path: the folder where it
        stands, before all others; None where the source was changed in its place.
        canary: share of the agents, above 0 up to 1, that has it first: whole workers, at least one.  bound: by how much of
        their tasks, 0 to 1, more may fail than with the old code; past it the old one is back at once.
        Returns when every worker has it, or has the old one again; then it is watched until it is confirmed.
        confirm_after_s: seconds after which it is confirmed by itself; None waits for `confirm_deploy`.
        A kind whose fields change needs static or class methods `upgrade(state)` and `downgrade(state)`. is_one_way: it goes
        without them, without a canary, and without a way back.
        Raises KindNotLoaded with the user's traceback, DeployRefused; then everything is as before.
        """
        facts = {"canary": canary, "bound": bound, "confirm_after_s": confirm_after_s, "is_one_way": is_one_way}
        folder = None if path is None else os.path.abspath(path)  # noqa: PTH100, ASYNC240 - as it stands in a path of imports
        return await self._deploying("deploy", module=module, kind=kind, path=folder, **facts)

    async def rollback_deploy(self) -> dict[str, Any]:
        """Give all agents their old code again. Raises DeployRefused where no deploy is open."""
        return await self._deploying("rollback")

    async def confirm_deploy(self) -> dict[str, Any]:
        """Let the new code stay; the processes with the old one end. Raises DeployRefused where none waits for it."""
        return await self._deploying("confirm")

    async def deploy_status(self) -> dict[str, Any]:
        """How the last deploy stands."""
        return await self._deploying("status")


class DeployedHere(Deployed):
    """The same for an engine's own pools."""

    @property
    @abstractmethod
    def swarm(self) -> Swarm:
        """The workers. Raises EngineStopped."""

    async def _deploying(self, verb: str, **facts: Any) -> dict[str, Any]:
        deploys = self.swarm.deploys
        if verb == "status":
            return deploys.status()
        verbs: dict[str, Any] = {"deploy": deploys.deploy, "rollback": deploys.rollback, "confirm": deploys.confirm}
        stands: dict[str, Any] = await verbs[verb](**facts)
        return stands


class DeployVerbs:
    """What the socket of an engine can be asked about deploys. verbs: what each name does."""

    def __init__(self, engine: Deployed) -> None:
        self.verbs: dict[str, Callable[[Order], Awaitable[Any]]] = {
            "deploy": self._deploy,
            "rollback-deploy": lambda _order: engine.rollback_deploy(),
            "confirm-deploy": lambda _order: engine.confirm_deploy(),
            "deploy-status": lambda _order: engine.deploy_status(),
        }
        self._engine = engine

    async def _deploy(self, order: Order) -> dict[str, Any]:
        return await self._engine.deploy(
            order.text("module"),
            kind=order.text_if_any("kind"),
            canary=order.share("canary", CANARY),
            bound=order.share("bound", BOUND),
            confirm_after_s=order.seconds_if_any("confirm_after_s", CONFIRM_S),
            is_one_way=order.flag("is_one_way"),
            path=order.text_if_any("path"),
        )
