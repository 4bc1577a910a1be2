"""The pools of an engine that is made in code: given, read from a file, or one for this machine.

Owns the choice. What a file may say is `config`'s knowledge, what fits the machine `capacity`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from engine.capacity import check_pools
from engine.machine import read_machine
from pools.breaker import BreakerSpec
from pools.quota import Quotas
from pools.spec import AGENTS_TOTAL, ForesightSpec, PoolSpec

__all__ = ["Allotment", "pools_of"]


class Allotment(NamedTuple):
    """What an engine is given.

    limit: the most agents in all.  references: of the kinds that a file names.  breaker: when breakers open.
    quotas: what each kind and tenant may take.
    """

    pools: Sequence[PoolSpec]
    limit: int
    references: Sequence[str] = ()
    breaker: BreakerSpec = BreakerSpec()
    foresight: ForesightSpec = ForesightSpec()
    quotas: Quotas = Quotas()


def pools_of(pools: Sequence[PoolSpec] | str | Path | None, limit: int | None, kinds: Mapping[str, str]) -> Allotment:
    """The pools, with what the file says of all of them. kinds: those that are made in code, of which it is not asked."""
    machine = read_machine()
    if pools is None:
        agents = AGENTS_TOTAL if limit is None else limit
        return Allotment([PoolSpec("p1", agents=agents, workers=max(int(machine.cores) - 1, 1))], agents)
    if isinstance(pools, str | Path):
        from engine.config import load

        flags = {f"kinds.{kind}": reference for kind, reference in kinds.items()}
        config = load(Path(pools), flags=flags, environ={}, cwd=Path.cwd(), machine=machine)
        more = [reference for kind, reference in config.kinds.items() if kind not in kinds]
        agents = config.agents_limit if limit is None else limit
        return Allotment(config.pools, agents, more, config.breaker, config.foresight, config.quotas)
    agents = sum(pool.agents for pool in pools) if limit is None else limit
    check_pools(pools, agents, machine)
    return Allotment(pools, agents)
