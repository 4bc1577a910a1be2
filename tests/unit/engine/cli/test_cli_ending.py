"""How Ctrl-C and SIGTERM end a command: never within an import, soon after it, and with their handlers given back."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from engine.cli.ending import Terminated, endings, endings_by_loop

ENDED = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}

INTERRUPTED = """\
import os
import time
os.kill(os.getpid(), {number})
until = time.monotonic() + 0.03
while time.monotonic() < until:
    pass
done = True
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_comes_during_an_import_is_raised_after_it(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"interrupted_by_{number:d}"
    (tmp_path / f"{name}.py").write_text(INTERRUPTED.format(number=int(number)))
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ENDED[number]), endings():
        importlib.import_module(name)
        time.sleep(5)
    assert sys.modules.pop(name).done


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_elsewhere_it_is_raised_at_once_and_the_handlers_are_given_back(number: signal.Signals) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
    with pytest.raises(ENDED[number]), endings():
        os.kill(os.getpid(), number)
        time.sleep(5)
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)] == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_alarm_without_a_reason_ends_nothing() -> None:
    with endings():
        os.kill(os.getpid(), signal.SIGALRM)
        time.sleep(0.01)


def test_a_loop_cancels_its_task_which_cleans_up() -> None:
    cleaned = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(5)
        finally:
            cleaned.append(True)

    with endings():
        inside = signal.getsignal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), endings_by_loop():
            asyncio.run(work())
        assert signal.getsignal(signal.SIGINT) is inside
    assert cleaned
