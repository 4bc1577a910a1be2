"""An error, as a person or a program reads it on standard error.

Owns the one line, the JSON object and the exit code. It is the only place where an error becomes text for the terminal.
"""

from __future__ import annotations

import json
import sys
import traceback
from contextlib import suppress
from errno import EACCES, EDQUOT, EISDIR, EMFILE, ENFILE, ENOENT, ENOSPC, ENOTDIR, EPERM, EROFS
from typing import Any

from engine import errors
from engine.cli.misuse import Misuse
from engine.cli.screen import clean
from engine.errors import (
    BackupDamaged,
    BadBacklog,
    CheckpointError,
    ConfigError,
    Corrupt,
    DiskFull,
    KindNotLoaded,
    NotRecorded,
    ReadFailed,
    StoreFailed,
    StoreFull,
    StoreStopped,
    TaskFailed,
    exit_code,
)

__all__ = ["as_dict", "code_of", "report"]

SCHEMA = "engine.error/v1"
#: What to do about an error of the store whose message does not say it.
MENDS: dict[type[Exception], str] = {
    Corrupt: "nothing was changed; for all that is damaged: engine checkpoints verify",
    DiskFull: "make room, then try again",
    ReadFailed: "see that the disk is well and the file is yours, then try again",
    StoreFailed: "see that the disk is well, then start the engine again",
    StoreFull: "make room; the engine goes on by itself",
    StoreStopped: "see that the disk is well, then start the engine again",
}
#: What to do about what the system refuses.
SYSTEM_MENDS: dict[int, str] = {
    **dict.fromkeys((EACCES, EPERM), "take a place that is yours, or have its owner let you in"),
    **dict.fromkeys((EDQUOT, ENOSPC), "make room, then try again"),
    EISDIR: "a file is wanted here, and this is a folder",
    **dict.fromkeys((EMFILE, ENFILE), "see: engine doctor, and ulimit -n"),
    ENOENT: "see how it is written, and whether its folder is there",
    ENOTDIR: "a part of this path is a file, and no folder",
    EROFS: "take a place that can be written",
}


def code_of(error: BaseException) -> int:
    """The exit code that an error means."""
    return errors.WRONG if isinstance(error, Misuse) else exit_code(error)


def as_dict(error: BaseException) -> dict[str, Any]:
    """The error as JSON shows it."""
    kind = error.type if isinstance(error, TaskFailed) else type(error).__name__
    message = error.message if isinstance(error, TaskFailed) else str(error)
    shown: dict[str, Any] = {"type": kind, "message": message}
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        shown["retry_after_s"] = retry_after_s
    if isinstance(error, KindNotLoaded) and error.trace:
        shown["trace"] = error.trace
    if isinstance(error, BackupDamaged):
        shown["file"] = error.file
    if isinstance(error, BadBacklog):
        shown |= {"key": error.key, "place": error.place}
    if isinstance(error, NotRecorded):
        shown |= {"before_s": error.before_s, "after_s": error.after_s}
    if isinstance(error, ConfigError):
        shown |= {"key": error.key, "file": None if error.file is None else str(error.file), "line": error.line}
    if isinstance(error, Corrupt):
        shown |= {"file": error.file, "offset": error.offset}
    return shown


def report(error: Exception, *, is_json: bool, is_debug: bool) -> int:
    """Say an error on standard error; returns its exit code."""
    code = code_of(error)
    with suppress(OSError):
        sys.stdout.flush()  # the error stands behind what was printed before, also where both go into one pipe
    if is_debug:
        traceback.print_exception(error)
    if is_json:
        print(json.dumps({"schema": SCHEMA, "exit_code": code, "error": as_dict(error)}, ensure_ascii=False), file=sys.stderr)
        return code
    if isinstance(error, KindNotLoaded) and error.trace:
        print(clean(error.trace.rstrip(), keep="\n"), file=sys.stderr)
    print(f"engine: {_line(error)}", file=sys.stderr)
    return code


def _line(error: Exception) -> str:
    if isinstance(error, OSError):
        mend = SYSTEM_MENDS.get(error.errno or 0)
        return clean(f"{error.filename or 'the system'}: {error.strerror or error}{f'; {mend}' if mend else ''}")
    if isinstance(error, CheckpointError):
        mend = MENDS.get(type(error))
        return clean(f"{error}; {mend}" if mend else str(error))
    if hasattr(error, "retry_after_s"):
        notes = [note for note in getattr(error, "__notes__", ()) if note]
        return clean(": ".join([*notes, str(error)]))
    return clean(f"internal error, {type(error).__name__}: {error}; run it again with --debug for the traceback")
