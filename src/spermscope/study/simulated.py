"""A rating study of the published shape, with known truth, as a data set.

615 clips, 40 raters and 24,533 votes were published (IEEE Access 2024, 10.1109/ACCESS.2024.3443179): of 24,600 that
could have been given 67 are missing, and so is that share here, at random. Which donors and how many is not published.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spermscope.dataset.form import FILE, Form
from spermscope.dataset.writer import DatasetWriter, Vote
from spermscope.drawing import Progress, draw_each
from spermscope.labels import MISSING
from spermscope.settings import ClipSettings
from spermscope.simulate.donors import FEWEST, Donor
from spermscope.simulate.experts import RATERS
from spermscope.study.panel_clips import PANEL_SEED, USUAL, PanelClips, donor_clips, donor_of
from spermscope.study.traits import MOVEMENT, SHAPE
from spermscope.types import GRADES, Clip

CLIPS, DONORS = 615, 60
MISSING_SHARE = 1.0 - 24_533 / (615 * 40)


def simulate_study(
    out: Path,
    *,
    clips: int = CLIPS,
    donors: int = DONORS,
    raters: int = RATERS,
    seed: int = 0,
    panel: int = PANEL_SEED,
    um_per_px: float = USUAL.um_per_px,
    processes: int = 2,
    progress: Progress = lambda done, total: None,
) -> int:
    """Make the data set ``out`` with truth and traits, and give the number of votes; the same seed, the same set.

    Clips have ``um_per_px``. Donor n of seed s is he whom ``draw_panel_clips`` draws, seen by the same panel unless
    ``panel`` is another number.

    Raises
    ------
    ValueError
        When there are fewer clips than donors, fewer than two raters, or a data set stands there already.
    """
    if not 1 <= donors <= clips or raters < 2:
        found = f"{clips} clips, {donors} donors, {raters} raters"
        raise ValueError(f"study: expected at least a clip for each donor and two raters, found {found}")
    if (out / FILE).exists():
        raise ValueError(f"{out}: expected a new folder, found a data set")
    rules, rng = ClipSettings(um_per_px=um_per_px), np.random.default_rng([seed, 615])
    form = Form(length=rules.length, size_px=rules.size_px, rate_hz=rules.rate_hz, um_per_px=rules.um_per_px)
    draw = _Draw(seed, clips_by_donor(clips, donors, rng), raters, panel, rules)
    given = kept_votes(clips, raters, rng)
    first = 0
    with DatasetWriter(out, form) as writer:
        for number, part in enumerate(draw_each(draw, range(donors), processes, progress)):
            last = first + len(part)
            _add(writer, part, donor_of(seed, number), np.where(given[first:last], part.votes, MISSING))
            first = last
    return int(given.sum())


def clips_by_donor(clips: int, donors: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``(donors,)`` numbers that sum to ``clips``: at least 8 each where there are enough, the rest at random."""
    least = min(FEWEST, clips // donors)
    return least + rng.multinomial(clips - least * donors, np.full(donors, 1.0 / donors))


def kept_votes(clips: int, raters: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """``(clips, raters)``: all but the published share, which is missing at random."""
    kept = np.ones(clips * raters, np.bool_)
    kept[rng.choice(kept.size, round(MISSING_SHARE * kept.size), replace=False)] = False
    return kept.reshape(clips, raters)


class _Draw:
    """Draws a donor's clips; can be sent to another process."""

    def __init__(self, seed: int, counts: NDArray[np.int64], raters: int, panel: int, rules: ClipSettings) -> None:
        self._seed, self._counts, self._raters = seed, counts, raters
        self._panel, self._rules = panel, rules

    def __call__(self, number: int) -> PanelClips:
        return donor_clips(self._seed, number, int(self._counts[number]), self._raters, self._panel, self._rules)


def _add(writer: DatasetWriter, part: PanelClips, donor: Donor, votes: NDArray[np.int64]) -> None:
    for row in range(len(part)):
        name = f"{donor.code}-{row:02d}"
        seen = part.frames[row], part.time_s[row], part.xy_um[row], part.observed[row]
        scale = writer.form.um_per_px or float("nan")
        writer.add(
            name,
            Clip(row, *seen, um_per_px=scale, donor=donor.code, sample=f"{donor.code}-S1"),
            clinic=donor.clinic,
            optics=donor.optics.kind,
            source_um_per_px=donor.um_per_px,
            truth=tuple(part.truth[row].tolist()),
            traits=dict(zip((*SHAPE, MOVEMENT), part.traits[row].tolist(), strict=True)),
        )
        for rater in np.flatnonzero(votes[row] != MISSING).tolist():
            writer.vote(Vote(name, f"R{rater:03d}", GRADES[votes[row, rater]], view="clip"))
