"""The worker process of a yardstick: agents in one dict, frames answered as they come. It ends when its socket closes, so it
never outlives its client. Started by `yardstick` as `python -m bench.yardworker FORM DESCRIPTOR`."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from typing import Any

import uvloop

from bench import raw, rows
from bench.counter import Counter
from bench.frames import Frames

__all__ = ["FORMS", "main"]

#: the forms of a frame by name: modules with `pack`, `answer` and `keep`.
FORMS = {"raw": raw, "rows": rows}


async def serve(form: str, sock: socket.socket) -> None:
    """Answer the frames of one client until it goes away."""
    agents: dict[str, Counter] = {}
    gone = asyncio.Event()
    answer = FORMS[form].answer

    def on_frame(frames: Frames, frame: Any) -> None:
        if isinstance(frame, dict):
            agents.update((f"counter/{number}", Counter()) for number in range(*frame["make"]))
            gc.collect()
            gc.freeze()
            frames.send(len(agents))
        else:
            frames.send(answer(agents, frame))

    loop = asyncio.get_running_loop()
    await loop.create_unix_connection(lambda: Frames(on_frame, gone.set), sock=sock)
    await gone.wait()


def main() -> None:
    form, descriptor = sys.argv[1:]
    sock = socket.socket(fileno=int(descriptor))
    sock.setblocking(False)
    uvloop.run(serve(form, sock))


if __name__ == "__main__":
    main()
