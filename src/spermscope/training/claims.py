"""Work shared out among processes that know of each other only by a folder: who makes a lock file does the work."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

UNWRITTEN_S = 10.0
"""A lock that stays empty for so long was left by a process that ended while it made it."""


@contextlib.contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Whether the work of the lock ``path`` is ours, until the end; a lock of a dead process here is taken over.

    Two processes that take over one dead lock at the same moment may both be told that it is theirs, so the work must
    come out the same and be put in its place by one replacement.
    """
    if abandoned(path):
        path.unlink(missing_ok=True)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except (FileExistsError, PermissionError):  # Windows refuses a name that is just being removed
        yield False
        return
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"pid": os.getpid(), "host": socket.gethostname()}, file)
    try:
        yield True
    finally:
        path.unlink(missing_ok=True)


def holder(path: Path) -> tuple[int, str] | None:
    """Process and host that hold a lock; None where nobody does, or it is not yet written."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return int(found["pid"]), str(found["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def abandoned(path: Path) -> bool:
    """Whether a lock was left by a process of this machine that is no more.

    A process works at one thing at a time: a lock with our own number is an earlier process's.
    """
    held = holder(path)
    if held is None:
        with contextlib.suppress(OSError):
            return time.time() - path.stat().st_mtime > UNWRITTEN_S
        return False
    pid, host = held
    return host == socket.gethostname() and (pid == os.getpid() or not _alive(pid))


def _alive(pid: int) -> bool:
    if sys.platform == "win32":  # there, a signal of 0 ends the process
        kernel, query, running = ctypes.windll.kernel32, 0x1000, 259
        process = kernel.OpenProcess(query, False, pid)
        code = ctypes.c_ulong()
        known = bool(process) and bool(kernel.GetExitCodeProcess(process, ctypes.byref(code)))
        kernel.CloseHandle(process)
        return known and code.value == running
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
