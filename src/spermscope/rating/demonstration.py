"""A rating study of simulated clips that simulated raters have half graded: to be looked at, not believed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spermscope import __version__
from spermscope.dataset import Dataset, open_dataset
from spermscope.demo_folder import demo_folder
from spermscope.rating.creating import new_study
from spermscope.rating.opening import Study, open_study
from spermscope.rating.protocol import Protocol
from spermscope.rating.values import NewVote, Presentation
from spermscope.study.simulated import simulate_study

CLIPS, DONORS, RATERS, SEED = 48, 6, 6, 5
REGRADED = 0.3
"""How often a simulated rater gives the neighbouring grade when a clip comes again; made up."""
CANNOT_JUDGE = 0.03


def prepare_demonstration(
    out: Path, *, replace: bool = False, progress: Callable[[int, int | None], None] = lambda done, total: None
) -> Path:
    """Make the study in ``out`` and give its folder; one seat is left for whoever looks at it.

    Raises
    ------
    ValueError
        When ``out`` exists and is not an earlier demonstration that ``replace`` allows to remove.
    """
    demo_folder(out, replace=replace)
    simulate_study(out / "clips", clips=CLIPS, donors=DONORS, raters=RATERS, seed=SEED, progress=progress)
    data = open_dataset(out / "clips")
    folder, rules = out / "study", Protocol(view="field", trail=True, raters=RATERS + 1, block=12, seed=SEED)
    new_study(folder, [out / "clips"], rules, anchors=_anchors(data))
    with open_study(folder) as study:
        study.start()
        _rate_half(study, data)
    return folder


def _anchors(data: Dataset) -> dict[str, list[str]]:
    """For each grade the clip whose mean grade is nearest; none serves twice."""
    mean = data.distributions() @ np.arange(len(data.grades))
    found: dict[str, list[str]] = {}
    for at, code in enumerate(data.grades):
        nearest = int(np.nanargmin(np.abs(mean - at)))
        found[code] = [str(data.items.clip[nearest])]
        mean[nearest] = np.nan
    return found


def _rate_half(study: Study, data: Dataset) -> None:
    """Each simulated rater comes a different way: from a fifth to all of his clips."""
    rng = np.random.default_rng([SEED, 15])
    rows = {str(name): row for row, name in enumerate(data.items.clip)}
    given = data.vote_matrix()
    for seat, share in enumerate(np.linspace(0.2, 1.0, RATERS)):
        pseudonym = f"R{seat + 1:03d}"
        coming = study.next_presentations(pseudonym, study.progress(pseudonym).total)
        votes = [
            study.submit(pseudonym, _vote(study, shown, given[rows[study.sheets[shown.clip].name], seat], rng))
            for shown in coming[: max(1, round(share * len(coming)))]
        ]
        for vote in votes:
            vote.result()


def _vote(study: Study, shown: Presentation, grade: np.int64, rng: np.random.Generator) -> NewVote:
    """As a page would send it; a vote that the simulated panel left out is one that could not be judged."""
    answer = _answer(study, int(grade), rng)
    return NewVote(
        id=uuid.UUID(bytes=rng.bytes(16), version=4),
        presentation=shown.id,
        **answer,
        elapsed_ms=round(float(rng.lognormal(8.5, 0.4))),
        display_width_px=540,
        display_height_px=540,
        display_scale=1.0,
        app_version=__version__,
        protocol_version=study.protocol.version,
    )


def _answer(study: Study, grade: int, rng: np.random.Generator) -> dict[str, str]:
    if grade < 0 or rng.random() < CANNOT_JUDGE:
        return {"reason": str(rng.choice(study.protocol.reasons))}
    moved: NDArray[np.int64] = np.clip(grade + (rng.random() < REGRADED) * rng.choice([-1, 1]), 0, 4)
    return {"grade": study.protocol.codes[int(moved)]}
