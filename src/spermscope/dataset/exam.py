"""The clips of a data set as an exam."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spermscope.dataset.folder import Dataset
from spermscope.metrics import Exam, Floats


def exam_of_rows(dataset: Dataset, rows: NDArray[np.int64], mean: Floats) -> Exam:
    """The exam of those clips, each beside its row of ``mean (N, K)``; a donor's clips are one field.

    Without single votes where who gave which is made up, and without truth where the set was not simulated.
    """
    votes, truth, donor = dataset.vote_matrix()[rows], dataset.truth(), dataset.donor_number()[rows]
    return Exam(
        target=dataset.distributions()[rows],
        raters=(votes >= 0).sum(axis=1),
        donor=donor,
        field=donor,
        mean=mean,
        votes=votes if dataset.form.raters_known else None,
        truth=None if truth is None else truth[rows],
    )
