"""Threads that share few cores: none holds on to them, and whose work can wait lets the others have them."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

import cv2

NICE = 10
_BELOW_NORMAL = -1


def share_the_processor() -> None:
    """A window, a camera, an analysis and a recording share few cores and one interpreter: none may hold on to them.

    OpenCV's pool spins while it waits for work, and a thread that waits for the interpreter asks for it after 5 ms.
    """
    cv2.setNumThreads(1)
    sys.setswitchinterval(0.001)


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
