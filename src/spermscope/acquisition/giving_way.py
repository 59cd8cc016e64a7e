"""Threads whose work can wait let the others have the processor."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

NICE = 10
_BELOW_NORMAL = -1


def give_way() -> None:
    """Let the calling thread run where others leave the processor idle, if the system can tell threads apart.

    Linux gives each thread a priority of its own (``setpriority(2)``, "C library/kernel differences"), Windows too.
    """
    with suppress(OSError):
        if sys.platform == "linux":
            me = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, me, max(os.getpriority(os.PRIO_PROCESS, me), NICE))
        elif sys.platform == "win32":
            import ctypes

            kernel = ctypes.windll.kernel32
            kernel.SetThreadPriority(kernel.GetCurrentThread(), _BELOW_NORMAL)
