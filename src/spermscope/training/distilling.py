"""A student learns from what a teacher predicts as well as from the votes (Hinton, Vinyals & Dean 2015).

A large network that looks at whole clips may have seen more in them than the few votes of each clip tell: its
predictions smooth their chance away. The student, which encodes every crop once, takes its place at the microscope.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spermscope.drawing import Progress
from spermscope.grade import grade_rows
from spermscope.runtime import Model
from spermscope.training.aims import Aim
from spermscope.training.material import Material

SHARE = 0.5
"""Of the teacher's word in what the student learns."""


def taught(
    aim: Aim,
    teacher: Model,
    material: Material,
    train: NDArray[np.int64],
    progress: Progress = lambda done, total: None,
) -> Aim:
    """``aim`` with the targets of the clips in ``train`` drawn half way to what the teacher predicts of them.

    All other targets stay the votes, so that epochs are chosen, and scores given, by votes alone.

    Raises
    ------
    ValueError
        When the teacher is no grader, or one of other grades or clips.
    """
    predicted = grade_rows(teacher, material.dataset, material.rows[train], progress).probabilities
    target = aim.target.copy()
    target[train] = (1 - SHARE) * target[train] + SHARE * predicted
    return replace(aim, target=target)
