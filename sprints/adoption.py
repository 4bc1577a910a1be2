"""A release that was made elsewhere, here: whole before it has its name, and current after that.

Owns that it is the same, byte for byte, in manifest and files, whatever stood here under its name. How releases are made is
`release`.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from sprints.manifest import FILES, MANIFEST, Entry, Manifest
from sprints.release import MODE, NEW, Releases

__all__ = ["adopt"]


def adopt(releases: Releases, data: bytes, fetch: Callable[[Entry, str], None]) -> Manifest:
    """Have a release here and current; one that is here already is switched to.

    data: its manifest's file.  fetch: has the content of an entry in a file, with its permissions.

    Raises ManifestUnreadable, FolderInUse, OSError, and what `fetch` raises.
    """
    manifest = Manifest.read(MANIFEST, data)
    place = releases.place
    with releases.locked():
        name, folder = manifest.release, f"{releases.folder}/{manifest.release}"
        if name not in releases.names() or place.read(f"{folder}/{MANIFEST}") != data:
            _make(releases, manifest, data, fetch)
        if releases.current() != name:
            releases.switch(name)
    return manifest


def _make(releases: Releases, manifest: Manifest, data: bytes, fetch: Callable[[Entry, str], None]) -> None:
    place, folder = releases.place, f"{releases.folder}/{manifest.release}"
    made = f"{folder}{NEW}"
    place.remove_folder(made)
    place.make_folder(f"{made}/{FILES}")
    folders = {made, f"{made}/{FILES}"}
    for entry in manifest.entries:
        path = f"{made}/{FILES}/{entry.path}"
        above = os.path.dirname(path)  # noqa: PTH120 - paths are texts here
        place.make_folder(above)
        folders.add(above)
        fetch(entry, path)
        place.set_mode(path, os.stat(path).st_mode & MODE)  # noqa: PTH116 - paths are texts here
    file = place.create(f"{made}/{MANIFEST}")
    try:
        file.write(data)
        file.sync()
    finally:
        file.close()
    for each in folders:
        place.sync_folder(each)
    place.remove_folder(folder)  # what stood under its name was never the one that counts
    place.rename(made, folder)
    place.sync_folder(releases.folder)
