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
    """Variables that cap it in a new process; none for ``native``.

    Where a processor has VNNI of 512 bits alone, that stands for AVX-VNNI (``note``).
    """
    if isa == "native":
        return {}
    known = import_module("numpy._core._multiarray_umath")
    names = [name for name in known.__cpu_dispatch__ if known.__cpu_features__.get(name)]
    wide = [name for name in names if name.startswith(("AVX512", "X86_V4"))]
    engine = {"ONEDNN_MAX_CPU_ISA": isa.upper()}
    if isa == "avx2_vnni" and _wide_vnni():
        engine = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI", "ONEDNN_CPU_ISA_HINTS": "PREFER_YMM"}
    return engine | {
        "OPENCV_CPU_DISABLE": "AVX512-SKX",
        "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": " ".join(wide),
    }


def note(isa: Isa) -> str:
    """What to know about figures of that cap on this machine; '' where there is nothing."""
    if isa != "avx2_vnni" or "avx_vnni" in _flags():
        return ""
    if _wide_vnni():
        return "this processor has no AVX-VNNI: the engine uses its AVX-512 with VNNI"
    return "this processor has no VNNI: avx2_vnni is avx2 here" if _flags() else ""


def _wide_vnni() -> bool:
    return "avx512_vnni" in _flags() and "avx_vnni" not in _flags()


def _flags() -> set[str]:
    """What the processor can do; nothing where the system does not tell."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.is_file() else []
    return set(next((line for line in lines if line.startswith("flags")), "").split())
