"""Faults that a storm must find: copies of the engine's sources, each with a few lines changed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from bench.yardlink import ROOT

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PLANTS", "planted"]

#: What is copied.
SOURCES = ("engine", "pools", "sprints", "checkpoints")

#: The changes of each fault: a file, lines as they are, lines that stand for them.
PLANTS: dict[str, list[tuple[str, str, str]]] = {
    # an answer leaves before its record is on the disk
    "reply-first": [
        (
            "pools/ledger.py",
            "        if self._open.parts:\n            self._open.frames.append(frame)\n",
            "        if self._open.parts:\n            self._write(frame)\n",
        )
    ],
    # what comes again is run again
    "no-dedupe": [
        ("pools/redelivery.py", "            known = ledger.known_as(session, numbers)\n", "            known = {}\n"),
    ],
    # who opens a log goes on in the segment of the one before, so that one who writes late is heard
    "stale-epoch": [
        (
            "checkpoints/commitlog.py",
            "        self._file = self._begin(place.segment, place.before_bytes)\n",
            (
                "        if place.segment > 1:\n"
                "            self._segment, self._epoch = place.segment - 1, place.epoch - 1\n"
                "            self._file = files.append(self._path(self._segment))\n"
                "        else:\n"
                "            self._file = self._begin(place.segment, place.before_bytes)\n"
            ),
        ),
        ("checkpoints/recovery.py", "        write_whole(files, path, data[:at])\n", "        files.append(path).cut(at)\n"),
    ],
}


def planted(folder: Path, plant: str) -> Path:
    """A copy of the sources with a fault. Raises ValueError where a line of it is not there."""
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file, good, bad in PLANTS[plant]:
        text = (folder / file).read_text()
        if text.count(good) != 1:
            raise ValueError(f"{file} has not the line that {plant} changes")
        (folder / file).write_text(text.replace(good, bad))
    return folder
