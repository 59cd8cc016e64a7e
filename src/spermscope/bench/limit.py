"""What one core of this machine multiplies at most, and how much of it the grader's networks reach."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spermscope.clips import MODEL_PX, MOTION_FEATURES
from spermscope.grade.answers import golden_shape
from spermscope.model_file import Arrays, shipped
from spermscope.runtime import Model, load_model

SIDE = 2048
SECONDS = 2.0
CELLS = 64


@dataclass(frozen=True, slots=True)
class Limit:
    """Billions of operations a second in f32 on one core: a product of matrices, encoder and head; MAC a crop, a head.

    A multiplication and its addition are two operations.
    """

    matrices: float
    encoder: float
    head: float
    encoder_macs: float
    head_macs: float

    @property
    def share(self) -> float:
        """Of the limit, what the encoder reaches."""
        return self.encoder / self.matrices


def measure_limit() -> Limit:
    """The best of as many products of 2048 x 2048 as fit in two seconds; 64 cells at once through the grader.

    To be called where numpy has one thread (``bench.apart``).
    """
    rng = np.random.default_rng(0)
    left, right = rng.random((2, SIDE, SIDE), np.float32)
    matrices = 2e-9 * SIDE**3 / _best_s(lambda: left @ right)
    model = load_model(shipped("grader"))
    length, width = golden_shape(model, "head/in/tokens")[1:]
    picture: Arrays = {"picture": rng.normal(size=(CELLS, 1, MODEL_PX, MODEL_PX)).astype(np.float32)}
    head: Arrays = {
        "tokens": rng.normal(size=(CELLS, length, width)).astype(np.float32),
        "motion": np.zeros((CELLS, length, MOTION_FEATURES), np.float32),
        "valid": np.ones((CELLS, length), np.float32),
    }
    (encoder, encoder_macs), (head_rate, head_macs) = _reached(model, "encoder", picture), _reached(model, "head", head)
    return Limit(matrices, encoder, head_rate, encoder_macs, head_macs)


def _reached(model: Model, graph: str, given: Arrays) -> tuple[float, float]:
    """Billions of operations a second, and multiplications for one cell."""
    macs = model.multiplications(graph, given)
    return 2e-9 * macs / _best_s(lambda: model.run(graph, given)), macs / CELLS


def _best_s(call: Callable[[], object]) -> float:
    call()
    best_s, until_s = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < until_s:
        begun_s = time.perf_counter()
        call()
        best_s = min(best_s, time.perf_counter() - begun_s)
    return best_s
