"""A candidate for the lead as a process of its own, which writes down when it led and what it did then.

`python -m tests.support.candidate NAME FOLDER REPLICAS CREDENTIALS CA URL...`, where CA may be empty: in FOLDER it appends to
NAME.led a line `token since until` in monotonic seconds for each renewal, and to `acts` its token, through the fence, while it
leads.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from engine.cluster.access import Access, connected
from engine.cluster.election import Election
from engine.cluster.fence import Fence, StaleToken
from engine.cluster.lease import DRIFT, Lease, Term

__all__ = ["LEASE_S", "main"]

LEASE_S, CHECK_S = 2.0, 0.4
#: Their own, so that gateways on the same servers are no candidates of it.
CLUSTER = "candidates"


async def main(name: str, folder: Path, access: Access, replicas: int) -> None:
    """Take part until killed."""
    nats = await connected(access, name, lambda line: None, wait_s=60)
    fence = Fence(folder / "fence")
    lease = Lease(name, Term(LEASE_S, CHECK_S))
    election = Election(nats, CLUSTER, lease, replicas=replicas, seen=fence.see, told=lambda line: None)
    with (folder / f"{name}.led").open("a", buffering=1) as led, (folder / "acts").open("a", buffering=1) as acts:
        while True:
            began_s = time.monotonic()
            await election.once()
            token = election.token()
            if token is not None:
                until_s = min(began_s + LEASE_S * (1 - DRIFT), _end_s(lease))
                led.write(f"{token} {time.monotonic()} {until_s}\n")
                try:
                    with fence.passing(token):
                        acts.write(f"{token}\n")
                except StaleToken:
                    acts.write("refused\n")
            await asyncio.sleep(CHECK_S)


def _end_s(lease: Lease) -> float:
    """The last moment at which it believes to lead."""
    low_s, high_s = time.monotonic(), time.monotonic() + LEASE_S
    for _ in range(30):
        middle_s = (low_s + high_s) / 2
        low_s, high_s = (middle_s, high_s) if lease.token(middle_s) is not None else (low_s, middle_s)
    return low_s


if __name__ == "__main__":
    _, name, folder, replicas, credentials, ca, *urls = sys.argv
    access = Access(tuple(urls), Path(credentials), Path(ca) if ca else None)
    asyncio.run(main(name, Path(folder), access, int(replicas)))
