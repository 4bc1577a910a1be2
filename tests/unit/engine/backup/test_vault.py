"""A backup has its name when it is whole, and leaves nothing behind when it is not."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from engine.backup.vault import Vault, read_vault
from engine.errors import BackupDamaged

FILES = {"p1/0/MANIFEST": b"abc", "p1/0/00000001.log": os.urandom(3_000_000), "_roster/MARK": b""}


def chunked(data: bytes) -> list[bytes]:
    return [data[at : at + 7_777] for at in range(0, len(data), 7_777)]


@pytest.mark.parametrize("name", ["b", "b.tar"])
def test_what_was_written_is_read_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with Vault(path) as vault:
        for file, data in FILES.items():
            vault.put(file, len(data), chunked(data))
        assert {file: b"".join(chunks) for file, chunks in vault.read()} == FILES
        assert not path.exists()
        vault.seal()
    assert {file: b"".join(chunks) for file, chunks in read_vault(path)} == FILES
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    for place in [path, *path.rglob("*")]:
        assert stat.S_IMODE(place.stat().st_mode) == (0o700 if place.is_dir() else 0o600), place


@pytest.mark.parametrize("name", ["b", "b.tar"])
def test_an_unfinished_one_leaves_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(BackupDamaged, match="shorter"), Vault(tmp_path / name) as vault:
        vault.put("p1/0/MANIFEST", 5, [b"abc"])
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").touch()
    (tmp_path / "b.tar").touch()
    for name in ("a", "b.tar"):
        with pytest.raises(FileExistsError):
            Vault(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with Vault(tmp_path / "empty") as vault:
        vault.put("p1/0/MANIFEST", 3, [b"abc"])
        vault.seal()
    assert (tmp_path / "empty/p1/0/MANIFEST").read_bytes() == b"abc"


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").symlink_to("/etc/passwd")
    with pytest.raises(BackupDamaged, match="plain file"):
        list(read_vault(tmp_path / "a"))
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        with tarfile.open(tmp_path / "x.tar", "w") as tar:
            info = tarfile.TarInfo("p1/0/MANIFEST")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
        with pytest.raises(BackupDamaged, match="plain file"):
            list(read_vault(tmp_path / "x.tar"))


@pytest.mark.parametrize("data", [b"", b"nonsense" * 200])
def test_what_is_no_tar_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(data)
    with pytest.raises(BackupDamaged):
        list(read_vault(tmp_path / "x.tar"))


def test_a_tar_that_was_cut_is_refused(tmp_path: Path) -> None:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        info = tarfile.TarInfo("p1/0/MANIFEST")
        info.size = 5_000
        tar.addfile(info, io.BytesIO(bytes(5_000)))
    (tmp_path / "x.tar").write_bytes(whole.getvalue()[:3_000])
    with pytest.raises(BackupDamaged):
        for _, chunks in read_vault(tmp_path / "x.tar"):
            b"".join(chunks)
