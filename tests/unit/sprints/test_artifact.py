"""One file of a task: it stays inside the work folder, is hashed as it is, and a stale one is told from a new one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sprints.artifact import ArtifactWrong, look_before, read_artifact, wrong_path

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def work(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    folder = tmp_path / "work"
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    yield folder, descriptor
    os.close(descriptor)


def test_a_file_is_hashed(work: tuple[Path, int]) -> None:
    folder, descriptor = work
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "c.txt").write_bytes(b"hello")
    found = read_artifact(descriptor, "a/b/c.txt")
    assert (found.sha256, found.size_bytes) == (hashlib.sha256(b"hello").hexdigest(), 5)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "is no path"),
        ("/etc/passwd", "not relative"),
        ("../secret", r"`\.\.`"),
        ("a/../../secret", r"`\.\.`"),
        ("./a", "empty name"),
        ("a//b", "empty name"),
        ("a/", "empty name"),
        ("a\0b", "is no path"),
        ("\ud800", "is no UTF-8"),
        ("x" * 256, "more than 255 bytes"),
        ("x/" * 3000 + "x", "is no path of 1 to"),
    ],
)
def test_a_path_that_could_lead_elsewhere_names_no_artifact(work: tuple[Path, int], path: str, why: str) -> None:
    (work[0].parent / "secret").write_text("secret")
    with pytest.raises(ArtifactWrong, match=why):
        read_artifact(work[1], path)
    assert wrong_path(path)
    look_before(work[1], path)


def test_no_link_is_followed_wherever_it_stands(work: tuple[Path, int]) -> None:
    folder, descriptor = work
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("secret")
    (folder / "file").symlink_to(outside / "file")
    (folder / "folder").symlink_to(outside)
    (folder / "inner").write_text("x")
    (folder / "near").symlink_to("inner")
    for path in ("file", "folder/file", "near"):
        with pytest.raises(ArtifactWrong, match="link"):
            read_artifact(descriptor, path)


def test_what_is_no_regular_file_is_not_waited_for(work: tuple[Path, int]) -> None:
    folder, descriptor = work
    os.mkfifo(folder / "fifo")
    (folder / "folder").mkdir()
    (folder / "file").write_text("x")
    for path, why in (
        ("fifo", "no regular file"),
        ("folder", "no regular file"),
        ("none", "missing"),
        ("file/x", "cannot be read"),
    ):
        with pytest.raises(ArtifactWrong, match=why):
            read_artifact(descriptor, path)
        assert look_before(descriptor, path) is None


def test_no_descriptor_is_left_open(work: tuple[Path, int]) -> None:
    folder, descriptor = work
    (folder / "a").mkdir()
    (folder / "a" / "b").write_text("x")
    (folder / "l").symlink_to("a")
    before = sorted(os.listdir("/proc/self/fd"))
    for path in ("a/b", "a/none", "l/b", "a", "none/x", "a/b/c"):
        with contextlib.suppress(ArtifactWrong):
            read_artifact(descriptor, path)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_an_untouched_file_is_stale_and_a_written_one_is_new(work: tuple[Path, int]) -> None:
    folder, descriptor = work
    file = folder / "out"
    assert look_before(descriptor, "out") is None
    file.write_text("one")
    assert read_artifact(descriptor, "out").is_new(None)
    os.utime(file, ns=(10**18, 10**18))
    before = look_before(descriptor, "out")
    assert not read_artifact(descriptor, "out").is_new(before)
    file.chmod(0o640)
    assert not read_artifact(descriptor, "out").is_new(before)
    file.write_text("one")  # the same again, and written
    assert read_artifact(descriptor, "out").is_new(before)
    file.write_text("two")  # another content with the old time
    os.utime(file, ns=(10**18, 10**18))
    assert read_artifact(descriptor, "out").is_new(before)


def test_a_large_old_file_is_not_hashed_before_and_a_large_fresh_one_is(
    work: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, descriptor = work
    monkeypatch.setattr("sprints.artifact.BEFORE_BYTES", 10)
    (folder / "old").write_bytes(b"x" * 20)
    os.utime(folder / "old", ns=(10**18, 10**18))
    old = look_before(descriptor, "old")
    assert old is not None
    assert old.sha256 is None
    assert not read_artifact(descriptor, "old").is_new(old)
    monkeypatch.setattr("sprints.artifact.TICK_NS", 10**12)
    (folder / "fresh").write_bytes(b"x" * 20)
    fresh = look_before(descriptor, "fresh")
    assert fresh is not None
    assert fresh.sha256 is not None


def test_a_file_past_the_limit_is_no_artifact(work: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sprints.artifact.ARTIFACT_BYTES", 10)
    (work[0] / "big").write_bytes(b"x" * 11)
    with pytest.raises(ArtifactWrong, match="11 bytes, more than 10"):
        read_artifact(work[1], "big")


@pytest.mark.parametrize("how", ["rewritten", "grows", "shrinks"])
def test_a_file_that_is_written_while_it_is_hashed_is_no_evidence(
    work: tuple[Path, int], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    folder, descriptor = work
    file = folder / "busy"
    file.write_bytes(b"x" * 3_000_000)
    read, calls = os.read, []

    def reading(opened: int, size_bytes: int) -> bytes:
        calls.append(size_bytes)
        if len(calls) == 2:
            with file.open("r+b") as other:
                other.seek(0, os.SEEK_END if how == "grows" else os.SEEK_SET)
                other.write(b"y" * 10)
                if how == "shrinks":
                    other.truncate(2_000_000)
            os.utime(file)
        return read(opened, size_bytes)

    monkeypatch.setattr(os, "read", reading)
    with pytest.raises(ArtifactWrong, match="written while"):
        read_artifact(descriptor, "busy")


def test_a_file_that_never_rests_is_never_evidence(work: tuple[Path, int]) -> None:
    folder, descriptor = work
    file = folder / "busy"
    file.write_bytes(b"x" * 30_000_000)
    is_over = threading.Event()
    begun = threading.Event()

    def write() -> None:
        with file.open("r+b", buffering=0) as other:
            while not is_over.is_set():
                other.seek(0)
                other.write(os.urandom(64))
                begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        begun.wait()
        with pytest.raises(ArtifactWrong, match="written while"):
            read_artifact(descriptor, "busy")
    finally:
        is_over.set()
        writer.join()


def test_a_gigabyte_is_hashed_in_bounded_memory(work: tuple[Path, int]) -> None:
    folder, _ = work
    with (folder / "big").open("wb") as file:
        file.truncate(1 << 30)
    program = (
        "import os, resource, sys; from sprints.artifact import read_artifact;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "found = read_artifact(os.open(sys.argv[1], os.O_RDONLY), 'big');"
        "print(found.size_bytes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=50
    )
    size_bytes, grown_kb = map(int, done.stdout.split())
    assert size_bytes == 1 << 30
    assert grown_kb < 16 * 1024
