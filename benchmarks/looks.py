"""What more looks at a cell would give: at every crop instead of every second.

``python -m benchmarks.looks DATASET``, a data set of ``simulate study`` with its truth. First the shipped grader by one
row of looks and by the mean of both (``every_crop``, as live): its error, and how a clip's grade differs from that of
the same clip when it was graded the last time: two crops earlier by one row, a crop earlier by both. Then heads that
are trained alike on the shipped encoder's tokens, on 70 % of the donors, with and without the tokens between
(``--heads 0`` leaves them out).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from spermscope.clips import MOTION_FEATURES, to_model_input
from spermscope.dataset import Dataset, open_dataset
from spermscope.grade import Grader, open_grader
from spermscope.labels import split_by_donor
from spermscope.metrics import calibration_error, mean_grade
from spermscope.model_file import shipped
from spermscope.models.streaming import GradeHead
from spermscope.runtime import Model, load_in
from spermscope.settings import GradeSettings, Settings
from spermscope.study.panel_clips import PanelClips, split
from spermscope.training.grader import SHARES, fit_head, predict
from spermscope.types import Clip, Grades, Scale, SourceProfile

EPOCHS = 40
READ = 32


def main() -> None:
    """Both parts, as lines."""
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--heads", type=int, default=2, help="seeds of the heads that are trained")
    given = parser.parse_args()
    dataset, model = open_dataset(given.dataset), load_in(shipped("grader"), "f32")
    clips = _clips(dataset)
    _by_rows(model, clips)
    if not given.heads:
        return
    tokens = _tokens(model, clips.frames)
    for every in (2, 1):
        for seed in range(given.heads):
            error = _trained(tokens, clips, every, seed)
            print(f"a head that looks at one crop of {every}, seed {seed}: MSE to the truth {error}", flush=True)


def _clips(dataset: Dataset) -> PanelClips:
    found, truth, traits = dataset.clips(range(len(dataset))), dataset.truth(), dataset.traits()
    if truth is None or traits is None:
        raise ValueError(f"{dataset.folder}: expected simulated clips with truth and traits, found none")
    return PanelClips(
        *(np.asarray(part) for part in (found.frames, found.time_s, found.xy_um, found.observed)),
        dataset.vote_matrix(), dataset.donor_number(), np.full(len(dataset), np.nan), truth, traits,
    )  # fmt: skip


def _by_rows(model: Model, clips: PanelClips) -> None:
    one, both = (_grader(model, clips, every_crop=every_crop) for every_crop in (False, True))
    row, last, last_before, both_last, both_before = (
        _grades(grader, clips, less, model.card.um_per_px)
        for grader, less in ((one, 1), (one, 0), (one, 2), (both, 0), (both, 1))
    )
    changes = (
        ("one row, two crops earlier", last, last_before),
        ("the other row, a crop earlier", last, row),
        ("both rows, a crop earlier", both_last, both_before),
        ("both rows instead of one", both_last, last),
    )
    for name, now, before in changes:
        emd = np.abs(np.cumsum(now.probabilities - before.probabilities, 1)).sum(1)
        changed = np.mean(now.mode != before.mode)
        print(f"{name}: EMD {np.median(emd):.3f} (median), another letter in {100 * changed:.1f} %")
    errors = [np.mean((found.probabilities - clips.truth) ** 2, 1) for found in (last, both_last)]
    for name, error, found in zip(("one row", "both rows"), errors, (last, both_last), strict=True):
        calibration = calibration_error(found.probabilities, clips.truth, clips.donor)
        off = found.expected_grade - mean_grade(clips.truth)
        doubt, wrong = (np.sqrt(np.mean(np.square(part))) for part in (found.uncertainty, off))
        print(f"{name}: MSE to the truth {error.mean():.5f}, calibration error to it {calibration:.4f}")
        print(f"  unlike training {100 * found.unlike.mean():.2f} %, doubt {doubt:.3f} grades, off {wrong:.3f}")
    by_donor = np.array([np.mean((errors[1] - errors[0])[clips.donor == donor]) for donor in np.unique(clips.donor)])
    half = 1.96 * by_donor.std() / np.sqrt(len(by_donor))
    print(f"both rows - one, by donor: {by_donor.mean():.5f} +- {half:.5f}")


def _grader(model: Model, clips: PanelClips, *, every_crop: bool) -> Grader:
    side, nan = clips.frames.shape[-1], float("nan")
    profile = SourceProfile(side, side, nan, Scale(model.card.um_per_px, "given"), 0, nan, nan)
    return open_grader(profile, Settings(grade=GradeSettings(every_crop=every_crop)), model)


def _grades(grader: Grader, clips: PanelClips, less: int, um_per_px: float) -> Grades:
    """Of each clip without its latest ``less`` crops."""
    end = clips.frames.shape[1] - less
    some = [
        Clip(
            row,
            clips.frames[row, :end],
            clips.time_s[row, :end],
            clips.xy_um[row, :end],
            clips.observed[row, :end],
            um_per_px,
        )
        for row in range(len(clips))
    ]
    return Grades.joined([grader.grade_clips(some[first : first + READ]) for first in range(0, len(some), READ)])


def _tokens(model: Model, frames: NDArray[np.uint8]) -> torch.Tensor:
    """``(N, 2, T, 256)``: as the clip is, and mirrored."""
    turns = [_encoded(model, frames), _encoded(model, frames[..., ::-1])]
    return torch.from_numpy(np.stack(turns, 1))


def _encoded(model: Model, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    rows = [
        model.run("encoder", {"picture": to_model_input(np.ascontiguousarray(clip))[:, None]})["token"]
        for clip in frames
    ]
    return np.stack(rows)


def _trained(tokens: torch.Tensor, clips: PanelClips, every: int, seed: int) -> str:
    """The error on the test donors."""
    parts = split_by_donor(clips.donor, SHARES, 0)
    learn, held, test = (np.flatnonzero(np.isin(clips.donor, part)) for part in parts)
    torch.manual_seed(seed)
    head, rng = GradeHead(features=MOTION_FEATURES), np.random.default_rng(seed)
    train, chosen, tested = (split(clips, part) for part in parts)
    fit_head(head, tokens[learn], train, tokens[held][:, 0], chosen, EPOCHS, rng, lambda done, total: None, every)
    shares = predict(head, tokens[test][:, 0], tested, every).shares
    return f"{np.mean((shares - tested.truth) ** 2):.5f} ({len(tested)} clips of {len(parts[2])} donors)"


if __name__ == "__main__":
    main()
