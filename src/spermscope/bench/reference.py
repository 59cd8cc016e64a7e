"""What one would build from the papers, beside ours: the same work, by turns, on one core in f32.

TimeSformer-Small (Bertasius et al. 2021; 8 frames of 112 x 112) runs anew over a cell's clip for every grade; ours
encodes the newest crop and runs its head. RT-DETR R18 (Zhao et al. 2024) looks at 640 x 640; ours at a whole field of
1392 x 976. Their weights are random: times do not hang on them. Needs the train extra and transformers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spermscope.bench.scenes import BenchScene
from spermscope.clips import MOTION_FEATURES, to_model_input
from spermscope.detect import open_detector
from spermscope.grade.answers import golden_shape
from spermscope.metrics.intervals import resampled_interval
from spermscope.model_file import shipped
from spermscope.runtime import load_model
from spermscope.settings import Settings
from spermscope.simulate.scene import Scene
from spermscope.types import Frame, Scale, SourceProfile

CELLS, CLIPS = 32, 4
"""At once through ours, and through theirs, which gains nothing from more."""
ROUNDS = 9
FIELD = BenchScene("1392x976", 30)
Call = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times faster ours is: the median of as many rounds, each ours and theirs in turn, and its interval."""

    ours_ms: float
    theirs_ms: float
    value: float
    low: float
    high: float


def graders() -> dict[str, Ratio]:
    """A graded cell-frame, by engine."""
    from spermscope.training.references import timesformer_small

    in_torch, in_engine = timesformer_small(CLIPS)
    ours = _our_grader()
    return {
        "TimeSformer-Small, PyTorch": _ratio(ours, CELLS, in_torch, CLIPS),
        "TimeSformer-Small, OpenVINO": _ratio(ours, CELLS, in_engine, CLIPS),
    }


def detectors() -> dict[str, Ratio]:
    """A picture."""
    from spermscope.training.references import rt_detr_r18

    return {"RT-DETR R18, OpenVINO": _ratio(_our_detector(), 1, rt_detr_r18(), 1)}


def _our_grader() -> Call:
    model, rng = load_model(shipped("grader")), np.random.default_rng(0)
    length, width = golden_shape(model, "head/in/tokens")[1:]
    crops = rng.integers(60, 200, (CELLS, 150, 150), np.uint8)
    head = {
        "tokens": rng.normal(size=(CELLS, length, width)).astype(np.float32),
        "motion": np.zeros((CELLS, length, MOTION_FEATURES), np.float32),
        "valid": np.ones((CELLS, length), np.float32),
    }

    def grade() -> None:
        model.run("encoder", {"picture": to_model_input(crops)[:, None]})
        model.run("head", head)

    return grade


def _our_detector() -> Call:
    field = FIELD.settings
    image = Scene(field).render(0.0)
    profile = SourceProfile(field.width_px, field.height_px, 15.0, Scale(field.um_per_px, "given"), 0, 120.0, 3.0)
    detector = open_detector(profile, Settings(threads=1))
    return lambda: detector.detect(Frame(image, 0, 0.0))


def _ratio(ours: Call, our_items: int, theirs: Call, their_items: int) -> Ratio:
    """Of times an item; the first round warms up."""
    laps_s = np.array([[_lap_s(ours) / our_items, _lap_s(theirs) / their_items] for _ in range(1 + ROUNDS)])[1:]
    ratios = laps_s[:, 1] / laps_s[:, 0]
    rounds, rng = np.arange(ROUNDS), np.random.default_rng(0)
    low, high = resampled_interval(lambda rows: float(np.median(ratios[rows])), rounds, rng)
    ours_ms, theirs_ms = (1e3 * np.median(laps_s, axis=0)).tolist()
    return Ratio(ours_ms, theirs_ms, float(np.median(ratios)), low, high)


def _lap_s(call: Call) -> float:
    begun_s = time.perf_counter()
    call()
    return time.perf_counter() - begun_s
