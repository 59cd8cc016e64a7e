"""An int8 variant of a grader: calibrated on some donors of a data set, judged on the others beside f32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from spermscope.dataset import Dataset, open_dataset
from spermscope.drawing import Progress
from spermscope.grade import open_grader
from spermscope.labels import split_by_donor, split_hash
from spermscope.metrics import Exam, mean_distribution
from spermscope.runtime import INT8, Arrays, Model, ModelFile, Variant, read_model
from spermscope.settings import Settings
from spermscope.training.quantise import expected_outputs, quantise
from spermscope.training.worsening import Graded, beyond, changes
from spermscope.types import Clip, Scale, SourceProfile

Ints = NDArray[np.int64]

EXPENSIVE = {"streaming": "encoder", "clip": "model"}
"""By kind of model the graph that takes the time; all others stay f32."""
MARGIN = 0.05
"""About a tenth of the way from the noise floor to what one rater reaches, and it needs no raters who are known."""
SHARES = (0.2, 0.8)
"""Donors to calibrate on and to judge on."""
LEAST_DONORS = 10
CALIBRATING = 128
"""Clips that are enough to calibrate on."""
BATCH = 50


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
    """Make the int8 variant of a grader's expensive graph, and judge it; writes nothing.

    A fifth of the donors calibrates, the others judge. ``margin`` is a share of all that can be learned
    (``worsening.margins``).

    Raises
    ------
    ValueError
        When the model is no grader or has other grades or another scale than the data set, when fewer than ten donors
        have clips with votes and displacements, or when this machine computes something else than the variant says.
    """
    file, data = read_model(path), open_dataset(dataset)
    _refuse_strangers(path, file, data)
    parts = Parts(data, seed)
    steps = _Steps(progress, len(parts.calibrating) + 2 * len(parts.judged))
    graph = EXPENSIVE[file.card.kind]
    listening = _Listening(file, graph)
    graded(listening, data, parts.calibrating, steps)
    return judge(with_int8(file, graph, quantise(file.graphs[graph], listening.heard)), parts, margin, steps)


def judge(file: ModelFile, parts: Parts, margin: float, step: Callable[[int], None] = lambda count: None) -> Trial:
    """The file's int8 variant beside its f32, on the clips to judge on; ``step`` is told of every clip graded."""
    whole = Model(file, precision="int8")
    whole.check_golden()
    before, after = (graded(model, parts.data, parts.judged, step) for model in (Model(file), whole))
    variant = Variant(
        made_by=f"spermscope export --int8 on {len(parts.calibrating)} clips, onnxruntime {onnxruntime.__version__}",
        judged_on=parts.sentence(),
        split_hash=split_hash(parts.donors),
        changes=changes(before, after, parts.exam(), margin),
    )
    return Trial(replace(file, card=file.card.model_copy(update={"variants": {"int8": variant}})), variant)


def with_int8(file: ModelFile, graph: str, int8: bytes) -> ModelFile:
    """The file with that variant of ``graph``, and with what it gives for the golden input that is there."""
    prefix = f"{graph}/in/"
    inputs = {key.removeprefix(prefix): value for key, value in file.golden.items() if key.startswith(prefix)}
    expected = {f"{graph}{INT8}/out/{name}": value for name, value in expected_outputs(int8, inputs).items()}
    return replace(file, graphs=file.graphs | {graph + INT8: int8}, golden=file.golden | expected)


class Parts:
    """Rows that have votes and displacements, to calibrate on and to judge on: no donor is in both."""

    def __init__(self, data: Dataset, seed: int) -> None:
        self.data, self._labels, self._donor = data, data.distributions(), data.donor_number()
        rows = np.flatnonzero(np.isfinite(self._labels).all(axis=1))
        rows = rows[[clip.xy_um.size > 0 and bool(np.isfinite(clip.xy_um).all()) for clip in _clips(data, rows)]]
        people = len(np.unique(self._donor[rows]))
        if people < LEAST_DONORS:
            needed = f"{LEAST_DONORS} donors or more with votes and displacements"
            raise ValueError(f"{data.folder}: expected {needed}, found {people}")
        self.donors = split_by_donor(self._donor[rows], SHARES, seed)
        self._first, self.judged = (rows[np.isin(self._donor[rows], part)] for part in self.donors)
        spaced = np.linspace(0, len(self._first) - 1, min(CALIBRATING, len(self._first)))
        self.calibrating: Ints = self._first[spaced.astype(np.int64)]

    def exam(self) -> Exam:
        """Of the judged rows; the mean row comes from the other donors."""
        rows, truth = self.judged, self.data.truth()
        return Exam(
            target=self._labels[rows],
            raters=(self.data.vote_matrix()[rows] >= 0).sum(axis=1),
            donor=self._donor[rows],
            field=self._donor[rows],
            mean=mean_distribution(self._labels[self._first], len(rows)),
            truth=None if truth is None else truth[rows],
        )

    def sentence(self) -> str:
        """What the judgement rests on."""
        simulated = "" if self.data.truth() is None else "simulated "
        return f"{len(self.judged)} clips of {len(self.donors[1])} other {simulated}donors"


class _Listening(Model):
    """A model that keeps what one of its graphs is given: how a grader prepares it is the grader's own affair."""

    def __init__(self, file: ModelFile, graph: str) -> None:
        super().__init__(file)
        self._listened_to = graph
        self.heard: list[dict[str, NDArray[Any]]] = []

    def run(self, graph: str, inputs: Arrays) -> dict[str, NDArray[np.float32]]:
        """As ``Model``."""
        if graph == self._listened_to:
            self.heard.append({name: array.copy() for name, array in inputs.items()})
        return super().run(graph, inputs)


class _Steps:
    """Clips that were graded, of all that will be."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, count: int) -> None:
        self._done += count
        self._progress(self._done, self._total)


def graded(model: Model, data: Dataset, rows: Ints, step: Callable[[int], None] = lambda count: None) -> Graded:
    """Those rows by the grader that works at the clinic, the card's scale being theirs; ``step`` as in ``judge``."""
    size, scale = data.form.size_px, Scale(model.card.um_per_px, "given")
    grader = open_grader(SourceProfile(size, size, data.form.rate_hz, scale, 0, 110.0, 3.0), Settings(), model)
    if grader.reason:
        raise ValueError(f"{data.folder}: expected clips that can be graded, found {grader.reason}")
    parts = []
    for first in range(0, len(rows), BATCH):
        some = list(_clips(data, rows[first : first + BATCH]))
        parts.append(grader.grade_clips(some))
        step(len(some))
    return Graded(np.concatenate([p.probabilities for p in parts]), np.concatenate([p.unlike for p in parts]))


def _clips(data: Dataset, rows: Ints) -> Iterator[Clip]:
    for row in rows.tolist():
        one = data.clips([row])
        scale = data.form.um_per_px or float("nan")
        yield Clip(row, one.frames[0], one.time_s[0], one.xy_um[0], one.observed[0], scale)


def _refuse_strangers(path: Path, file: ModelFile, data: Dataset) -> None:
    card = file.card
    if card.kind not in EXPENSIVE or EXPENSIVE[card.kind] not in file.graphs:
        raise ValueError(f"{path}: expected a grader, found a {card.kind} model with the graphs {sorted(file.graphs)}")
    if card.grades != data.grades:
        raise ValueError(f"{data.folder}: expected the model's grades {card.grades}, found {data.grades}")
    if data.form.um_per_px not in (None, card.um_per_px):
        raise ValueError(f"{data.folder}: expected clips of {card.um_per_px} um/px, found {data.form.um_per_px}")
