"""What the engine cannot run without is looked at, and each lack comes with its mend."""

from __future__ import annotations

import errno
import importlib
import os
import re
import tomllib
from pathlib import Path

import pytest

from engine import check


def test_a_finding_is_four_fields_for_a_program() -> None:
    found = check.Check("python", "bad", "Python 3.10.1", "install")
    assert found.as_dict() == {"name": "python", "verdict": "bad", "said": "Python 3.10.1", "mend": "install"}


@pytest.mark.parametrize(
    ("version", "verdict"), [((3, 10, 9), "bad"), ((3, 11, 0), "ok"), ((3, 14, 1), "ok"), ((4, 0, 0), "ok")]
)
def test_python_has_to_be_new_enough(version: tuple[int, ...], verdict: str) -> None:
    found = check.check_python(version)
    assert found.verdict == verdict
    assert ".".join(map(str, version)) in found.said


def test_another_system_is_told_that_it_takes_linux() -> None:
    assert check.check_linux("linux").verdict == "ok"
    found = check.check_linux("darwin")
    assert found.verdict == "bad"
    assert "Linux" in str(found.mend)


def test_this_machine_has_pidfd_and_memfd() -> None:
    assert check.check_pidfd(os.pidfd_open).verdict == "ok"
    assert check.check_memfd(os.memfd_create).verdict == "ok"


def test_looking_at_pidfd_and_memfd_leaves_no_file_open() -> None:
    before = os.listdir("/proc/self/fd")
    check.check_pidfd(os.pidfd_open)
    check.check_memfd(os.memfd_create)
    assert os.listdir("/proc/self/fd") == before


def test_a_container_that_forbids_pidfd_or_memfd_is_named_with_the_systems_words() -> None:
    def forbid(_: object) -> int:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    for found in (check.check_pidfd(forbid), check.check_memfd(forbid)):
        assert found.verdict == "bad"
        assert "Operation not permitted" in found.said
        assert "container" in str(found.mend)
    assert check.check_pidfd(None).verdict == check.check_memfd(None).verdict == "bad"


@pytest.mark.parametrize(
    ("soft", "hard", "workers", "verdict"),
    [
        (1024, 4096, 4, "ok"),
        (-1, -1, 1000, "ok"),
        (256, 4096, 4, "warn"),
        (256, -1, 4, "warn"),
        (256, 256, 4, "bad"),
        (1024, 1024, 1024, "bad"),
    ],
)
def test_open_files_have_to_do_for_the_workers(soft: int, hard: int, workers: int, verdict: str) -> None:
    found = check.check_files(soft, hard, workers)
    assert found.verdict == verdict
    assert (found.mend is None) == (verdict == "ok")
    if verdict == "warn":
        assert str(found.mend).startswith("ulimit -n ")


def test_every_package_is_there_and_says_its_version() -> None:
    found = check.check_packages()
    assert found.verdict == "ok"
    for name in check.PACKAGES:
        assert f"{name} " in found.said


def test_missing_packages_are_installed_by_one_command() -> None:
    def load(module: str) -> object:
        if module in {"yaml", "lz4.block"}:
            raise ModuleNotFoundError(f"No module named {module!r}")
        return importlib.import_module(module)

    found = check.check_packages(load=load)
    assert found.verdict == "bad"
    assert found.mend == "python -m pip install lz4 PyYAML"
    assert "No module named 'yaml'" in found.said


def test_the_packages_are_those_that_the_project_installs() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[3] / "pyproject.toml").read_text())["project"]
    assert set(check.PACKAGES) == {re.split(r"[<>=!~; \[]", wanted)[0] for wanted in project["dependencies"]}
