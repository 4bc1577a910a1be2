"""Whether an engine has room for agents that are to come, before any of them comes.

Owns the look at its limits, its pools and its kinds, and what is said where they do not fit. That there is room then, nobody
promises: who comes first has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pools.errors import TooManyAgents, UnknownKind
from pools.placement import Placement
from pools.spec import PoolSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.client import Client

__all__ = ["LACKS", "refusal", "refused"]

#: What is said where the code of a kind is not there.
LACKS = "it has no kind {kind}: bring its code, with engine cluster spawn --use MODULE:CLASS --path DIR --count N"


async def refusal(client: Client, coming: Mapping[str, int]) -> str:
    """Why some agents cannot come to an engine, by kind and number; nothing where they can.

    Raises LinkClosed, NotRunning, EngineStopped.
    """
    kinds = await client.kinds()
    unknown = [kind for kind in sorted(coming) if kind not in kinds]
    if unknown:
        return LACKS.format(kind=unknown[0])
    stats = await client.stats()
    return refused(stats["agents"], await client.pools(), coming)


def refused(agents: Mapping[str, Any], pools: Sequence[Mapping[str, Any]], coming: Mapping[str, int]) -> str:
    """The same of an engine that knows all of these kinds. agents, pools: as its snapshot has them."""
    specs = [PoolSpec(pool["name"], agents=pool["agents_limit"], kinds=tuple(pool["kinds"])) for pool in pools]
    placement = Placement(specs, agents["limit"])
    placement.used[:] = [pool["agents"] for pool in pools]
    placement.count = agents["total"]
    total = sum(coming.values())
    said = f"{total:,} more agents do not fit, it has {agents['total']:,} of {agents['limit']:,}"
    for kind, count in sorted(coming.items()):
        try:
            placement.add_range(kind, count)
        except TooManyAgents as error:
            return said if error.where == "engine" else f"{said}, and {error.where} of its pools take {kind}"
        except UnknownKind as error:
            return str(error)
    return ""
