"""An int8 variant of a detector: calibrated on simulated pictures, judged on others beside f32."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from spermscope.drawing import Progress, draw_all
from spermscope.metrics.intervals import resampled_interval
from spermscope.model_file import ModelFile, Variant, read_model
from spermscope.runtime import Model
from spermscope.training.detector import blocks_of, count_hits, rates
from spermscope.training.int8 import Trial, with_int8
from spermscope.training.pictures import Picture, draw_picture
from spermscope.training.quantise import quantise
from spermscope.training.worsening import DRAWS, SIGHT, change

CALIBRATING, JUDGING = 128, 600
FIRST_SEED = 5_000_000
"""Trainings draw a million pictures to a seed: none of a seed below 5 draws these."""
MARGIN = 0.01
"""A point of recall, precision or F1."""
HELD = 0.99999
"""Share of what the calibration sees that a layer's steps reach: a step for the brightest glow costs precision."""


def try_int8_detector(
    path: Path, *, seed: int = 0, processes: int = 2, progress: Progress = lambda done, total: None
) -> Trial:
    """Make the int8 variant of a detector, and judge it on pictures that it was not calibrated on; writes nothing.

    Raises
    ------
    ValueError
        When the model is no detector, or this machine computes something else than the variant says.
    """
    file = read_model(path)
    if file.card.kind != "detector":
        raise ValueError(f"{path}: expected a detector, found a {file.card.kind} model")
    first = FIRST_SEED + seed * (CALIBRATING + JUDGING)
    pictures = draw_all(draw_picture, range(first, first + CALIBRATING + JUDGING), processes, progress)
    feeds = ({"blocks": blocks_of(picture).numpy()} for picture in pictures[:CALIBRATING])
    quantised = with_int8(file, "model", quantise(file.graphs["model"], feeds, first=True, held=HELD))
    return judge_detector(quantised, pictures[CALIBRATING:])


def judge_detector(file: ModelFile, pictures: list[Picture]) -> Trial:
    """The file's int8 variant beside its f32: recall, precision and F1 at the file's own threshold."""
    whole = Model(file, precision="int8")
    whole.check_golden()
    before, after = (_hits(model, pictures) for model in (Model(file), whole))
    changes = {}
    for number, name in enumerate(SIGHT):
        sides = rates(before.sum(axis=0))[number], rates(after.sum(axis=0))[number]

        def difference(rows: NDArray[np.int64], number: int = number) -> float:
            return rates(after[rows].sum(axis=0))[number] - rates(before[rows].sum(axis=0))[number]

        low, high = resampled_interval(difference, np.arange(len(pictures)), np.random.default_rng(DRAWS))
        changes[name] = change(*sides, sides[1] - sides[0], low, high, MARGIN)
    variant = Variant(
        made_by=f"spermscope export --int8 simulated on {CALIBRATING} pictures, onnxruntime {onnxruntime.__version__}",
        judged_on=f"{len(pictures)} other simulated pictures",
        split_hash="",
        changes=changes,
    )
    return Trial(replace(file, card=file.card.model_copy(update={"variants": {"int8": variant}})), variant)


def _hits(model: Model, pictures: list[Picture]) -> NDArray[np.int64]:
    """``(N, 3)`` hits, heads and judged detections of each picture."""
    constants = model.card.constants
    threshold = float(np.ravel(constants["threshold"])[0])
    slope, shift = np.ravel(constants.get("calibration", [1.0, 0.0])).tolist()
    found = (model.run("model", {"blocks": blocks_of(one).numpy()}) for one in pictures)
    outputs = [(maps["heat"][0], maps["rest"][0]) for maps in found]
    return count_hits(outputs, pictures, threshold, (slope, shift))[0]
