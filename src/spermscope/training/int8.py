"""An int8 variant of a grader: calibrated on some donors of a data set, judged on the others beside f32."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from spermscope.dataset import Dataset, open_dataset
from spermscope.dataset.exam import exam_of_rows
from spermscope.drawing import Progress
from spermscope.grade import grade_rows
from spermscope.labels import split_by_donor, split_hash
from spermscope.metrics import Exam, mean_distribution
from spermscope.model_file import INT8, Arrays, ModelFile, Variant, read_model
from spermscope.runtime import Model
from spermscope.training.quantise import expected_outputs, quantise
from spermscope.training.worsening import beyond, changes, doubt_change

Ints = NDArray[np.int64]

EXPENSIVE = {"streaming": {"encoder": True, "head": False}, "clip": {"model": False}}
"""By kind of model the graphs that take the time, and whether the layers that read their inputs are in int8 as well.

In the head these are few, and how far a token lies from training is told there.
"""
MARGIN = 0.05
"""About a tenth of the way from the noise floor to what one rater reaches, and it needs no raters who are known."""
SHARES = (0.2, 0.8)
"""Donors to calibrate on and to judge on."""
LEAST_DONORS = 10
CALIBRATING = 128
"""Clips that are enough to calibrate on."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A model file with its int8 variant; ``accepted`` says whether no measure is worse than its margin."""

    file: ModelFile
    variant: Variant

    @property
    def accepted(self) -> bool:
        """Whether the file may be written."""
        return not beyond(self.variant.changes)


def try_int8(
    path: Path,
    dataset: Path,
    *,
    margin: float = MARGIN,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> Trial:
    """Make the int8 variants of a grader's expensive graphs, and judge them together; writes nothing.

    A fifth of the donors calibrates, the others judge. ``margin`` is a share of all that can be learned
    (``worsening.margins``).

    Raises
    ------
    ValueError
        When the model is no grader or has other grades or another scale than the data set, when fewer than ten donors
        have clips with votes, or when this machine computes something else than the variant says.
    """
    file, data = read_model(path), open_dataset(dataset)
    _refuse_strangers(path, file, data)
    parts = Parts(data, seed)
    total = len(parts.calibrating) + 2 * len(parts.judged)
    listening = _Listening(file)
    grade_rows(listening, data, parts.calibrating, _after(0, total, progress))
    quantised = file
    for graph, first in EXPENSIVE[file.card.kind].items():
        quantised = with_int8(quantised, graph, quantise(file.graphs[graph], listening.heard[graph], first=first))
    return judge(quantised, parts, margin, _after(len(parts.calibrating), total, progress))


def judge(file: ModelFile, parts: Parts, margin: float, progress: Progress = lambda done, total: None) -> Trial:
    """The file's int8 variant beside its f32, on the clips to judge on, each of which is graded twice."""
    whole = Model(file, precision="int8")
    whole.check_golden()
    count = len(parts.judged)
    before = grade_rows(Model(file), parts.data, parts.judged, _after(0, 2 * count, progress))
    after = grade_rows(whole, parts.data, parts.judged, _after(count, 2 * count, progress))
    found = changes(before, after, parts.exam(), margin)
    if "doubt" in file.card.constants:
        found["doubt"] = doubt_change(before, after, parts.exam(), margin)
    variant = Variant(
        made_by=f"spermscope export --int8 on {len(parts.calibrating)} clips, onnxruntime {onnxruntime.__version__}",
        judged_on=parts.sentence(),
        split_hash=split_hash(parts.donors),
        changes=found,
    )
    return Trial(replace(file, card=file.card.model_copy(update={"variants": {"int8": variant}})), variant)


def with_int8(file: ModelFile, graph: str, int8: bytes) -> ModelFile:
    """The file with that variant of ``graph``, and with what it gives for the golden input that is there."""
    prefix = f"{graph}/in/"
    inputs = {key.removeprefix(prefix): value for key, value in file.golden.items() if key.startswith(prefix)}
    expected = {f"{graph}{INT8}/out/{name}": value for name, value in expected_outputs(int8, inputs).items()}
    return replace(file, graphs=file.graphs | {graph + INT8: int8}, golden=file.golden | expected)


class Parts:
    """Rows that have votes, to calibrate on and to judge on: no donor is in both."""

    def __init__(self, data: Dataset, seed: int) -> None:
        self.data, self._labels, self._donor = data, data.distributions(), data.donor_number()
        rows = np.flatnonzero(np.isfinite(self._labels).all(axis=1))
        people = len(np.unique(self._donor[rows]))
        if people < LEAST_DONORS:
            raise ValueError(f"{data.folder}: expected {LEAST_DONORS} donors or more with votes, found {people}")
        self.donors = split_by_donor(self._donor[rows], SHARES, seed)
        self._first, self.judged = (rows[np.isin(self._donor[rows], part)] for part in self.donors)
        spaced = np.linspace(0, len(self._first) - 1, min(CALIBRATING, len(self._first)))
        self.calibrating: Ints = self._first[spaced.astype(np.int64)]

    def exam(self) -> Exam:
        """Of the judged rows; the mean row comes from the other donors."""
        mean = mean_distribution(self._labels[self._first], len(self.judged))
        return exam_of_rows(self.data, self.judged, mean)

    def sentence(self) -> str:
        """What the judgement rests on."""
        simulated = "" if self.data.truth() is None else "simulated "
        return f"{len(self.judged)} clips of {len(self.donors[1])} other {simulated}donors"


class _Listening(Model):
    """A model that keeps what its graphs are given: how a grader prepares it is the grader's own affair."""

    def __init__(self, file: ModelFile) -> None:
        super().__init__(file)
        self.heard: dict[str, list[dict[str, NDArray[Any]]]] = defaultdict(list)

    def run(self, graph: str, inputs: Arrays) -> dict[str, NDArray[np.float32]]:
        """As ``Model``."""
        self.heard[graph].append({name: array.copy() for name, array in inputs.items()})
        return super().run(graph, inputs)


def _after(before: int, total: int, progress: Progress) -> Progress:
    """Progress of a part that comes after so many clips, of so many in all."""
    return lambda done, _: progress(before + done, total)


def _refuse_strangers(path: Path, file: ModelFile, data: Dataset) -> None:
    card = file.card
    if card.kind not in EXPENSIVE or not set(EXPENSIVE[card.kind]) <= set(file.graphs):
        raise ValueError(f"{path}: expected a grader, found a {card.kind} model with the graphs {sorted(file.graphs)}")
    if card.grades != data.grades:
        raise ValueError(f"{data.folder}: expected the model's grades {card.grades}, found {data.grades}")
    if data.form.um_per_px not in (None, card.um_per_px):
        raise ValueError(f"{data.folder}: expected clips of {card.um_per_px} um/px, found {data.form.um_per_px}")
