"""Which scale a clip should have: the streaming grader trained alike on the same cells at 1/3, 0.5 and 2/3 um/px.

``python -m benchmarks.clip_scale DIR [--scales 0.333 0.5]``. What is drawn is kept in DIR and used again. Of each scale
an encoder learns the traits of stills, then heads learn the votes on clips: how much of each trait the encoder reads on
donors held back, and the grader's error to the truth on test donors, beside that of the usual scale on the same cells.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from spermscope.clips import MOTION_FEATURES
from spermscope.drawing import Progress
from spermscope.labels import split_by_donor
from spermscope.models.streaming import TOKEN, CropEncoder, GradeHead
from spermscope.settings import ClipSettings
from spermscope.study.panel_clips import (
    USUAL,
    PanelClips,
    draw_panel_clips,
    load_panel_clips,
    save_panel_clips,
    split,
)
from spermscope.study.traits import SHAPE
from spermscope.training.grader import SHARES, STILL_RATE, encode, fit_head, predict
from spermscope.training.stills import Stills, draw_stills, fit_stills, load_stills, read_traits, save_stills

SCALES = (1 / 3, 0.5, 2 / 3)
SEED = 51
"""Of stills and clips; donors that no shipped model has seen."""
HEAD_EPOCHS = 40


def main() -> None:
    """A table of traits and one of errors."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scales", type=float, nargs="+", default=SCALES)
    parser.add_argument("--still-donors", type=int, default=15_000)
    parser.add_argument("--clip-donors", type=int, default=240)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--heads", type=int, default=3, help="seeds of the heads")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    shares, errors = {}, {}
    for scale in given.scales:
        rules = ClipSettings(um_per_px=scale)
        stills, clips = _drawn(given.folder, rules, given.still_donors, given.clip_donors)
        torch.manual_seed(0)
        encoder = CropEncoder()
        shares[scale] = _learned(encoder, stills, given.epochs)
        errors[scale], donors = _graded(encoder, clips, given.heads)
        sys.stderr.write(f"{scale:.3f} um/px: MSE {errors[scale].mean():.5f}\n")
    _traits_table(shares)
    _errors_table(errors, donors)


def _drawn(folder: Path, rules: ClipSettings, still_donors: int, clip_donors: int) -> tuple[Stills, PanelClips]:
    stills = folder / f"stills-{rules.um_per_px:.3f}-{still_donors}.npz"
    clips = folder / f"clips-{rules.um_per_px:.3f}-{clip_donors}.npz"
    if not stills.exists():
        save_stills(stills, draw_stills(range(still_donors), SEED, progress=_told(stills.stem), rules=rules))
    if not clips.exists():
        save_panel_clips(clips, draw_panel_clips(range(clip_donors), SEED, progress=_told(clips.stem), rules=rules))
    return load_stills(stills), load_panel_clips(clips)


def _learned(encoder: CropEncoder, stills: Stills, epochs: int) -> NDArray[np.float64]:
    """``(13,)`` shares of the traits' variance that are read of the last tenth's stills, having learned the others'."""
    learned = len(stills) - len(stills) // 10
    known, held = stills.part(slice(learned)), stills.part(slice(learned, None))
    rng = np.random.default_rng(0)
    probe = fit_stills(encoder, TOKEN, known, epochs, STILL_RATE, rng, _told("encoder"))
    off = np.square(read_traits(encoder, probe, held) - held.traits).mean(0)
    return 1.0 - off / held.traits.var(0, dtype=np.float64)


def _graded(encoder: CropEncoder, clips: PanelClips, heads: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """``(heads, n)`` errors to the truth of the test donors' n clips, and ``(n,)`` their donors."""
    train, held, test = (split(clips, part) for part in split_by_donor(clips.donor, SHARES, 0))
    learned = encode(encoder, train, turns=2, rng=np.random.default_rng(0))
    chosen, tested = encode(encoder, held)[:, 0], encode(encoder, test)[:, 0]
    errors = []
    for seed in range(heads):
        torch.manual_seed(seed)
        head, rng = GradeHead(features=MOTION_FEATURES), np.random.default_rng(seed)
        fit_head(head, learned, train, chosen, held, HEAD_EPOCHS, rng, _told(f"head {seed}"))
        errors.append(np.mean((predict(head, tested, test).shares - test.truth) ** 2, 1))
    return np.stack(errors), test.donor


def _traits_table(shares: dict[float, NDArray[np.float64]]) -> None:
    print("\n| trait, % of its variance read |" + "".join(f" {scale:.3f} um/px |" for scale in shares))
    print("|---|" + "---|" * len(shares))
    for place, name in enumerate(SHAPE):
        print(f"| {name} |" + "".join(f" {100 * found[place]:.1f} |" for found in shares.values()))


def _errors_table(errors: dict[float, NDArray[np.float64]], donors: NDArray[np.int64]) -> None:
    """By donor against the usual scale, the heads' mean."""
    print("\n| um/px | MSE to the truth, each head | mean | less the usual scale's, 95 % by donor |\n|---|---|---|---|")
    for scale, error in errors.items():
        less = "" if USUAL.um_per_px not in errors else _paired(error.mean(0) - errors[USUAL.um_per_px].mean(0), donors)
        heads = ", ".join(f"{found:.5f}" for found in error.mean(1))
        print(f"| {scale:.3f} | {heads} | {error.mean():.5f} | {less} |")


def _paired(less: NDArray[np.float64], donors: NDArray[np.int64]) -> str:
    by_donor = np.array([less[donors == donor].mean() for donor in np.unique(donors)])
    drawn = np.random.default_rng(0).choice(by_donor, (2000, len(by_donor))).mean(1)
    return f"{by_donor.mean():+.5f} ({np.quantile(drawn, 0.025):+.5f} to {np.quantile(drawn, 0.975):+.5f})"


def _told(name: str) -> Progress:
    last = [time.monotonic()]

    def tell(done: int, total: int | None) -> None:
        if time.monotonic() - last[0] > 10:
            last[0] = time.monotonic()
            sys.stderr.write(f"{name}: {done} of {total}\n")

    return tell


if __name__ == "__main__":
    main()
