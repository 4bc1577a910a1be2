"""`python -P -m checkpoints FOLDER`: fold a store's sealed segments into snapshots, beside the process that writes it.

Prints what was done as a JSON object, null where there was nothing to do.
"""

from __future__ import annotations

import os
import sys

import orjson

from checkpoints.compaction import compact
from checkpoints.errors import CheckpointError
from checkpoints.failpoint import failpoint_of
from checkpoints.files import Disk

__all__ = ["main"]

#: How much this stands back behind agents that run.
NICE = 10


def main(arguments: list[str] | None = None) -> int:
    """Compact one store; returns 0, or 1 with the reason on standard error."""
    (folder,) = sys.argv[1:] if arguments is None else arguments
    os.nice(NICE)
    try:
        done = compact(Disk(), folder, failpoint=failpoint_of(os.environ))
    except (CheckpointError, OSError) as error:
        print(f"{folder} was not compacted: {error}", file=sys.stderr)
        return 1
    facts = None if done is None else {"records": done.records, "states": done.states, "bytes": done.written_bytes}
    sys.stdout.buffer.write(orjson.dumps(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
