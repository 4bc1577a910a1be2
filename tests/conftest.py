"""What every test shares: the seed of this run, and the settings of property tests."""

from __future__ import annotations

import gc
import os
import signal
from itertools import count
from pathlib import Path
from random import Random, SystemRandom

import pytest
from hypothesis import HealthCheck, settings

#: The seed of everything drawn by chance; ENGINE_TEST_SEED replays a run.
SEED = int(os.environ.get("ENGINE_TEST_SEED") or SystemRandom().randrange(2**32))
#: The test processes of a run that has several inherit it.
os.environ["ENGINE_TEST_SEED"] = str(SEED)
#: The names of the tests' folders.
FOLDERS = count()

# A shell starts what it puts in the background with Ctrl-C ignored, and what the tests start would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "suite", deadline=None, max_examples=60, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


def pytest_collection_finish() -> None:
    """What was collected stays to the end, so that no collection of garbage needs to look at it."""
    gc.freeze()


def pytest_report_header() -> str:
    """The command that replays this run's choices."""
    return f"seed: ENGINE_TEST_SEED={SEED}"


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> Random:
    """A source of chance of the test's own, the same for the same seed and test."""
    print(f"replay with ENGINE_TEST_SEED={SEED}")
    return Random(f"{SEED}/{request.node.nodeid}")


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the test's own with a short name: a socket's path has at most 107 bytes, whoever runs the tests and where."""
    folder = tmp_path_factory.getbasetemp() / f"{next(FOLDERS)}"
    folder.mkdir(mode=0o700)
    return folder
