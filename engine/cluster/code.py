"""The folder in which somebody's agents stand, as every node gets it.

Owns what goes along and what does not, and the digest by which a node knows whether it has it already. Each version stands in a
folder of its own there, since a worker that dies loads its code again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.cluster import onnode
from engine.cluster.far import document
from engine.cluster.outcome import NodeFailed
from engine.errors import ConfigError

if TYPE_CHECKING:
    from engine.cluster.far import Far, Site

__all__ = ["Code", "pack"]

#: Bytes of a folder of code at most, and files: more is data, which goes another way.
CODE_BYTES, FILES = 64 * 1024 * 1024, 10_000
#: Folders that are made of others, or nobody's code.
LEFT_OUT = frozenset({"__pycache__", "node_modules", "venv"})
#: The earliest time that an archive can say.
LONG_AGO = (1980, 1, 1, 0, 0, 0)


class Code(NamedTuple):
    """A folder, packed. archive: the bytes of a zip."""

    digest: str
    archive: bytes

    async def bring(self, far: Far) -> str:
        """Have it on a node; returns the folder there. Raises NodeFailed."""
        site = await far.site()
        told = await self._unpacked(far, site)
        if told.get("ok") and not told.get("folder"):
            await far.remote.write(self.archive, f"{site.root}/wheels/{self.digest}{onnode.PART}")
            told = await self._unpacked(far, site)
        if not told.get("folder"):
            raise NodeFailed(str(told.get("message") or "the code was copied wrongly: try again"), state="failed")
        return str(told["folder"])

    async def _unpacked(self, far: Far, site: Site) -> dict[str, Any]:
        order = {"do": "unpack", "root": site.root, "digest": self.digest}
        done = await far.remote.run([f"{site.current}/bin/python", "-I", "-", json.dumps(order)], stdin=onnode.program())
        far.check(done)
        return document(done.out)


def pack(folder: Path) -> Code:
    """A folder of code; hidden files and those that Python makes stay here. Raises ConfigError."""
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}", key="--path")
    target = io.BytesIO()
    size_bytes = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, file in enumerate(sorted(_files(folder))):
            size_bytes += file.stat().st_size
            if size_bytes > CODE_BYTES or number == FILES:
                most = f"{FILES:,} files and {CODE_BYTES // 2**20} MiB"
                raise ConfigError(
                    f"{folder} has more than code has, {most}: name the folder of your agents alone", key="--path"
                )
            info = zipfile.ZipInfo(str(file.relative_to(folder)), LONG_AGO)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, file.read_bytes())
    packed = target.getvalue()
    return Code(hashlib.sha256(packed).hexdigest(), packed)


def _files(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in LEFT_OUT]
        for name in names:
            file = Path(here) / name
            if not name.startswith(".") and not name.endswith(".pyc") and file.is_file() and not file.is_symlink():
                yield file
