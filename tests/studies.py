"""Data sets of noise pictures whose votes follow how fast the cell goes: small, and something to be learned."""

import numpy as np

from spermscope.dataset import DatasetWriter, Form
from spermscope.dataset.writer import Vote
from spermscope.types import Clip


def noise_study(folder, *, clips=24, donors=8, raters=4, seed=0, raters_known=True):
    """The first five clips have all votes on one grade each, so that every grade is used."""
    rng = np.random.default_rng(seed)
    with DatasetWriter(folder, Form(raters_known=raters_known)) as writer:
        for number in range(clips):
            step_um = rng.uniform(0, 3)
            frames = rng.integers(0, 256, (16, 150, 150), np.uint8)
            xy_um = np.cumsum(rng.normal(0, step_um, (16, 2)), axis=0)
            times_s, donor = np.arange(16) / 15, f"D{number % donors}"
            writer.add(f"c{number}", Clip(number, frames, times_s, xy_um, np.ones(16, bool), 0.5, donor, "S"))
            middle = number if number < 5 else 4 - 1.6 * step_um
            for rater in range(raters):
                grade = int(np.clip(np.rint(middle + (number >= 5) * rng.normal(0, 0.7)), 0, 4))
                writer.vote(Vote(f"c{number}", f"r{rater}", "ABCDE"[grade]))
    return folder
