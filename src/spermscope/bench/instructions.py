"""Caps the instruction set of what is started, so that a server's processor speaks for an office PC.

Products of matrices and convolutions, OpenCV and numpy obey; a few of the engine's own kernels that join layers do not.
Clock, caches and memory stay this machine's: a proxy, no office PC.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Literal

Isa = Literal["native", "avx2", "avx2_vnni"]


def capped(isa: Isa) -> dict[str, str]:
    """Variables that cap it in a new process; none for ``native``."""
    if isa == "native":
        return {}
    known = import_module("numpy._core._multiarray_umath")
    names = [name for name in known.__cpu_dispatch__ if known.__cpu_features__.get(name)]
    wide = [name for name in names if name.startswith(("AVX512", "X86_V4"))]
    return {
        "ONEDNN_MAX_CPU_ISA": isa.upper(),
        "OPENCV_CPU_DISABLE": "AVX512-SKX",
        "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": " ".join(wide),
    }


def note(isa: Isa) -> str:
    """What to know about figures of that cap on this machine; '' where there is nothing."""
    flags = Path("/proc/cpuinfo")
    if isa == "avx2_vnni" and flags.is_file() and "avx_vnni" not in flags.read_text():
        return "this processor has no AVX-VNNI: avx2_vnni is avx2 here"
    return ""
