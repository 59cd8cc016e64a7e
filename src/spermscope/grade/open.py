"""What every grader meets, and which one a model file asks for."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spermscope.grade.streaming import StreamingGrader
from spermscope.grade.whole_clip import WholeClipGrader
from spermscope.model_file import shipped
from spermscope.runtime import Model, load_in
from spermscope.settings import Settings
from spermscope.types import Clip, Crops, Grades, SourceProfile


class Grader(Protocol):
    """Grades cells.

    ``reason`` says why nothing is graded on this source, '' when it is. A track is graded at its ``first``-th crop and
    every ``every`` crops later; of a clip the latest ``span`` crops count. ``step`` is called once a frame with the
    crops that fell due and answers for those tracks whose turn it is; ``grade_clips`` grades exactly the given crops;
    ``forget`` lets go of ended tracks.
    """

    reason: str
    first: int
    every: int
    span: int
    model: Model

    def step(self, crops: Crops, *, late: bool = False) -> Grades:
        """Running grades of the tracks in ``crops``; may have fewer rows.

        ``late`` asks for less work: the tracks whose turn it is are passed over, save who was the last time.
        """
        ...

    def grade_clips(self, clips: list[Clip]) -> Grades:
        """One row for each clip, in order. All NaN in ``xy_um`` means that displacements are not known."""
        ...

    def forget(self, track_ids: NDArray[np.int64]) -> None:
        """Drop what is kept of these tracks."""
        ...


def open_grader(profile: SourceProfile, settings: Settings, model: Model | None = None) -> Grader:
    """The grader that ``model`` asks for, by its card; the shipped demonstration unless one is given.

    Raises
    ------
    ValueError
        One line: the model is no grader, or it takes other crops than ``settings.clip`` cuts.
    """
    model = model or load_in(shipped("grader"), settings.precision)
    if model.card.kind == "streaming":
        return StreamingGrader(profile, settings, model)
    if model.card.kind == "clip":
        return WholeClipGrader(profile, settings, model)
    raise ValueError(
        f"{model.card.name}: expected a grader (streaming or clip), found a model of kind {model.card.kind}"
    )
